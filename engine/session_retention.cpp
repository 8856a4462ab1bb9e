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

bool Session::lacks_forgotten(const Piece& piece, std::int64_t resource) const {
    return std::ranges::any_of(store_.forgotten(resource).pieces(), [&](const Piece& forgotten) {
        return intersect(forgotten.range, piece.range) && !piece.vector.dominates(forgotten.vector);
    });
}

bool Session::lags(const Resource& resource, const watermarks::Range& range) const {
    const Theirs* known = theirs(resource);
    return known != nullptr &&
           std::ranges::any_of(store_.forgotten(resource.id).pieces(), [&](const Piece& forgotten) {
               const auto both = intersect(forgotten.range, range);
               return both && !known->acknowledged_then.dominates(*both, forgotten.vector);
           });
}

bool Session::settles(const Resource& resource, const watermarks::Range& range) const {
    const Theirs* known = theirs(resource);
    return known != nullptr && lags(resource, range) &&
           !store_.coverage(resource.id).dominates(range, known->forgotten);
}

bool Session::is_stale(const message::Page& page) const {
    const Resource* resource = store_.catalog.find(page.resource);
    return resource != nullptr && lags(*resource, {page.range.low, page.range.high});
}

bool Session::may_settle(const message::Page& page, std::uint32_t pull) const {
    const Resource& resource = *store_.catalog.find(page.resource);
    const watermarks::Range range{page.range.low, page.range.high};
    const Asking::Pull* asked = asking_.find(pull);
    if (asked == nullptr || !page.complete || !settles(resource, range)) return false;
    const auto is_ours = [&](const watermarks::Vector::Entry& entry) {
        return store_.origins.id(entry.first).device == store_.origins.id(store_.self()).device;
    };
    const auto is_as_asked = [&](const Piece& wanted) {
        return std::ranges::all_of(store_.coverage(resource.id).pieces(), [&](const Piece& mine) {
            return !intersect(mine.range, range) ||
                   std::ranges::all_of(above(mine.vector, wanted.vector).entries(), is_ours);
        });
    };
    return std::ranges::any_of(asked->wanted, [&](const auto& wanted) {
        return wanted.first == resource.id && std::ranges::any_of(wanted.second, [&](const Piece& piece) {
                   return intersect(piece.range, range) == range && is_as_asked(piece);
               });
    });
}

bool Session::accepts(const message::Pages& pages) {
    if (!accepts_form(pages)) return false;
    // The next push builds on one that was refused, until the peer has heard what is held.
    if (pages.pull == 0 && has_refused_) return false;
    const bool is_taken = std::ranges::all_of(pages.pages, [&](const message::Page& page) {
        return !is_stale(page) || may_settle(page, pages.pull);
    });
    if (is_taken) return true;
    // It was read before the peer knew of deletions that are forgotten here by now.
    if (pages.pull != 0 && pages.last) answered(pages.pull);
    say_all_ = true;
    has_refused_ = true;
    return false;
}

void Session::answered(std::uint32_t pull) {
    is_push_under_way_ = false;  // A push that was under way gave way to the pull.
    asking_.end(pull);
    if (!is_ready()) return;
    const bool is_long = asking_.find(PullLength::is_long) != nullptr;
    state_ = is_long ? SessionState::backfilling : SessionState::streaming;
}

}  // namespace strandline::engine
