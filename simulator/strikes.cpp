// Faults' other half: what each kind does.
#include <algorithm>
#include <set>
#include <utility>

#include "engine/limits.h"
#include "simulator/faults.h"

namespace strandline::simulator {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kYearMs = 365 * 24 * kHourMs;

}  // namespace

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
    victims_.chronicle.count_fault("pieces");
    later(seconds(1, 10),
          [this, a = from, b = to] { victims_.network.link(a, b).is_in_small_pieces = false; });
}

void Faults::clog() {
    const auto [from, to] = link();
    victims_.network.link(from, to).clog_us = chance_->between(50 * kUsPerMs, 5 * kUsPerSecond);
    victims_.chronicle.count_fault("clog");
    later(seconds(1, 10), [this, a = from, b = to] { victims_.network.link(a, b).clog_us = 0; });
}

void Faults::one_way() {
    const auto [from, to] = link();
    victims_.network.block(from, to, true);
    victims_.chronicle.count_fault("one-way");
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
    device().crash(at_call());
    victims_.chronicle.count_fault("crash");
}

void Faults::power_cut() {
    const std::uint64_t choice = chance_->below(4);
    const auto survival = choice == 0 ? disk::kKeepAll : choice == 1 ? disk::kDropAll : disk::kMixed;
    device().cut_power(survival, at_call());
    victims_.chronicle.count_fault("power-cut");
}

void Faults::disk_full() {
    Device& full = device();
    if (!full.is_up()) return;
    std::int64_t size = 0;
    const disk::DiskImage image = full.disk().visible_image();
    for (const auto& [name, content] : image.files()) size += static_cast<std::int64_t>(content.size());
    full.disk().set_capacity(size + chance_->between(0, 40'000));
    victims_.chronicle.count_fault("disk-full");
    later(seconds(1, 15), [&full] { full.disk().set_capacity({}); });
}

void Faults::io_error() {
    constexpr disk::Hits kHits[] = {disk::Hits::reads, disk::Hits::writes, disk::Hits::syncs,
                                    disk::Hits::any};
    Device& failing = device();
    if (!failing.is_up()) return;
    failing.disk().fail({kHits[chance_->below(4)], 1 + chance_->below(200), chance_->one_in(3)});
    victims_.chronicle.count_fault("io-error");
}

void Faults::stop() {
    Device& stopped = device();
    stopped.stop();
    victims_.chronicle.count_fault("stop");
    later(seconds(1, 20), [&stopped] { stopped.start(); });
}

void Faults::pause() {
    Device& paused = device();
    paused.pause(true);
    victims_.chronicle.count_fault("pause");
    later(seconds(1, 50), [&paused] { paused.pause(false); });
}

/// One device of a world, and only if the others stay connected without it.
void Faults::leave() {
    Device& gone = device();
    if (has_left_ || victims_.devices.size() < 3) return;
    std::set<std::size_t> reached;
    std::vector<std::size_t> todo{gone.index() == 0 ? std::size_t{1} : std::size_t{0}};
    while (!todo.empty()) {
        const std::size_t at = todo.back();
        todo.pop_back();
        if (at == gone.index() || !reached.insert(at).second) continue;
        for (const auto& [from, to] : victims_.links) {
            if (from == at) todo.push_back(to);
            if (to == at) todo.push_back(from);
        }
    }
    if (reached.size() + 1 < victims_.devices.size()) return;
    has_left_ = true;
    gone.leave();
    victims_.chronicle.count_fault("leave");
}

void Faults::late_join() {
    victims_.join_next();
    victims_.chronicle.count_fault("late-join");
}

/// An older copy of the database under the key file of today. A copy that is made is followed by a restart, since
/// only what is older than the present opening can be told from a crash.
void Faults::restore() {
    Device& restored = device();
    if (restored.restore_copy()) return victims_.chronicle.count_fault("restore");
    restored.keep_copy();
    restored.crash(0);
}

void Faults::restore_with_key() {
    Device& restored = device();
    if (restored.restore_copy_with_key_file()) {
        victims_.chronicle.count_fault("restore-with-key");
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
    victims_.chronicle.count_fault("old-key-file");
}

// --- clocks -------------------------------------------------------------------------------------

void Faults::clock_step() {
    device().clock().step(chance_->one_in(2) ? chance_->between(-120'000, 120'000)
                                             : chance_->between(-5, 5) * kHourMs);
    victims_.chronicle.count_fault("clock-step");
}

void Faults::clock_years() {
    device().clock().step(chance_->between(-20, 20) * kYearMs);
    victims_.chronicle.count_fault("clock-years");
}

void Faults::clock_drift() {
    device().clock().drift(chance_->between(-100'000, 100'000));
    victims_.chronicle.count_fault("clock-drift");
}

void Faults::clock_frozen() {
    Device& frozen = device();
    frozen.clock().freeze();
    victims_.chronicle.count_fault("clock-frozen");
    later(seconds(1, 20), [&frozen] { frozen.clock().run(); });
}

// --- apps ---------------------------------------------------------------------------------------

void Faults::slow_app() {
    Device& slow = device();
    if (!slow.is_up() || slow.app() == nullptr || slow.app()->is_in_transaction()) return;
    victims_.chronicle.count_fault("slow-app");
    if (victims_.workloads[slow.index()].begin(*slow.app()) != App::Outcome::done) return slow.wrote();
    later(chance_->between(10 * kUsPerMs, 3 * kUsPerSecond), [&slow] {
        if (slow.app() == nullptr || !slow.app()->is_in_transaction()) return;
        slow.app()->commit();
        slow.wrote();
    });
}

void Faults::bulk() {
    Device& busy = device();
    if (!busy.is_up() || busy.app() == nullptr || busy.app()->is_in_transaction()) return;
    victims_.chronicle.count_fault("bulk");
    victims_.workloads[busy.index()].load(*busy.app(), 50 + chance_->below(1'000));
    busy.wrote();
}

/// Rows so large that a few of them fill the engine's limits of a page, of a delta, and of what is on its way.
void Faults::large() {
    Device& busy = device();
    if (!busy.is_up() || busy.app() == nullptr || busy.app()->is_in_transaction()) return;
    victims_.chronicle.count_fault("large");
    victims_.workloads[busy.index()].store(*busy.app(), 1 + chance_->below(10), engine::kPageBytesMax);
    busy.wrote();
}

}  // namespace strandline::simulator
