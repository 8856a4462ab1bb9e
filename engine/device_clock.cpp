#include <cmath>
#include <cstdlib>
#include <string>

#include "engine/device.h"
#include "engine/limits.h"
#include "planted/planted.h"

// Device, continued: clocks that stood far ahead, ours and others' (docs/decisions/0008-*.md).
namespace strandline::engine {

using store::Resource;

/// Two clocks that agree with each other, while our last stamp is far ahead of both: ours was wrong, and is right now.
void Device::meet_clock(const Session& session, const message::Hello& hello, Now now) {
    const bool agrees = std::abs(hello.wall.value - now.wall.value) <= hlc::kDriftMs;
    if (!agrees || now.wall.value < kClockBelievedFromMs || !capture_.is_far_ahead(now)) return;
    Capture::Found found;
    fold_within(found, kFoldRowsMax);
    const Hlc last = store.journal.clock();
    found.clear();
    capture_.put_right(static_cast<Incarnation>(entropy_()), now, found);
    std::int64_t stamps = 0;
    for (const auto& [resource, count] : found) stamps += count;
    const std::int64_t ahead_s = (hlc::wall_of(last).value - now.wall.value) / 1000;
    tell(EventKind::incarnation, now, {}, to_hex(session.peer()),
         "this device's clock stood up to " + std::to_string(ahead_s) +
             " s ahead, and agrees with a peer's now: the device goes on as a new origin, and what was "
             "written "
             "with stamps of that future is written again, now",
         stamps);
    owe(store::Proof::shallow);
    write_events();
    // What was read or said with stamps of that future must not be claimed any more.
    for (auto& [peer, other] : sessions) {
        other.say_all();
        if (other.is_ready())
            other.close("this device's clock was put right; connecting again tells what is held");
    }
}

void Device::take_voids(const Session& session, const message::Have& have, Now now) {
    const auto origins = localized(store.origins, have.origins);
    const auto own = [&](Origin origin) { return origins[static_cast<std::size_t>(origin)]; };
    bool is_news = false;
    bool claims_less = false;
    for (const message::Void& said : have.voids) {
        if (store.voids.all().size() >= message::kVoidsMax) break;
        const store::Void record{own(said.of), said.above, own(said.by)};
        if (!store.voids.add(record)) continue;
        is_news = true;
        for (const Resource& resource : store.catalog.resources()) {
            if (store.voids.held(resource.id, record).empty()) continue;
            claims_less = store.claim_without(resource.id, record) || claims_less;
        }
    }
    if (!is_news) return;
    Capture::Found found;
    fold_within(found, kFoldRowsMax);
    own_let_in(found, now);
    // What was held may have been written again already.
    Apply apply(store, now);
    tell_applied(apply.finish(), nullptr, now);
    for (auto& [peer, other] : sessions) {
        other.say_all();
        // What was asked for, or said, with what is not claimed any more would be missing.
        if (claims_less && other.is_ready() && peer != session.peer())
            other.close("a clock was put right elsewhere; connecting again tells what is held");
    }
}

void Device::own_let_in(Capture::Found& found, Now now) {
    if (store.voids.all().empty() || is_planted(planted::Bug::void_ignored)) return;
    if (!capture_.own_let_in(now, found)) return;
    owe(store::Proof::shallow);
    tell(
        EventKind::incarnation, now, {}, {},
        "changes of a device whose clock stood far ahead had been let in here: they count as written by this "
        "device now");
}

}  // namespace strandline::engine
