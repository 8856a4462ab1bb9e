#include "simulator/faults.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace strandline::simulator {
namespace {

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
        {"late-join", 10, &Faults::late_join},
        {"restore", 15, &Faults::restore},
        {"restore-with-key", 30, &Faults::restore_with_key, true},
        {"old-key-file", 30, &Faults::old_key_file},
        {"slow-app", 8, &Faults::slow_app},
        {"bulk", 15, &Faults::bulk},
        {"large", 40, &Faults::large},
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
        const bool is_in_group =
            !kind.is_only_by_name && (names == "all" || (names == "swarm" && is_in_swarm));
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
        device->start();
    }
}

}  // namespace strandline::simulator
