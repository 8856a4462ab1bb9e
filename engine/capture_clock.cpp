#include <algorithm>

#include "engine/capture.h"

// Capture, continued: stamps of a future that is none any more (docs/decisions/0008-*.md).
namespace strandline::engine {

using store::Resource;
using store::Void;

namespace {

constexpr Hlc reading_at(std::int64_t wall_ms) {
    return {wall_ms << hlc::kCounterBits};
}

}  // namespace

bool Capture::is_far_ahead(Now now) const {
    return hlc::is_ahead(store_.journal.clock(), now.wall, Hlc{}, hlc::kDriftMs);
}

Hlc Capture::put_right(Incarnation next, Now now, Found& found) {
    const Hlc ahead = reading_at(now.wall.value + hlc::kDriftMs);
    Hlc floor = reading_at(now.wall.value);
    // Above all that we hold, so that what is stamped anew wins here what it has won already.
    for (const Resource& resource : store_.catalog.resources()) {
        for (const watermarks::Piece& piece : store_.coverage(resource.id).pieces()) {
            for (const auto& [origin, hlc] : piece.vector.entries()) {
                if (hlc <= ahead) floor = std::max(floor, hlc);
            }
        }
    }
    const Origin old = store_.self();
    store_.begin_incarnation(next);
    hlc::Clock clock(floor);
    for (const Resource& resource : store_.catalog.resources()) {
        found[resource.id] += stamp_anew(resource, floor, std::nullopt, now, clock);
        // Others' writes of that future are not in the state any more: they come again, and are held.
        (void)store_.claim_without(resource.id, {old, floor, store_.self()});
    }
    const Hlc last = clock.next(now.wall);
    // One watermark for all: whoever holds something of the new origin holds all that was stamped anew.
    for (const Resource& resource : store_.catalog.resources()) raise_own(resource, last);
    store_.journal.put_back(last);
    store_.voids.add({old, floor, store_.self()});
    return floor;
}

bool Capture::own_let_in(Now now, Found& found) {
    bool is_any = false;
    for (const Void& record : store_.voids.all()) {
        for (const Resource& resource : store_.catalog.resources()) {
            if (resource.ownership == Ownership::device_owned) {
                if (store_.voids.lower_owned(resource.id, record)) forget_sums(resource);
                continue;
            }
            hlc::Clock clock(store_.journal.clock());
            const std::int64_t rows = stamp_anew(resource, record.above, record.of, now, clock);
            if (rows == 0) continue;
            found[resource.id] += rows;
            store_.journal.set_floor(clock.last());
            raise_own(resource, clock.last());
            is_any = true;
        }
    }
    return is_any;
}

std::int64_t Capture::stamp_anew(const Resource& resource, Hlc above, std::optional<Origin> of, Now now,
                                 hlc::Clock& clock) {
    // Of rows of other devices nobody may stamp anything.
    const bool is_owned = resource.ownership == Ownership::device_owned;
    auto placed = store_.voids.above(resource.id, above, of,
                                     is_owned ? &store_.origins.id(store_.self()).device : nullptr);
    if (placed.empty()) return 0;
    const StampOrder order(store_.origins.ids());
    std::ranges::sort(placed, [&](const auto& a, const auto& b) {
        return order.less(a.first, b.first) || (a.first == b.first && a.second < b.second);
    });
    for (const auto& at : placed) store_.voids.restamp(resource.id, at, own(clock.next(now.wall)));
    forget_sums(resource);
    return static_cast<std::int64_t>(placed.size());
}

void Capture::forget_sums(const Resource& resource) {
    store_.fingerprints.forget(resource.id);
    store_.stamps.reload();
}

}  // namespace strandline::engine
