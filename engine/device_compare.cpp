#include <algorithm>

#include "engine/device.h"
#include "engine/limits.h"

// Device, continued: comparisons with peers.
namespace strandline::engine {

using store::Transaction;

namespace {

std::string sentence(const Verification& found) {
    std::string text = found.rows == 0 ? "compared: the same"
                                       : "compared: " + std::to_string(found.rows) + " rows differed" +
                                             (found.is_same ? ", and are repaired" : "");
    for (const std::string& left : found.left) text += "; " + left;
    return text;
}

}  // namespace

void Device::verify(Now now) {
    is_verify_asked_ = true;
    verified_.reset();
    compare(now);
}

template <typename Step>
void Device::compare_within(Session& session, Now now, const Step& step) {
    const auto level = level_peers();
    Capture::Found found;
    fold();
    Transaction transaction(store.connection);
    fold_within(found, kFoldRowsMax);
    Comparer::Step done = step();
    if (done.done) tell_verified(*done.done, now);
    transaction.commit();
    push_found(found, level);
    if (done.done) {
        verified_ = done.done;
        verify_request_.reset();
    }
    comparer_.keep(session, std::move(done));
}

void Device::take_compare(Session& session, const message::Compare& compare, Now now) {
    if (!session.is_ready()) return session.close("a Compare before the Have");
    compare_within(session, now, [&] { return comparer_.take(session, compare, now); });
}

bool Device::may_begin_comparison(const Session& session) const {
    return is_verify_asked_ && session.knows(message::kCompares) && session.is_in_step() &&
           !comparer_.is_busy_with(session.peer());
}

void Device::compare(Now now) {
    for (auto& [peer, session] : sessions) {
        if (may_begin_comparison(session)) {
            is_verify_asked_ = false;
            comparer_.begin(peer, now);
        }
        if (comparer_.has_work(session, now))
            compare_within(session, now, [&] { return comparer_.step(session, now); });
    }
}

void Device::tell_verified(const Verification& found, Now now) {
    tell(EventKind::verified, now, {}, to_hex(found.peer), sentence(found), found.rows);
    write_events();
    if (!verify_request_) return;
    store.ledger.answer_request(*verify_request_,
                                found.is_same ? Result<void>() : failure(Category::storage, sentence(found)));
}

/// What came without a claim, and was not held back, is what a comparison has found.
void Device::note_repaired(const Session& session, const message::Pages& pages) {
    if (!comparer_.is_busy_with(session.peer())) return;
    for (const message::Page& page : pages.pages) {
        const store::Resource* resource = store.catalog.find(page.resource);
        if (!page.vector.empty() || resource == nullptr) continue;
        for (const message::Entry& entry : page.entries)
            comparer_.came(session.peer(), resource->id, entry.key);
    }
}

}  // namespace strandline::engine
