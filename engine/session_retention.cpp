#include <algorithm>

#include "engine/session.h"

// Session, continued: whose word is taken about rows that were deleted, where nobody knows of it any more.
namespace strandline::engine {

using store::Resource;
using watermarks::Piece;

bool Session::has_forgotten_more(const Theirs& known, const Resource& resource) const {
    if (!knows(message::kKnowsForgotten)) return false;
    const watermarks::Vector forgotten = store_.forgotten(resource.id).floor();
    const auto told = told_forgotten_.find(resource.id);
    return !known.forgotten.dominates(forgotten) &&
           (told == told_forgotten_.end() || !told->second.dominates(forgotten));
}

void Session::say_forgotten(message::Holding& holding, const Resource& resource, OriginList& origins) {
    if (!knows(message::kKnowsForgotten)) return;
    watermarks::Vector forgotten = store_.forgotten(resource.id).floor();
    holding.forgotten = origins.indexed(forgotten);
    told_forgotten_[resource.id] = std::move(forgotten);
}

bool Session::lags(const Resource& resource, const watermarks::Range& range) const {
    const Theirs* known = theirs(resource.name);
    return known != nullptr &&
           std::ranges::any_of(store_.forgotten(resource.id).pieces(), [&](const Piece& forgotten) {
               const auto both = intersect(forgotten.range, range);
               return both && !known->acknowledged.dominates(*both, forgotten.vector);
           });
}

bool Session::is_stale(const message::Pages& pages) const {
    return std::ranges::any_of(pages.pages, [&](const message::Page& page) {
        const Resource* resource = store_.catalog.find(page.resource);
        return resource != nullptr && lags(*resource, {page.range.low, page.range.high});
    });
}

bool Session::accepts(const message::Pages& pages) {
    if (!accepts_form(pages)) return false;
    // The next push builds on one that was refused, until the peer has heard what is held.
    if (pages.pull == 0 && has_refused_) return false;
    if (!is_stale(pages)) return true;
    // It was read before the peer knew of deletions that are forgotten here by now.
    if (pages.pull != 0 && pages.last) answered();
    say_all_ = true;
    has_refused_ = true;
    return false;
}

void Session::answered() {
    is_push_under_way_ = false;  // A push that was under way gave way to the pull.
    asked_.reset();
    if (state_ == SessionState::backfilling) state_ = SessionState::streaming;
}

}  // namespace strandline::engine
