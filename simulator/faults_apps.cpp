#include <cstddef>
#include <string>

#include "simulator/faults.h"

// Faults, continued: what apps do that others do not expect.
namespace strandline::simulator {
namespace {

constexpr std::size_t kHugeRowBytes = 512 * 1024;  ///< a page of a backfill; eight are a delta

}  // namespace

void Faults::slow_app() {
    Device& slow = device();
    if (!slow.is_up() || slow.app() == nullptr || slow.app()->is_in_transaction()) return;
    victims_.chronicle.count_fault("slow-app", {slow.index(), {}});
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
    victims_.chronicle.count_fault("bulk", {busy.index(), {}});
    victims_.workloads[busy.index()].load(*busy.app(), 50 + chance_->below(1'000));
    busy.wrote();
}

/// Rows so large that a table has several pages.
void Faults::large() {
    store("large", 20 + chance_->below(40), 12'000 + chance_->below(24'000));
}

/// Rows so large that a few of them fill a page, a delta, and what may be on its way.
void Faults::huge() {
    store("huge", 1 + chance_->below(10), kHugeRowBytes);
}

void Faults::store(const std::string& kind, std::size_t rows, std::size_t bytes) {
    Device& busy = device();
    if (!busy.is_up() || busy.app() == nullptr || busy.app()->is_in_transaction()) return;
    victims_.chronicle.count_fault(kind, {busy.index(), {}});
    victims_.workloads[busy.index()].store(*busy.app(), rows, bytes);
    busy.wrote();
}

/// Two apps do the same in one millisecond: their clocks show the same, and only the origin tells the stamps apart.
void Faults::same_moment() {
    const Random same(chance_->next());
    Device* writers[] = {&device(), &device()};
    for (Device* writer : writers) {
        if (!writer->is_up() || writer->app() == nullptr || writer->app()->is_in_transaction()) continue;
        Workload(writer->index(), same).write(*writer->app());
        writer->wrote();
    }
    victims_.chronicle.count_fault("same-moment", {writers[0]->index(), writers[1]->index()});
}

}  // namespace strandline::simulator
