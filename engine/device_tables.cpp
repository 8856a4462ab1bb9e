#include <algorithm>

#include "engine/agreement.h"
#include "engine/device.h"
#include "engine/limits.h"
#include "engine/text.h"

// Device, continued: tables that are not exchanged, with somebody or with nobody.
namespace strandline::engine {

using store::Resource;

namespace {

/// What one event says of tables; the rest is counted.
constexpr std::size_t kNamesBytesMax = 400;

std::string listed(const std::vector<std::string>& names) {
    std::string out;
    std::size_t shown = 0;
    for (; shown < names.size() && out.size() < kNamesBytesMax; ++shown)
        out += (shown > 0 ? ", " : "") + plain(names[shown], message::kNameBytesMax);
    if (shown < names.size()) out += " and " + std::to_string(names.size() - shown) + " more";
    return out;
}

}  // namespace

void Device::tell_not_exchanged(Session& session, Now now) {
    const std::string peer = to_hex(session.peer());
    const auto tell_once = [&](const std::string& resource, const std::string& text) {
        if (session.told_not_exchanged.insert(resource + '\n' + text).second)
            tell(EventKind::not_exchanged, now, resource, peer, text);
    };
    store::Ledger::NotExchanged others;
    std::vector<std::string> only_here;
    for (const Resource& resource : store.catalog.resources()) {
        if (!resource.is_there) continue;
        const auto* theirs = session.theirs(resource);
        if (theirs == nullptr) {
            only_here.push_back(resource.name);
            others[resource.id] = "the peer does not track it";
            continue;
        }
        const std::string why = disagreement(resource, theirs->ownership, theirs->key);
        if (why.empty()) continue;
        others[resource.id] = why;
        tell_once(resource.name, why);
    }
    std::vector<std::string> only_there;
    for (const Session::Theirs& theirs : session.all_theirs()) {
        if (store.catalog.find(theirs.resource) == nullptr) only_there.push_back(theirs.resource);
    }
    if (!only_here.empty())
        tell_once({}, "this device tracks " + listed(only_here) +
                          ", the peer does not; what is tracked on one side alone is not exchanged");
    if (!only_there.empty())
        tell_once({}, "the peer tracks " + listed(only_there) +
                          ", this device does not; `strandline track` them here to have them exchanged");
    store.ledger.set_not_exchanged(session.peer(), others);
}

/// Whether another device may hold rows of it, or gave some of them to us.
bool Device::was_exchanged(const Resource& resource) const {
    const bool was_acknowledged = std::ranges::any_of(receipts_, [&](const auto& peer) {
        const auto receipt = peer.second.find(resource.id);
        return receipt != peer.second.end() && !receipt->second.entries().empty();
    });
    const DeviceId& self = store.origins.id(store.self()).device;
    const auto is_own = [&](const auto& entry) { return store.origins.id(entry.first).device == self; };
    return was_acknowledged ||
           !std::ranges::all_of(store.coverage(resource.id).pieces(), [&](const watermarks::Piece& piece) {
               return std::ranges::all_of(piece.vector.entries(), is_own);
           });
}

bool Device::track_anew(const Resource& resource, Now now, Capture::Found& found) {
    if (!resource.has_another_key || was_exchanged(resource)) return false;
    const std::string name = resource.name;
    const Ownership ownership = resource.ownership;
    const Result<store::TableShape> shape = store.catalog.shape(name);
    fold_within(found, kFoldRowsMax);
    bool is_done = false;
    {
        store::Savepoint before(store.connection);
        store.catalog.remove(resource.id);
        const Resource& added = store.catalog.add(*shape, ownership);
        store.catalog.install(added);
        is_done = capture_.stamp_all(added, now).has_value();
        if (is_done) before.keep();
    }
    store.reload();
    if (!is_done) return false;
    store.begin_incarnation(static_cast<Incarnation>(entropy_()));
    const Resource& anew = *store.catalog.find(name);
    tell(EventKind::tracked, now, name, {},
         "its key is another one now, and no other device has any of its rows: it is tracked anew",
         store.catalog.rows(anew.id));
    return true;
}

}  // namespace strandline::engine
