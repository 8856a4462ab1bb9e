#include "simulator/world.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "simulator/check.h"
#include "simulator/disk/disk.h"
#include "simulator/laws.h"
#include "simulator/tables.h"

namespace strandline::simulator {
namespace {

/// How often promises are checked in the first act, and convergence in the second.
constexpr std::int64_t kCheckUs = kUsPerSecond;
/// How many devices are checked each second, times their number, which a check's cost goes with: up to ten devices all
/// are, of more some, in turn.
constexpr std::size_t kChecked = 100;
/// Checking claims walks all that was ever written: the more that is, the less often, so that its share stays.
constexpr std::int64_t kClaimsUsPerWrite = kUsPerSecond / 1'000;
constexpr std::int64_t kPollUs = kUsPerSecond / 4;
/// Longest that anything waits which is not data: a silent peer is given up after 35 s, a dial that nobody answers
/// after 10 s, the next one comes up to 30 s later; what was held is looked at once a minute.
constexpr std::int64_t kPatienceUs = 180 * kUsPerSecond;
/// After convergence: reading all rows and comparing them, one peer after another.
constexpr std::int64_t kProofUs = 60 * kUsPerSecond;
/// And then: the last receipts, then nothing but heartbeats.
constexpr std::int64_t kReceiptsUs = 5 * kUsPerSecond;
constexpr std::int64_t kSilenceUs = 25 * kUsPerSecond;
/// What was said last may have a slow link before it; and a connection on which a frame's length was flipped shows itself
/// only by its silence, and is made anew.
constexpr int kSilenceAttempts = 3;
constexpr std::int64_t kSaveMemoryUs = kUsPerSecond;
/// Of each link, where a device is filled.
constexpr std::int64_t kFillBytesPerSecond = 2'000'000;

bool makes_copy(const Options& options) {
    const auto armed = armed_faults(options.seed, options.faults);
    return std::ranges::find(armed, "clone") != armed.end();
}

/// With the one that will be a copy of another.
std::size_t machines(const Options& options) {
    return options.devices + (makes_copy(options) ? 1 : 0);
}

void demand_sound(Device& device) {
    auto check = device.sql().ask("PRAGMA integrity_check");
    if (!check.step() || check.bytes(0) != "ok")
        throw LawBroken(11, fmt::format("the database of device {} is damaged", device.index()));
}

}  // namespace

World::World(const Options& options)
    : options_(options),
      random_(options.seed),
      chronicle_(schedule_, options.log ? machines(options) : 0),
      network_(schedule_, chronicle_, random_.fork("network")) {}

Outcome World::run() {
    Outcome outcome;
    const auto begin = std::chrono::steady_clock::now();
    try {
        build();
        first_act();
        second_act();
    } catch (const LawBroken& broken) {
        outcome.law = broken.law();
        outcome.verdict = broken.law() == 0 ? Verdict::no_convergence : Verdict::law_broken;
        outcome.finding =
            broken.law() == 0 ? broken.what() : fmt::format("law {}: {}", broken.law(), broken.what());
        outcome.finding += fmt::format(" (at {}.{:06} s)", schedule_.now().us / kUsPerSecond,
                                       schedule_.now().us % kUsPerSecond);
    }
    const std::chrono::duration<double> real = std::chrono::steady_clock::now() - begin;
    outcome.hash = chronicle_.hash();
    outcome.simulated_us = schedule_.now().us;
    outcome.amplification = amplification();
    outcome.faults = chronicle_.faults();
    outcome.situations = chronicle_.situations();
    outcome.summary = summary(real.count());
    if (recorder_) outcome.report = report(outcome);
    return outcome;
}

// --- building -----------------------------------------------------------------------------------

void World::build() {
    if (!options_.report.empty()) {
        recorder_ = std::make_unique<Recorder>(schedule_, machines(options_));
        chronicle_.attach(recorder_.get());
        model_.watch([this](std::size_t table, const std::string& key, const Write& write) {
            recorder_->wrote(tables()[table].name, key, write.last);
        });
    }
    disk::seed_sqlite(static_cast<int>(1 + random_.fork("sqlite").next() % 0x7fff'fffe));
    lay_links(*topology_from(options_.topology));
    Random links = random_.fork("links");
    for (const auto& [from, to] : links_) {
        for (const auto& [a, b] : {std::pair(from, to), std::pair(to, from)}) {
            network_.link(a, b).latency_us = links.between(200, 60'000);
            network_.link(a, b).bytes_per_second = links.between(100'000, 20'000'000);
            if (options_.filled_rows > 0) network_.link(a, b).bytes_per_second = kFillBytesPerSecond;
        }
    }
    const bool is_told = recorder_ || options_.devices <= kDevicesToldMost;
    // As the program ships; where all deletions are remembered nothing but the join decides, and the laws see more.
    forgets_ = random_.fork("forgets").one_in(2);
    const Surroundings world{
        schedule_, chronicle_, network_, model_, is_told, options_.devices > kDevicesToldMost, forgets_};
    for (std::size_t i = 0; i < options_.devices; ++i) {
        const Random own = random_.fork("device", i);
        devices_.push_back(std::make_unique<Device>(world, i, own, own));
        workloads_.emplace_back(i, own.fork("workload"));
        paces_.push_back(own.fork("pace"));
    }
    if (makes_copy(options_)) make_room_for_copy(world);
    faults_ = std::make_unique<Faults>(
        Victims{schedule_, chronicle_, network_, devices_, workloads_, links_, original_, twin_,
                [this] { join_next(); }, [this](const DeviceId& liar) { model_.distrust(liar); }},
        options_.seed, options_.faults);
    // A third is held back when devices join late, and whoever dials them meets nobody yet.
    std::size_t late = faults_->is_armed("late-join") ? options_.devices / 3 : 0;
    if (options_.filled_rows > 0) late = std::max<std::size_t>(late, 1);
    while (joined_ < options_.devices - late) join_next();
    for (const auto& [from, to] : links_) devices_[from]->dial(*devices_[to]);
}

void World::join_next() {
    if (joined_ == options_.devices) return;
    const std::size_t device = joined_++;
    std::vector<const Device*> members;
    for (const auto& [from, to] : links_) {
        if (twin_ != nullptr && std::max(from, to) == twin_->index())
            continue;  // Has the key of one who is let in.
        if (from == device) members.push_back(devices_[to].get());
        if (to == device) members.push_back(devices_[from].get());
    }
    devices_[device]->join(members, random_.fork("synchronous", device).one_in(2));
}

// --- first act ----------------------------------------------------------------------------------

void World::first_act() {
    if (options_.filled_rows > 0) {
        workloads_[0].fill(*devices_[0]->app(), options_.filled_rows);
        devices_[0]->wrote();
    }
    if (options_.writes_per_minute > 0) {
        for (std::size_t i = 0; i < devices_.size(); ++i) keep_writing(i);
    }
    move_courier(0);
    keep_checking();
    if (options_.devices > kDevicesToldMost) keep_saving_memory();
    faults_->begin();
    run_until({static_cast<std::int64_t>(options_.minutes * 60 * static_cast<double>(kUsPerSecond))});
}

void World::run_until(Moment end) {
    while (schedule_.run_next(end)) {
    }
}

void World::keep_writing(std::size_t device) {
    const std::int64_t mean_us = 60 * kUsPerSecond / static_cast<std::int64_t>(options_.writes_per_minute);
    schedule_.after(paces_[device].between(0, 2 * mean_us), [this, device] {
        if (!is_first_act_) return;
        Device& writer = *devices_[device];
        if (writer.is_up() && writer.app() != nullptr && !writer.app()->is_in_transaction()) {
            if (&writer == twin_ && has_copy_beside(writer))
                chronicle_.count_situation(Situation::twin_wrote);
            workloads_[device].write(*writer.app());
            writer.wrote();
        }
        keep_writing(device);
    });
}

/// A disk is memory here, and a log of 4 MB would be most of a small device.
void World::keep_saving_memory() {
    for (const auto& device : devices_) device->save_memory();
    schedule_.after(kSaveMemoryUs, [this] { keep_saving_memory(); });
}

void World::keep_checking() {
    if (!is_first_act_) return;
    for (std::size_t left = std::max<std::size_t>(1, std::min(devices_.size(), kChecked / devices_.size()));
         left > 0; --left) {
        Device& device = *devices_[checked_++ % devices_.size()];
        device.check_promises();
        device.check_durable();
    }
    if (schedule_.now() >= claims_due_) {
        devices_[schedule_.count() % devices_.size()]->check_claims();
        claims_due_ = after(schedule_.now(), static_cast<std::int64_t>(model_.count()) * kClaimsUsPerWrite);
    }
    if (recorder_) recorder_->sample();
    schedule_.after(kCheckUs, [this] { keep_checking(); });
}

// --- second act ---------------------------------------------------------------------------------

std::vector<Device*> World::living() {
    std::vector<Device*> living;
    for (const auto& device : devices_) {
        if (device->life() == Device::Life::left) continue;
        if (device.get() == twin_ && twin_->life() == Device::Life::absent) continue;
        living.push_back(device.get());
    }
    return living;
}

/// Patience, and for each hop the time that all that was ever written takes on the slowest link.
std::int64_t World::bound_us() const {
    constexpr std::size_t kBytesPerWrite = 1'000;  // Beside its values: stamps, key, a share of headers.
    constexpr std::int64_t kSlowestBytesPerSecond = 100'000;
    const auto bytes = static_cast<std::int64_t>(model_.count() * kBytesPerWrite + model_.bytes());
    const auto hops = static_cast<std::int64_t>(devices_.size());
    return kPatienceUs + hops * (kUsPerSecond + bytes * kUsPerSecond / kSlowestBytesPerSecond);
}

void World::second_act() {
    is_first_act_ = false;
    for (const std::vector<std::size_t>& island : islands_) {
        for (const std::size_t port : island) {
            network_.block(options_.devices - 1, port, false);
            network_.block(port, options_.devices - 1, false);
        }
    }
    while (joined_ < options_.devices) join_next();
    faults_->end();
    const Moment begin = schedule_.now();
    healed_at_ = begin;
    converge(after(begin, bound_us()));
    converged_after_us_ = schedule_.now().us - begin.us;
    demand_filled_once();
    demand_proofs();
    demand_final_state();
    end_copy();
    demand_silence();
}

void World::converge(Moment end) {
    const Moment begin = schedule_.now();
    for (std::string lacking = what_lacks(); !lacking.empty(); lacking = what_lacks()) {
        if (schedule_.now() >= end)
            throw LawBroken(0, fmt::format("no convergence {} s after everything was healed: {}",
                                           (end.us - begin.us) / kUsPerSecond, lacking));
        run_until(after(schedule_.now(), kPollUs));
        record();
    }
}

std::string World::what_lacks() {
    for (const auto& [from, to] : links_) {
        const Device& a = *devices_[from];
        const Device& b = *devices_[to];
        if (a.life() == Device::Life::left || b.life() == Device::Life::left) continue;
        // Of two with one key a third talks with one at a time; what it lacks of the other it gets all the same.
        if (a.id() != b.id() && (has_copy_beside(a) || has_copy_beside(b))) continue;
        const auto never_came = [](const Device& one) { return one.life() == Device::Life::absent; };
        if (never_came(a) || never_came(b)) continue;  // A copy that was not made; all others have joined.
        if (!a.has_session(b) || !b.has_session(a)) return fmt::format("{} and {} have no session", from, to);
    }
    std::optional<Coverage> first;
    // Who lacked something last time goes second, as mostly it still does, and nobody else need be read; then those who were
    // not looked at for longest.
    std::vector<Device*> devices = living();
    const auto lacked = std::ranges::find(devices, lacked_, &Device::index);
    if (lacked != devices.end() && lacked != devices.begin())
        std::rotate(devices.begin() + 1, lacked, devices.end());
    for (Device* device : devices) {
        const std::size_t index = device->index();
        lacked_ = index;
        if (device->life() != Device::Life::running) return fmt::format("{} does not run", index);
        if (device->has_pending_writes()) return fmt::format("{} has writes that are not folded", index);
        if (count_held(device->sql(), model_) != 0) return fmt::format("{} holds changes back", index);
        auto coverage = read_coverage(device->sql());
        if (!coverage) return fmt::format("{} cannot say what it holds", index);
        if (first && *first != *coverage) return fmt::format("{} holds other things than the first", index);
        if (!first) first = std::move(coverage);
    }
    return {};
}

/// Law 6, by what the devices themselves say: each reads its rows, compares with a peer, and finds nothing that differs but
/// what was damaged for it.
void World::demand_proofs() {
    // Of what a liar has written devices may hold different things, for ever. What is owed is tried with every peer all
    // the same, and given up for a while.
    if (faults_->is_armed("liar")) return run_until(after(schedule_.now(), kProofUs / 3));
    faults_->damage_rows();
    const auto devices = living();
    for (Device* device : devices) device->prove();
    const Moment end = after(schedule_.now(), kProofUs);
    const auto owes = [&](Device* device) {
        const auto is_peer = [&](Device* other) { return device->has_session(*other); };
        return std::ranges::any_of(devices, is_peer) && device->owes_proof();
    };
    for (auto owing = std::ranges::find_if(devices, owes); owing != devices.end();
         owing = std::ranges::find_if(devices, owes)) {
        if (schedule_.now() >= end)
            throw LawBroken(6, fmt::format("device {} cannot prove that it holds what its peers hold",
                                           (*owing)->index()));
        run_until(after(schedule_.now(), kPollUs));
    }
}

/// Law 7, of a device that was filled while nobody wrote and nothing failed: at most what is on its way at once comes twice.
void World::demand_filled_once() {
    if (options_.filled_rows == 0 || options_.faults != "none" || options_.writes_per_minute > 0) return;
    constexpr std::uint64_t kRowsOnTheWay = 4 * 512;
    const std::uint64_t rows = devices_.back()->tally().rows_received;
    const std::uint64_t most = options_.filled_rows + kRowsOnTheWay;
    if (rows > most)
        throw LawBroken(7,
                        fmt::format("{} rows came to a device that lacked {}", rows, options_.filled_rows));
}

void World::demand_final_state() {
    const auto devices = living();
    if (devices.empty()) return;
    const State first = read_state(devices.front()->sql());
    std::size_t looked_at = 0;
    for (Device* device : devices) {
        demand_sound(*device);
        // In a large group at every so many: all are found to be equal below.
        if (looked_at++ % (1 + devices.size() / kChecked) == 0) device->check_claims();
        if (device != devices.front())
            demand_equal(first, devices.front()->index(), read_state(device->sql()), device->index(), model_);
        device->sql().forget_statements();  // Of each device some 200 kB, asked once.
    }
    const auto demand_held = [&](const Vector& vector, std::size_t table, const Write& write) {
        if (write.last.hlc <= vector.at(write.writer)) return;
        const auto is_writer = [&](const auto& device) { return device->id() == write.last.origin.device; };
        const auto may_have_lost = [&](const auto& device) {
            return is_writer(device) && (device->was_restored() || device->life() == Device::Life::left);
        };
        if (std::ranges::any_of(devices_, may_have_lost))
            return chronicle_.count_situation(Situation::writes_lost);
        throw LawBroken(
            5, fmt::format("a committed write of device {} to {} is held by nobody",
                           (*std::ranges::find_if(devices_, is_writer))->index(), tables()[table].name));
    };
    model_.for_each_key([&](std::size_t table, const std::string& key, const std::vector<Write>& writes) {
        const Vector& vector = vector_at(first.coverage.at(tables()[table].name), key);
        for (const Write& write : writes) demand_held(vector, table, write);
    });
    demand_modelled(first, model_);
    if (first.quarantined > 0) chronicle_.count_situation(Situation::still_quarantined);
}

void World::demand_silence() {
    const auto talk = [this] {
        std::uint64_t said = 0;
        for (const auto& device : devices_) said += device->tally().talk;
        return said;
    };
    run_until(after(schedule_.now(), kReceiptsUs));
    std::uint64_t last = 0;
    for (int attempt = 0; attempt < kSilenceAttempts; ++attempt) {
        const std::uint64_t before = talk();
        run_until(after(schedule_.now(), kSilenceUs));
        last = talk() - before;
        if (last == 0) return;
    }
    throw LawBroken(8, fmt::format("{} messages other than heartbeats in {} s, long after convergence", last,
                                   kSilenceUs / kUsPerSecond));
}

}  // namespace strandline::simulator
