// Device's other half: how it begins, ends and comes back, and whom it is connected with.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "simulator/check.h"
#include "simulator/claims.h"
#include "simulator/damage.h"
#include "simulator/device.h"
#include "simulator/tables.h"

namespace strandline::simulator {
namespace {

constexpr const char* kDatabase = "device.db";
constexpr const char* kJournal = "device.db-journal";
/// Of each of a device's two connections, where there are many devices: what one transaction touches.
constexpr const char* kSmallCache = "PRAGMA cache_size = -128";
constexpr std::int64_t kSmallCacheBytes = 128 * 1024;
/// How long a device is away after its processes died.
constexpr std::int64_t kDownUsMin = 100 * kUsPerMs;
constexpr std::int64_t kDownUsMax = 8 * kUsPerSecond;

/// Chance for one handshake.
net::Secret<32> ephemeral(Random& random) {
    const std::string bytes = random.bytes(32);
    net::Secret<32> secret;
    std::ranges::copy(bytes, secret.data());
    return secret;
}

template <typename T>
void require(const Result<T>& result) {
    if (!result) throw WorldBroken(result.error().message);
}

}  // namespace

// --- life ---------------------------------------------------------------------------------------

void Device::join(const std::vector<const Device*>& members, bool syncs_fully) {
    check(life_ == Life::absent, "a device joins once");
    syncs_fully_ = syncs_fully;
    require(init_database(
        {kDatabase, id(), fmt::format("device {}", index_), disk_.name(), [this] { return random_.next(); }},
        clock_.now()));
    app_.emplace(kDatabase, disk_.name(), syncs_fully_, witness_);
    if (world_.is_large) app_->sql().run(kSmallCache);
    for (const Table& table : tables()) check(app_->sql().run(table.sql) == 0, "a table cannot be made");
    open_engine();
    check(engine_.has_value(), "a new device does not open");
    for (const Ownership ownership : {Ownership::shared, Ownership::device_owned}) {
        std::vector<std::string> names;
        for (const Table& table : tables()) {
            if (table.ownership == ownership) names.push_back(table.name);
        }
        require(engine_->track(names, ownership, clock_.now()));
    }
    for (const Device* member : members) {
        members_.insert(member->id());
        if (member != this) require(engine_->trust(member->id(), "", clock_.now()));
    }
}

void Device::dial(const Device& peer) {
    named_.push_back(
        {peer.index(), net::tcp::Dialer({"device", static_cast<std::uint16_t>(peer.index())}), nullptr});
    if (runs()) ask_settle();
}

bool Device::open_app() {
    app_.emplace(kDatabase, disk_.name(), syncs_fully_, witness_);
    if (world_.is_large) app_->sql().run(kSmallCache);
    witness_.owe_again();  // What the engine wrote again, and had no time to tell.
    const auto lost = witness_.reopened(app_->sql(), may_lose_);
    if (!lost) return false;
    tally_.lost += *lost;
    if (*lost > 0) world_.chronicle.count_situation(Situation::commits_lost);
    may_lose_ = false;
    return true;
}

bool Device::count_opening() {
    const auto remembered = engine_->remember([this]() -> Result<Opening> {
        ++opened_;
        ++key_files_;
        return opening();
    });
    if (!remembered) note("fails", remembered.error().message);
    return remembered.has_value();
}

/// What it had folded by then bears stamps of a life that the next opening may not go on with.
void Device::see_failed_opening() {
    if (disk_.is_down() && life_ == Life::stopped) return after_door();
    if (disk_.is_down() || !witness_.has_pending()) return;
    disk_.heal();  // Whoever checks must be able to read.
    witness_.look(app_->sql());
}

void Device::open_engine() {
    EngineOptions options{kDatabase, id(), disk_.name(), [this] { return random_.next(); }, opening()};
    if (world_.is_large) options.page_cache_bytes = kSmallCacheBytes;
    // Of some devices pages wait, and are applied step by step.
    Random tempo = random_.fork("tempo", opened_);
    if (tempo.one_in(3)) options.rows_per_second_max = tempo.between(200, 5'000);
    // To some even the rows of the fault "large" are, to others not even those of "huge": a row may come whole from one
    // peer, and in parts from the other.
    Random parts = random_.fork("parts", opened_);
    options.whole_value_bytes_max = static_cast<std::size_t>(parts.between(8'000, 400'000));
    options.forgets = world_.forgets;
    if (!has_key_) return be_refused(options);
    auto opened = Engine::open(options, clock_.now());
    if (!opened) {
        note("fails", opened.error().message);
        return see_failed_opening();
    }
    engine_.emplace(std::move(*opened));
    if (!count_opening()) {
        engine_.reset();
        return see_failed_opening();
    }
    ++life_number_;
    life_ = Life::running;
    tell_life("running");
    settle_due_ = look_due_ = false;
    armed_.reset();
    for (Named& named : named_) {
        named.connection.reset();
        named.dialer = net::tcp::Dialer(named.dialer.address());
    }
    world_.network.listen(index_,
                          [this](Network::Port port, std::size_t from) { return accept(port, from); });
    note("starts", fmt::format("opening number {}", opened_));
    check_promises();
    check_claims();
    after_door();
    if (!runs()) return;
    pulse();
    tick();
}

void Device::check_promises() {
    if (life_ != Life::running || !app_ || app_->is_in_transaction()) return;
    const auto coverage = read_coverage(app_->sql());
    if (!coverage) return;
    const auto self = read_origin(app_->sql());
    if (!self) return;
    promises_.keep(*coverage, *self);
    if (Recorder* recorder = world_.chronicle.recorder()) recorder->holds(index_, *coverage);
}

void Device::check_claims() {
    if (life_ != Life::running || !app_ || app_->is_in_transaction()) return;
    demand_claims(app_->sql(), world_.model);
}

void Device::check_durable() {
    if (life_ != Life::running || disk_.is_down() || disk_.is_synced()) return;
    const disk::DiskImage image = disk_.durable_image();
    // A connection that has found a database in WAL mode never again asks for the journal that came before.
    if (image.contains(kJournal)) remains_.reset();
    if (!remains_) remains_.emplace(disk_.name() + "-left", kDatabase, clock_);
    remains_->disk.refill(image);
    const auto coverage = read_coverage(remains_->sql);
    const auto self = read_origin(remains_->sql);
    if (!coverage || !self) throw LawBroken(11, "what would survive a power cut is no database");
    promises_.demand_durable(*coverage, *self);
    if (world_.is_large) remains_.reset();
}

void Device::stop() {
    if (life_ != Life::running) return;
    note("stops", "in an orderly way");
    forget_connections();
    world_.network.hang_up(index_);
    world_.network.listen(index_, {});
    if (!engine_->failure()) (void)count_opening();
    engine_.reset();
    is_paused_ = false;
    ++life_number_;
    life_ = Life::stopped;
    tell_life("stopped");
    after_door();
}

void Device::start() {
    if (life_ == Life::stopped) open_engine();
}

void Device::crash(std::uint64_t at_call) {
    if (!is_up()) return;
    note("fault", fmt::format("crashes at call {}", at_call));
    is_power_cut_ = false;
    if (at_call > 0) return disk_.crash_at_call(at_call);
    disk_.crash();
    after_door();
}

void Device::cut_power(const disk::Survival& survival, std::uint64_t at_call) {
    if (!is_up()) return;
    note("fault", fmt::format("loses its power at call {}", at_call));
    is_power_cut_ = true;
    if (at_call > 0) return disk_.cut_power_at_call(at_call, survival);
    disk_.cut_power(survival);
    after_door();
}

/// Every process is gone, and the connections with them.
void Device::die(bool without_power) {
    if (life_ == Life::down || life_ == Life::left) return;
    note("dies", without_power ? "without power" : "and its machine lives");
    ++life_number_;
    life_ = Life::down;
    tell_life("down");
    is_paused_ = false;
    may_lose_ = may_lose_ || (without_power && !syncs_fully_);
    forget_connections();
    world_.network.listen(index_, {});
    if (without_power) {
        world_.network.power_off(index_);
    } else {
        world_.network.hang_up(index_);
    }
    // The engine may be on the stack: it goes when it has returned.
    world_.schedule.after(0, [this, life = life_number_] {
        if (life == life_number_) come_back();
    });
}

void Device::come_back() {
    engine_.reset();
    app_.reset();
    if (!disk_.is_down()) disk_.crash();
    world_.schedule.after(random_.between(kDownUsMin, kDownUsMax), [this, life = life_number_] {
        if (life != life_number_) return;
        disk_.reboot();
        disk_.heal();
        is_power_cut_ = false;
        world_.network.power_on(index_);
        if (open_app()) open_engine();
        if (life_ != Life::down) return;
        // The disk went down again in the middle of it.
        world_.chronicle.count_situation(Situation::down_again);
        life_ = Life::running;
        die(is_power_cut_);
    });
}

void Device::tell_life(const char* life) {
    if (Recorder* recorder = world_.chronicle.recorder()) recorder->lives(index_, life);
}

void Device::pause(bool is_paused) {
    if (life_ != Life::running || is_paused_ == is_paused) return;
    note("fault", is_paused ? "stands still" : "goes on");
    is_paused_ = is_paused;
    tell_life(is_paused ? "paused" : "running");
    if (is_paused) return;
    armed_.reset();
    settle_due_ = false;
    tick();
}

void Device::leave() {
    if (life_ == Life::left) return;
    note("leaves", "for ever");
    ++life_number_;
    forget_connections();
    world_.network.listen(index_, {});
    world_.network.hang_up(index_);
    life_ = Life::left;
    tell_life("left");
    world_.schedule.after(0, [this] {
        engine_.reset();
        app_.reset();
        if (!witness_.has_pending()) return;
        // Its disk failed before anybody could read what it had stamped, and may have told; or its power, as the app closed.
        may_lose_ = may_lose_ || (disk_.is_down() && is_power_cut_ && !syncs_fully_);
        if (!disk_.is_down()) disk_.crash();
        disk_.reboot();
        disk_.heal();
        (void)open_app();
        app_.reset();
    });
}

std::size_t Device::damage(Random& random) {
    constexpr std::size_t kRowsMost = 5;
    Sql sql(kDatabase, disk_.name());  // Not the app's, which is watched.
    std::size_t rows = 0;
    for (std::size_t left = 1 + random.below(kRowsMost); left > 0; --left) {
        const std::string what = damage_row(sql, random);
        if (what.empty()) continue;
        note("damage", what);
        was_damaged_ = true;
        ++rows;
    }
    return rows;
}

void Device::park(const Device& other, bool is_parked) {
    if (!runs()) return;
    if (engine_->park(other.id(), is_parked, clock_.now()) && is_parked) world_.model.note_parked(other.id());
    after_door();
    ask_settle();
}

void Device::prove() {
    if (!runs()) return;
    (void)engine_->verify(true, clock_.now());
    after_door();
    ask_settle();
}

bool Device::owes_proof() {
    auto read = sql().ask("SELECT owed <> '' FROM strandline_device");
    return !read.step() || read.integer(0) != 0;
}

// --- connections --------------------------------------------------------------------------------

std::shared_ptr<Network::End> Device::accept(Network::Port port, std::size_t from) {
    if (life_ != Life::running) return nullptr;
    auto connection =
        std::make_shared<Connection>(world_.network, *this, identity_, true, ephemeral(random_));
    connection->accepted(port, from);
    connections_.push_back(connection);
    return connection;
}

void Device::dial_what_is_due() {
    for (Named& named : named_) {
        if (named.dialer.device() && sessions_.contains(*named.dialer.device())) continue;
        const auto due = named.dialer.due();
        if (!due || *due > steady()) continue;
        named.dialer.started();
        named.connection =
            std::make_shared<Connection>(world_.network, *this, identity_, false, ephemeral(random_));
        connections_.push_back(named.connection);
        named.connection->dial(index_, named.device);
    }
}

std::optional<Error> Device::objection(const Connection& connection, const DeviceId& peer) {
    for (Named& named : named_) {
        if (named.connection.get() == &connection) named.dialer.found(peer);
    }
    // As the TCP host does: who has our key is a copy of us, and let in.
    if (!engine_ || (peer != id() && !engine_->is_trusted(peer)))
        return Error{Category::auth, "that device is not trusted here"};
    const bool dialled_already = std::ranges::any_of(connections_, [&](const ConnectionRef& other) {
        return other.get() != &connection && !other->inbound() && other->peer() == peer;
    });
    if (!connection.inbound() && (dialled_already || sessions_.contains(peer)))
        return Error{Category::busy, "there is a connection with that device already", Retry::later};
    return std::nullopt;
}

void Device::proven(Connection& connection) {
    const DeviceId peer = *connection.peer();
    if (peer == id()) world_.chronicle.count_situation(Situation::twins_met);
    if (peer != id() && !members_.contains(peer))
        throw LawBroken(10, fmt::format("device {} speaks with one that nobody has let in", index_));
    if (const auto existing = sessions_.find(peer); existing != sessions_.end()) {
        const Error why{Category::busy, "another connection with that device took its place", Retry::later};
        if (!net::tcp::takes_over(connection.rival(), existing->second->rival(), id(), peer)) {
            return connection.close(why);
        }
        world_.chronicle.count_situation(Situation::rivals);
        const auto old = existing->second;
        old->close(why);
        if (connection.is_gone()) return;  // The process has died of it.
    }
    sessions_.emplace(peer, connection.shared_from_this());
    lookout_.began(peer);
    engine_->peer_up(peer, clock_.now());
    after_door();
    ask_settle();
}

void Device::end_session(Connection& connection, const std::string& why) {
    if (!connection.peer()) return;
    const auto session = sessions_.find(*connection.peer());
    if (session == sessions_.end() || session->second.get() != &connection) return;
    sessions_.erase(session);
    engine_->peer_down(*connection.peer(), why, clock_.now());
    after_door();
    for (Named& named : named_) {
        if (!named.dialer.is_resting() || named.dialer.device() != connection.peer()) continue;
        named.dialer.ended(connection.session_ms(), steady(), random_.next());
    }
    ask_settle();
}

void Device::gone(Connection& connection, const Error& why) {
    note("closed", why.message);
    end_session(connection, why.message);
    for (Named& named : named_) {
        if (named.connection.get() != &connection) continue;
        named.dialer.ended(connection.session_ms(), steady(), random_.next());
        named.connection.reset();
    }
    std::erase_if(connections_, [&](const ConnectionRef& other) { return other.get() == &connection; });
    ask_settle();
}

void Device::forget_connections() {
    for (const auto& connection : connections_) connection->forget();
    connections_.clear();
    sessions_.clear();
    for (Named& named : named_) named.connection.reset();
}

}  // namespace strandline::simulator
