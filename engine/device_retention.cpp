#include <algorithm>

#include "engine/device.h"
#include "engine/limits.h"
#include "engine/retention.h"
#include "engine/text.h"

// Device, continued: what everybody has heard of, nobody needs to remember.
namespace strandline::engine {

using store::Resource;
using store::Transaction;

/// What we hold, and every member that is not parked has said to hold. A receipt counts once we hold all that it covers: so nobody has a write
/// that was made without knowledge of what is forgotten, and that we have not seen.
std::optional<watermarks::Vector> Device::acknowledged_by_all(const Resource& resource) const {
    if (!forgets_ || members.empty())
        return std::nullopt;  // Nobody has been let in yet: whoever comes knows nothing.
    const watermarks::Vector held = store.coverage(resource.id).floor();
    watermarks::Vector acknowledged = held;
    for (const DeviceId& member : members) {
        if (parked.contains(member)) continue;
        const auto receipts = receipts_.find(member);
        if (receipts == receipts_.end()) return std::nullopt;
        const auto receipt = receipts->second.find(resource.id);
        if (receipt == receipts->second.end() || !held.dominates(receipt->second)) return std::nullopt;
        acknowledged = smaller(acknowledged, receipt->second);
    }
    return acknowledged;
}

std::set<std::int64_t> Device::with_held() {
    std::set<std::int64_t> held;
    if (!forgets_) return held;  // Nobody asks.
    for (const Resource& resource : store.catalog.resources()) {
        if (store.quarantine.has_any(resource.id) && store.quarantine.has_held(resource.id))
            held.insert(resource.id);
    }
    return held;
}

/// What a peer has forgotten may be forgotten by whoever holds as much as it did: the deletions, and all that was written without
/// knowledge of them. So those in step remember the same.
void Device::follow_peers(const Resource& resource) {
    watermarks::Vector more;
    const watermarks::Vector held = store.coverage(resource.id).floor();
    for (const auto& [peer, session] : sessions) {
        const auto* theirs = session.theirs(resource);
        if (theirs != nullptr && session.exchanges(resource) && held.dominates(theirs->held_forgetting))
            more.raise(theirs->forgotten);
    }
    if (store.forgotten(resource.id).floor().dominates(more)) return;
    Transaction transaction(store.connection);
    forget_within(store, resource.id, {"", std::nullopt}, more);
    transaction.commit();
}

bool Device::knows_all(const std::vector<DeviceId>& devices) const {
    return std::ranges::all_of(devices, [&](const DeviceId& device) {
        return members.contains(device) || device == store.origins.id(store.self()).device;
    });
}

void Device::tell_members(const std::set<DeviceId>& news) {
    members.insert(news.begin(), news.end());
    for (auto& [peer, session] : sessions) session.tell_members(news);
}

/// Who let in whom is said before anybody says what it holds: so whoever's receipt is here has told of all that it had let in.
bool Device::hear_of(const std::vector<DeviceId>& devices, Now now) {
    std::set<DeviceId> others(devices.begin(), devices.end());
    others.erase(store.origins.id(store.self()).device);
    std::erase_if(others, [&](const DeviceId& device) { return members.contains(device); });
    // Whoever names them names itself too.
    if (members.size() + others.size() >= message::kMembersMax) return false;
    for (const DeviceId& device : others) store.ledger.put_member({device, "", false}, now.wall);
    tell_members(others);
    return true;
}

Result<void> Device::park(const DeviceId& device, bool is_parked, Now now) {
    if (device == store.origins.id(store.self()).device) {
        return failure(Category::usage, short_hex(device) +
                                            " is this device itself, and nothing here waits for it; give the "
                                            "id of another, as `strandline members` lists them");
    }
    if (!members.contains(device)) {
        return failure(Category::usage,
                       short_hex(device) +
                           " was never heard of here, so nothing waits for it; `strandline members` "
                           "lists who was");
    }
    Transaction transaction(store.connection);
    store.ledger.set_parked(device, is_parked ? std::optional(now.wall) : std::nullopt);
    transaction.commit();
    if (is_parked) {
        parked.insert(device);
    } else {
        parked.erase(device);
    }
    forget_at_ = forget_at_.value_or(now.steady);
    tell(EventKind::parked, now, {}, to_hex(device),
         is_parked ? "deletions do not wait for it any more" : "deletions wait for it again");
    write_events();
    return {};
}

void Device::forget_deletions(Now now) {
    if (!forget_at_ || now.steady < *forget_at_) return;
    // Pages that wait here were read by who knew less, and would have to be refused.
    if (has_waiting()) {
        forget_at_ = SteadyMs{now.steady.value + kForgetEveryMs};
        return;
    }
    const auto held = with_held();  // What waits may have been written without knowledge of a deletion.
    std::map<std::int64_t, watermarks::Vector> due;
    for (const Resource& resource : store.catalog.resources()) {
        auto acknowledged = acknowledged_by_all(resource);
        if (!acknowledged || held.contains(resource.id)) acknowledged.emplace();
        follow_peers(resource);
        if (has_forgettable(store, resource.id, *acknowledged)) due[resource.id] = std::move(*acknowledged);
    }
    if (!due.empty()) {
        Transaction transaction(store.connection);
        for (const auto& [resource, vector] : due) {
            forget(store, resource, vector);
            sweep(store, resource, kForgetRowsMax);
        }
        transaction.commit();
    }
    forget_at_.reset();
    if (!due.empty()) forget_at_ = SteadyMs{now.steady.value + kForgetEveryMs};
}

}  // namespace strandline::engine
