#include "simulator/faults.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace strandline::simulator {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kYearMs = 365 * 24 * kHourMs;
constexpr std::int64_t kHealedCall = std::int64_t{1} << 62;  ///< a call that no run reaches

std::vector<std::string> split(const std::string& names) {
    std::vector<std::string> out(1);
    for (const char c : names) {
        if (c == ',') {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    return out;
}

bool is_named(const std::string& name, const std::string& names) {
    const auto all = split(names);
    return std::ranges::find(all, name) != all.end();
}

}  // namespace

const std::vector<Faults::Kind>& Faults::kinds() {
    static const std::vector<Kind> all{
        {"reset", 5, &Faults::reset},
        {"half-open", 20, &Faults::half_open},
        {"flips", 10, &Faults::flips},
        {"pieces", 12, &Faults::pieces},
        {"clog", 8, &Faults::clog},
        {"partition", 20, &Faults::partition},
        {"one-way", 12, &Faults::one_way},
        {"crash", 12, &Faults::crash},
        {"power-cut", 12, &Faults::power_cut},
        {"disk-full", 20, &Faults::disk_full},
        {"io-error", 15, &Faults::io_error},
        {"clock-step", 15, &Faults::clock_step},
        {"clock-years", 40, &Faults::clock_years},
        {"clock-drift", 15, &Faults::clock_drift},
        {"clock-frozen", 20, &Faults::clock_frozen},
        {"stop", 15, &Faults::stop},
        {"pause", 20, &Faults::pause},
        {"leave", 60, &Faults::leave},
        {"park", 20, &Faults::park},
        {"late-join", 10, &Faults::late_join},
        {"restore", 15, &Faults::restore},
        {"restore-with-key", 30, &Faults::restore_with_key},
        {"old-key-file", 30, &Faults::old_key_file},
        {"clone", 15, &Faults::clone},
        {"slow-app", 8, &Faults::slow_app},
        {"bulk", 15, &Faults::bulk},
        {"large", 20, &Faults::large},
        {"huge", 40, &Faults::huge},
        {"same-moment", 10, &Faults::same_moment},
        {"damage", 10, &Faults::damage},
        {"stranger", 20, &Faults::stranger},
        {"liar", 15, &Faults::liar},
    };
    return all;
}

std::optional<std::string> unknown_fault(const std::string& names) {
    if (names == "swarm" || names == "all" || names == "none") return std::nullopt;
    for (const std::string& name : split(names)) {
        const auto is_it = [&](const Faults::Kind& kind) { return name == kind.name; };
        if (std::ranges::none_of(Faults::kinds(), is_it)) return name;
    }
    return std::nullopt;
}

std::vector<Faults::Armed> Faults::chosen(std::uint64_t seed, const std::string& names) {
    std::vector<Armed> armed;
    const Random random = Random(seed).fork("faults");
    for (const Kind& kind : kinds()) {
        // A stream for each, so that a new kind leaves what a seed does with the others.
        const Random own = random.fork(kind.name);
        Random swarm = own.fork("swarm");
        const std::uint64_t strength = 1 + swarm.below(3);
        const bool is_in_swarm = swarm.one_in(3);
        const bool is_in_group = names == "all" || (names == "swarm" && is_in_swarm);
        if (is_in_group || is_named(kind.name, names))
            armed.push_back({&kind, strength, own.fork("strikes")});
    }
    return armed;
}

std::vector<std::string> armed_faults(std::uint64_t seed, const std::string& names) {
    std::vector<std::string> armed;
    for (const auto& fault : Faults::chosen(seed, names)) armed.emplace_back(fault.kind->name);
    return armed;
}

Faults::Faults(Victims victims, std::uint64_t seed, const std::string& names)
    : victims_(std::move(victims)), armed_(chosen(seed, names)) {}

std::string Faults::armed() const {
    std::string out;
    for (const Armed& armed : armed_)
        out += fmt::format("{}{}×{}", out.empty() ? "" : " ", armed.kind->name, armed.strength);
    return out.empty() ? "none" : out;
}

bool Faults::is_armed(const std::string& name) const {
    return std::ranges::any_of(armed_, [&](const Armed& armed) { return name == armed.kind->name; });
}

void Faults::begin() {
    for (std::size_t i = 0; i < armed_.size(); ++i) plan(i);
}

void Faults::plan(std::size_t armed) {
    Armed& fault = armed_[armed];
    const std::int64_t most =
        2 * fault.kind->every_s * kUsPerSecond / static_cast<std::int64_t>(fault.strength);
    later(fault.random.between(0, most), [this, armed] {
        chance_ = &armed_[armed].random;
        (this->*armed_[armed].kind->strike)();
        plan(armed);
    });
}

void Faults::later(std::int64_t us, Schedule::Action action) {
    victims_.schedule.after(us, [this, action = std::move(action)] {
        if (!is_over_) action();
    });
}

void Faults::end() {
    is_over_ = true;
    if (liar_ != nullptr) liar_->leave();
    victims_.network.end_half_open();
    std::int64_t latest = 0;
    for (const auto& device : victims_.devices) latest = std::max(latest, device->clock().latest().value);
    for (const auto& [from, to] : victims_.links) {
        for (const auto& [a, b] : {std::pair(from, to), std::pair(to, from)}) {
            victims_.network.link(a, b).clog_us = 0;
            victims_.network.link(a, b).is_in_small_pieces = false;
            victims_.network.block(a, b, false);
        }
    }
    for (const auto& device : victims_.devices) {
        // Every clock shows the latest that any has ever shown: what was held has its time.
        device->clock().run();
        device->clock().drift(0);
        device->clock().set(latest);
        if (device->life() == Device::Life::left) continue;
        device->disk().crash_at_call(kHealedCall);
        device->disk().heal();
        device->disk().set_capacity({});
        if (device->app() != nullptr && device->app()->is_in_transaction()) device->app()->roll_back();
        device->pause(false);
        device->bring_key();
        device->start();
    }
}

// --- what is hit --------------------------------------------------------------------------------

Device& Faults::device() {
    return *victims_.devices[chance_->below(victims_.devices.size())];
}

std::pair<std::size_t, std::size_t> Faults::link() {
    if (victims_.links.empty()) return {0, 0};
    auto link = chance_->pick(victims_.links);
    if (chance_->one_in(2)) std::swap(link.first, link.second);
    return link;
}

std::int64_t Faults::seconds(std::int64_t low, std::int64_t high) {
    return chance_->between(low * kUsPerSecond, high * kUsPerSecond);
}

std::uint64_t Faults::at_call() {
    return chance_->one_in(2) ? 0 : 1 + chance_->below(chance_->one_in(2) ? 30 : 300);
}

// --- the network --------------------------------------------------------------------------------

void Faults::reset() {
    if (victims_.network.reset_one()) victims_.chronicle.count_fault("reset");
}

void Faults::half_open() {
    if (victims_.network.half_open_one()) victims_.chronicle.count_fault("half-open");
}

void Faults::flips() {
    if (victims_.network.flip_bit_of_one()) victims_.chronicle.count_fault("flips");
}

void Faults::pieces() {
    const auto [from, to] = link();
    victims_.network.link(from, to).is_in_small_pieces = true;
    victims_.chronicle.count_fault("pieces", {from, to});
    later(seconds(1, 10),
          [this, a = from, b = to] { victims_.network.link(a, b).is_in_small_pieces = false; });
}

void Faults::clog() {
    const auto [from, to] = link();
    victims_.network.link(from, to).clog_us = chance_->between(50 * kUsPerMs, 5 * kUsPerSecond);
    victims_.chronicle.count_fault("clog", {from, to});
    later(seconds(1, 10), [this, a = from, b = to] { victims_.network.link(a, b).clog_us = 0; });
}

void Faults::one_way() {
    const auto [from, to] = link();
    victims_.network.block(from, to, true);
    victims_.chronicle.count_fault("one-way", {from, to});
    later(seconds(1, 20), [this, a = from, b = to] { victims_.network.block(a, b, false); });
}

void Faults::partition() {
    std::set<std::size_t> here;
    for (std::size_t i = 0; i < victims_.devices.size(); ++i) {
        if (chance_->one_in(2)) here.insert(i);
    }
    std::vector<std::pair<std::size_t, std::size_t>> cut;
    for (const auto& [from, to] : victims_.links) {
        if (here.contains(from) == here.contains(to)) continue;
        cut.emplace_back(from, to);
        cut.emplace_back(to, from);
    }
    for (const auto& [from, to] : cut) victims_.network.block(from, to, true);
    victims_.chronicle.count_fault("partition");
    later(seconds(2, 50), [this, cut] {
        for (const auto& [from, to] : cut) victims_.network.block(from, to, false);
    });
}

// --- disks and processes ------------------------------------------------------------------------

void Faults::crash() {
    Device& crashed = device();
    crashed.crash(at_call());
    victims_.chronicle.count_fault("crash", {crashed.index(), {}});
}

void Faults::power_cut() {
    const std::uint64_t choice = chance_->below(4);
    const auto survival = choice == 0 ? disk::kKeepAll : choice == 1 ? disk::kDropAll : disk::kMixed;
    Device& dark = device();
    dark.cut_power(survival, at_call());
    victims_.chronicle.count_fault("power-cut", {dark.index(), {}});
}

void Faults::disk_full() {
    Device& full = device();
    if (!full.is_up()) return;
    std::int64_t size = 0;
    const disk::DiskImage image = full.disk().visible_image();
    for (const auto& [name, content] : image.files()) size += static_cast<std::int64_t>(content.size());
    full.disk().set_capacity(size + chance_->between(0, 40'000));
    victims_.chronicle.count_fault("disk-full", {full.index(), {}});
    later(seconds(1, 15), [&full] { full.disk().set_capacity({}); });
}

void Faults::io_error() {
    constexpr disk::Hits kHits[] = {disk::Hits::reads, disk::Hits::writes, disk::Hits::syncs,
                                    disk::Hits::any};
    Device& failing = device();
    if (!failing.is_up()) return;
    failing.disk().fail({kHits[chance_->below(4)], 1 + chance_->below(200), chance_->one_in(3)});
    victims_.chronicle.count_fault("io-error", {failing.index(), {}});
}

void Faults::stop() {
    Device& stopped = device();
    stopped.stop();
    victims_.chronicle.count_fault("stop", {stopped.index(), {}});
    later(seconds(1, 20), [&stopped] { stopped.start(); });
}

void Faults::pause() {
    Device& paused = device();
    paused.pause(true);
    victims_.chronicle.count_fault("pause", {paused.index(), {}});
    later(seconds(1, 50), [&paused] { paused.pause(false); });
}

/// One device of a world, and only if the others stay connected without it.
void Faults::leave() {
    Device& gone = device();
    if (has_left_ || gone.life() == Device::Life::absent || !are_connected_without(gone)) return;
    has_left_ = true;
    gone.leave();
    victims_.chronicle.count_fault("leave", {gone.index(), {}});
}

/// A device is away, and nobody waits for it; it returns, and is waited for again.
void Faults::park() {
    Device& away = device();
    if (away.life() != Device::Life::running) return;
    away.stop();
    park_everywhere(away, true);
    victims_.chronicle.count_fault("park", {away.index(), {}});
    later(seconds(3, 20), [this, &away] {
        away.start();
        later(seconds(1, 5), [this, &away] {
            if (away.life() == Device::Life::running)
                victims_.chronicle.count_situation(Situation::parked_back);
            park_everywhere(away, false);
        });
    });
}

void Faults::park_everywhere(const Device& away, bool is_parked) {
    for (const auto& device : victims_.devices) {
        if (device.get() != &away) device->park(away, is_parked);
    }
}

void Faults::late_join() {
    victims_.join_next();
    victims_.chronicle.count_fault("late-join");
}

void Faults::restore() {
    Device& restored = device();
    if (restored.has_copy() && restored.restore_copy(false)) {
        victims_.chronicle.count_fault("restore", {restored.index(), {}});
    } else {
        restored.keep_copy();
    }
}

void Faults::restore_with_key() {
    Device& restored = device();
    if (restored.has_copy() && restored.restore_copy(true)) {
        victims_.chronicle.count_fault("restore-with-key", {restored.index(), {}});
    } else {
        restored.keep_copy();
    }
}

void Faults::old_key_file() {
    Device& forgetful = device();
    // While it is down an older copy may have been put in place, which only the key file's count gives away.
    if (!forgetful.is_up()) return;
    forgetful.forget_count();
    forgetful.crash(0);
    victims_.chronicle.count_fault("old-key-file", {forgetful.index(), {}});
}

/// One device of a world, at the first moment when it can be copied. The key file comes with its database, or later.
void Faults::clone() {
    Device& twin = *victims_.twin;
    if (twin.life() != Device::Life::absent) return;
    const bool with_key_file = chance_->one_in(2);
    if (!twin.begin_as_copy_of(*victims_.original, with_key_file)) return;
    victims_.chronicle.count_fault("clone", {victims_.original->index(), twin.index()});
    later(seconds(1, 20), [&twin] { twin.bring_key(); });
}

// --- clocks -------------------------------------------------------------------------------------

void Faults::clock_step() {
    Device& wrong = device();
    wrong.clock().step(chance_->one_in(2) ? chance_->between(-120'000, 120'000)
                                          : chance_->between(-5, 5) * kHourMs);
    victims_.chronicle.count_fault("clock-step", {wrong.index(), {}});
}

void Faults::clock_years() {
    Device& wrong = device();
    const std::int64_t years_ms = chance_->between(-20, 20) * kYearMs;
    wrong.clock().step(years_ms);
    victims_.chronicle.count_fault("clock-years", {wrong.index(), {}});
    if (chance_->one_in(2)) later(seconds(2, 20), [&wrong, years_ms] { wrong.clock().step(-years_ms); });
}

void Faults::clock_drift() {
    Device& wrong = device();
    wrong.clock().drift(chance_->between(-100'000, 100'000));
    victims_.chronicle.count_fault("clock-drift", {wrong.index(), {}});
}

void Faults::clock_frozen() {
    Device& frozen = device();
    frozen.clock().freeze();
    victims_.chronicle.count_fault("clock-frozen", {frozen.index(), {}});
    later(seconds(1, 20), [&frozen] { frozen.clock().run(); });
}

}  // namespace strandline::simulator
