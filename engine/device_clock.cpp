#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "engine/device.h"
#include "engine/limits.h"
#include "engine/text.h"

// Device, continued: a clock that stood far ahead and is put right (docs/decisions/0009-*.md).
namespace strandline::engine {

using store::Resource;
using store::Transaction;

namespace {

constexpr Hlc reading_at(WallMs wall) {
    return {wall.value << hlc::kCounterBits};
}

}  // namespace

/// Two clocks that agree with each other, while our last stamp is far ahead of both: ours was wrong, and is right now.
void Device::meet_clock(const Session& session, Now now) {
    if (!session.their_hello()) return;
    const std::int64_t skew = session.their_wall(now).value - now.wall.value;
    if (std::abs(skew) > hlc::kDriftMs || now.wall.value < kClockBelievedFromMs) return;
    const bool is_ahead = hlc::is_ahead(store.journal.clock(), now.wall, Hlc{}, hlc::kDriftMs);
    const auto [highest, origin] = is_ahead ? highest_of_others() : std::pair{Hlc{}, Origin{}};
    const bool is_kept_ahead = highest > reading_at({now.wall.value + hlc::kDriftMs});
    // Asked with each heartbeat, told once.
    const bool is_told = std::exchange(is_kept_ahead_, is_kept_ahead);
    if (!is_ahead || (is_kept_ahead && is_told)) return;
    Transaction transaction(store.connection);
    if (is_kept_ahead) {
        tell(EventKind::clock_skew, now, {}, to_hex(store.origins.id(origin).device),
             "this device's clock was far ahead and is right again, but this device holds changes of another "
             "one whose clock was: until that one's is put right, or the time has come, others hold back "
             "what is written here");
    } else {
        put_right(session, std::max(highest, reading_at(now.wall)), now);
    }
    write_events();
    transaction.commit();
}

/// Above all that this device's own stamps have won against here.
void Device::put_right(const Session& session, Hlc floor, Now now) {
    Capture::Found found;
    fold_within(found, kFoldRowsMax);
    const Hlc last = store.journal.clock();
    const Hlc ceiling{floor.value + 1};
    for (const auto& [origin, hlc] : highest_watermarks()) {
        if (store.origins.id(origin).device == store.origins.id(store.self()).device && hlc > ceiling)
            store.origins.lower_ceiling(origin, ceiling);
    }
    store.begin_incarnation(static_cast<Incarnation>(entropy_()));
    store.journal.put_back(ceiling);
    tell(EventKind::incarnation, now, {}, to_hex(session.peer()),
         "this device's clock stood up to " +
             std::to_string((hlc::wall_of(last).value - now.wall.value) / 1000) +
             " s ahead, and agrees with a peer's now: it goes on as a new origin, and what was written with "
             "stamps of that future counts as written just now");
    say_all();  // Of the new ceilings, and of what was found.
}

std::pair<Hlc, Origin> Device::highest_of_others() const {
    std::pair<Hlc, Origin> highest;
    for (const auto& [origin, hlc] : highest_watermarks()) {
        if (store.origins.id(origin).device == store.origins.id(store.self()).device) continue;
        highest = std::max(highest, {store.origins.order().counts_as({hlc, origin}), origin});
    }
    return highest;
}

std::map<Origin, Hlc> Device::highest_watermarks() const {
    std::map<Origin, Hlc> highest;
    for (const Resource& resource : store.catalog.resources()) {
        for (const watermarks::Piece& piece : store.coverage(resource.id).pieces()) {
            for (const auto& [origin, hlc] : piece.vector.entries())
                highest[origin] = std::max(highest[origin], hlc);
        }
    }
    return highest;
}

/// Before anything else that a peer says: by its ceilings it has compared what it sends.
void Device::take_ceilings(const message::Have& have, Now now) {
    std::vector<Origin> lowered;
    for (const auto& [index, ceiling] : have.ceilings) {
        const Origin origin = store.origins.number(have.origins[static_cast<std::size_t>(index)]);
        if (store.origins.lower_ceiling(origin, ceiling)) lowered.push_back(origin);
    }
    if (lowered.empty()) return;
    Capture::Found found;
    fold_within(found, kFoldRowsMax);
    if (std::ranges::find(lowered, store.self()) != lowered.end()) {
        // A copy of this database has said so of what both were.
        store.begin_incarnation(static_cast<Incarnation>(entropy_()));
        tell(EventKind::incarnation, now, {}, {},
             "a copy of this database was put right, as its clock stood far ahead: this device goes on as a "
             "new origin");
    }
    Apply apply(store, now);
    apply.meet_ceilings(lowered);
    const Applied applied = apply.finish();
    raise_written_again(applied);
    tell_applied(applied, nullptr, now);
    write_events();
    say_all();
}

}  // namespace strandline::engine
