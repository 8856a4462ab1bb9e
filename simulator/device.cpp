#include "simulator/device.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "net/codec.h"
#include "net/limits.h"
#include "simulator/check.h"
#include "simulator/claims.h"
#include "simulator/tables.h"

namespace strandline::simulator {
namespace {

/// From a commit until the engine looks: the kernel tells of it at once, and a look that was early is repeated.
constexpr std::int64_t kLookUs = 300;
/// Between two looks at least, as the host rests after one that found something.
constexpr std::int64_t kLookRestUs = 5'000;

net::Secret<32> seed_of_identity(const Random& random) {
    Random stream = random.fork("identity");
    const std::string bytes = stream.bytes(32);
    net::Secret<32> secret;
    std::ranges::copy(bytes, secret.data());
    return secret;
}

/// What a line of the log says about a message.
std::string brief(const Message& message) {
    static constexpr std::array<const char*, 11> kNames{"Hello", "Have",  "Pull",    "Pages", "Ping", "Pong",
                                                        "Bye",   "Waive", "Compare", "Fetch", "Part"};
    std::string text = kNames[message.index()];
    if (const auto* have = std::get_if<message::Have>(&message)) {
        text += fmt::format("{} of {} tables", have->complete ? " complete," : "", have->holdings.size());
    } else if (const auto* pull = std::get_if<message::Pull>(&message)) {
        text += fmt::format(" {} of {} tables", pull->number, pull->wanted.size());
    } else if (const auto* pages = std::get_if<message::Pages>(&message)) {
        std::size_t rows = 0;
        for (const auto& page : pages->pages) rows += page.entries.size();
        text += fmt::format(" {} rows, {}{}", rows,
                            pages->pull == 0 ? "push" : fmt::format("pull {}", pages->pull),
                            pages->last ? ", last" : "");
    } else if (const auto* bye = std::get_if<message::Bye>(&message)) {
        text += " " + bye->reason;
    }
    return text;
}

bool is_heartbeat(const Message& message) {
    return std::holds_alternative<message::Ping>(message) || std::holds_alternative<message::Pong>(message);
}

/// Whether devices may hold different things that all of them claim: somebody lied, was put back or copied, or nobody waited for
/// it (README, known limits). Of clocks that are years ahead it is not known yet (docs/simulator.md, known limits).
bool may_have_lost_rows(const Chronicle::Counts& faults) {
    constexpr std::array<const char*, 6> kLosing{"park",       "liar", "clone", "restore", "restore-with-key",
                                                 "clock-years"};
    return std::ranges::any_of(kLosing, [&](const char* kind) { return faults.contains(kind); });
}

}  // namespace

Device::Device(const Surroundings& world, std::size_t index, const Random& random, const Random& identity)
    : world_(world),
      index_(index),
      random_(random.fork("host")),
      disk_random_(random.fork("disk")),
      clock_(world.schedule),
      identity_(seed_of_identity(identity)),
      disk_({fmt::format("strandline-sim-{}", index),
             [this] { return disk_random_.next(); },
             [this] { return clock_.wall(); },
             {}}),
      witness_(world.model, identity_.device()),
      lookout_(world.chronicle) {
    if (world_.tells_least) novelty_.emplace(identity_.device());
}

Device::~Device() {
    forget_connections();
    engine_.reset();
    app_.reset();
}

void Device::note(std::string_view kind, const std::string& text) {
    world_.chronicle.note(index_, kind, text, world_.chronicle.is_logging() ? text : std::string());
}

// --- the loop -----------------------------------------------------------------------------------

void Device::ask_settle() {
    if (std::exchange(settle_due_, true)) return;
    world_.schedule.after(0, [this, life = life_number_] {
        if (life != life_number_) return;
        settle_due_ = false;
        settle();
    });
}

void Device::settle() {
    if (!runs()) return;
    // A copy, as saying something may end a session.
    const std::vector<std::pair<DeviceId, ConnectionRef>> sessions(sessions_.begin(), sessions_.end());
    for (const auto& [peer, connection] : sessions) {
        if (runs()) say(peer, *connection);
    }
    if (!runs()) return;
    tell_events();
    if (engine_->failure()) {
        note("fails", engine_->failure()->message);
        world_.chronicle.count_situation(Situation::disk_failed);
        if (disk_.counters().disk_fulls > disk_fulls_ && witness_.has_pending())
            world_.chronicle.count_situation(Situation::full_in_fold);
        return die(false);
    }
    if (!engine_->wants_input()) world_.chronicle.count_situation(Situation::lock_awaited);
    if (takes_input()) {
        const auto connections = connections_;
        for (const auto& connection : connections) connection->resume();
    }
    if (runs()) arm();
}

void Device::say(const DeviceId& peer, Connection& connection) {
    while (runs() && connection.wants_output()) {
        const auto message = engine_->next_message(peer, clock_.now());
        after_door();
        if (!runs()) return;
        if (message) {
            const std::string frame = net::encode(*message);
            check(frame.size() <= net::kFrameBytesMax, "the workload made a row larger than a frame");
            promises_.said(*message);
            lookout_.said(peer, *message, frame.size());
            if (const auto* pages = std::get_if<message::Pages>(&*message))
                demand_contents(*pages, world_.model);
            ++tally_.messages;
            if (!is_heartbeat(*message)) ++tally_.talk;
            const std::size_t to = connection.other();
            ++world_.network.traffic(index_, to).messages;
            world_.chronicle.note(index_, "says", frame,
                                  world_.chronicle.is_logging()
                                      ? fmt::format("→ {}  {}, {} bytes", to, brief(*message), frame.size())
                                      : std::string());
            if (Recorder* recorder = world_.chronicle.recorder()) recorder->said(index_, to, *message, frame);
            if (liar_) {
                world_.chronicle.count_situation(Situation::lied);
                for (const std::string& lie : liar_->instead_of(*message)) connection.send(lie);
            } else {
                connection.send(frame);
            }
            tally_.unsent_bytes_most = std::max(tally_.unsent_bytes_most, connection.unsent());
        } else if (engine_->is_closed(peer)) {
            end_session(connection, "the session is over");
            connection.leave("the session is over");
        } else {
            return;
        }
    }
}

void Device::tell_events() {
    while (const auto event = engine_->next_event()) {
        if (event->kind == EventKind::trusted) {
            for (Named& named : named_) named.dialer.hurry(steady());
        }
        if (event->kind == EventKind::damaged && !was_damaged_)
            throw LawBroken(5, "rows count as damaged, and nobody has damaged any: " + event->text);
        if (event->kind == EventKind::verified && event->text.find("differed") != std::string::npos &&
            !may_have_lost_rows(world_.chronicle.faults()))
            throw LawBroken(6, "rows are told to differ, and nobody has lost any: " + event->text);
        if (event->kind == EventKind::written_again || event->kind == EventKind::incarnation)
            witness_.owe_again();
        lookout_.told(*event);
        if (Recorder* recorder = world_.chronicle.recorder()) {
            if (event->kind == EventKind::backfill_started)
                recorder->backfill_started(index_, event->resource);
            if (event->kind == EventKind::backfill_done) recorder->backfill_done(index_, event->resource);
        }
        note("event", fmt::format("{} {} {}", name_of(event->kind), event->resource, event->text));
        ask_settle();
    }
}

void Device::arm() {
    std::int64_t next_ms = steady().value + net::tcp::kPulseMs;
    const auto consider = [&](std::optional<SteadyMs> time) {
        if (time) next_ms = std::min(next_ms, time->value);
    };
    const auto deadline = engine_->next_deadline();
    if (deadline && *deadline <= steady() && ticked_at_ == world_.schedule.now()) ++tally_.spins;
    consider(deadline);
    for (const Named& named : named_) {
        if (!named.dialer.device() || !sessions_.contains(*named.dialer.device()))
            consider(named.dialer.due());
    }
    // On a machine time goes on by itself, however soon the engine wants to be asked again.
    const bool has_ticked = ticked_at_ == world_.schedule.now();
    const Moment at{std::max(next_ms * kUsPerMs, world_.schedule.now().us + (has_ticked ? kUsPerMs : 0))};
    if (armed_ && *armed_ <= at) return;
    armed_ = at;
    world_.schedule.after(at.us - world_.schedule.now().us, [this, at, life = life_number_] {
        if (life != life_number_ || armed_ != at) return;
        armed_.reset();
        tick();
    });
}

void Device::tick() {
    if (!runs()) return;
    ticked_at_ = world_.schedule.now();
    const auto connections = connections_;
    for (const auto& connection : connections) connection->check_deadlines();
    engine_->advance(clock_.now());
    after_door();
    if (!runs()) return;
    dial_what_is_due();
    settle();
}

void Device::look_soon() {
    if (std::exchange(look_due_, true)) return;
    world_.schedule.after(kLookUs, [this, life = life_number_] {
        if (life != life_number_) return;
        look();
        world_.schedule.after(kLookRestUs, [this, life] {
            if (life != life_number_) return;
            look_due_ = false;
        });
    });
}

void Device::look() {
    if (!runs()) return;
    disk_fulls_ = disk_.counters().disk_fulls;
    engine_->database_changed(clock_.now());
    after_door();
    ask_settle();
}

void Device::pulse() {
    look();
    world_.schedule.after(net::tcp::kPulseMs * kUsPerMs, [this, life = life_number_] {
        if (life == life_number_) pulse();
    });
}

void Device::after_door() {
    if (disk_.is_down()) return die(is_power_cut_);
    if (app_) witness_.look(app_->sql());
}

void Device::wrote() {
    if (witness_.is_owed() && !disk_.is_down()) {
        // Whoever checks must be able to read, so this failing disk is mended.
        disk_.heal();
        witness_.committed(app_->sql());
    }
    if (disk_.is_down()) return after_door();
    if (life_ == Life::stopped && witness_.has_pending())
        world_.chronicle.count_situation(Situation::wrote_alone);
    look_soon();
}

void Device::save_memory() {
    // Of the log there are two contents: what is seen, and what is durable.
    constexpr std::uint64_t kLogBytesMost = 64 * 1024;
    if (!is_up() || !app_ || app_->is_in_transaction()) return;
    if (disk_.counters().bytes_written < short_at_ + kLogBytesMost) return;
    app_->shorten_log();
    // Of the many texts of an app that writes seldom, each with its triggers, none is soon used again.
    app_->sql().forget_statements();
    short_at_ = disk_.counters().bytes_written;
    if (disk_.is_down()) return after_door();
    disk_.write_back();  // Until then a power cut could bring the long log back, so it is kept.
}

// --- what a Connection asks and tells -----------------------------------------------------------

bool Device::takes_input() {
    return runs() && engine_->wants_input();
}

void Device::moved_bytes(std::size_t sent, std::size_t received) {
    if (engine_) engine_->count_bytes(static_cast<std::int64_t>(sent), static_cast<std::int64_t>(received));
}

void Device::received(Connection& connection, const std::string& frame) {
    auto message = net::decode(frame);
    if (!message) return connection.close(message.error());
    if (const auto* pages = std::get_if<message::Pages>(&*message)) {
        for (const auto& page : pages->pages) tally_.rows_received += page.entries.size();
    }
    lookout_.heard(*connection.peer(), *message);
    const std::size_t from = connection.other();
    if (Recorder* recorder = world_.chronicle.recorder()) recorder->heard(from, index_, *message, frame);
    const auto news = novelty_ ? novelty_->in(*message, frame.size()) : Novelty::News();
    engine_->receive(*connection.peer(), std::move(*message), clock_.now());
    after_door();
    if (novelty_ && runs()) {
        Network::Traffic& traffic = world_.network.traffic(from, index_);
        traffic.messages_least += news.messages;
        traffic.bytes_least += news.bytes;
        novelty_->keep(news);
    }
    ask_settle();
}

}  // namespace strandline::simulator
