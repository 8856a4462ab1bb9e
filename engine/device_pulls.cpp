#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>

#include "backfill/plan.h"
#include "backfill/share.h"
#include "engine/device.h"
#include "engine/limits.h"
#include "engine/text.h"
#include "planted/planted.h"

// Device, continued: whom it asks for what, and how far a backfill is.
namespace strandline::engine {

using store::Resource;
using watermarks::is_unfetched;
using watermarks::Piece;
using watermarks::Range;

namespace {

/// A pull names each resource once, with its pieces in key order.
void add(Wanted& wanted, const backfill::Slice& slice) {
    auto asked = std::ranges::find(wanted, slice.resource, &Wanted::value_type::first);
    if (asked == wanted.end()) asked = wanted.insert(wanted.end(), {slice.resource, {}});
    auto& pieces = asked->second;
    const auto place = std::ranges::lower_bound(pieces, slice.piece.range.low, {},
                                                [](const Piece& piece) { return piece.range.low; });
    if (place != pieces.begin() && std::prev(place)->range.high == slice.piece.range.low &&
        std::prev(place)->vector == slice.piece.vector) {
        std::prev(place)->range.high = slice.piece.range.high;
    } else {
        pieces.insert(place, slice.piece);
    }
}

bool has_large(const message::Pages& pages) {
    return std::ranges::any_of(pages.pages, [](const message::Page& page) {
        return !page.entries.empty() && !page.entries.front().large.empty();
    });
}

}  // namespace

// --- whom, and for what -------------------------------------------------------------------------

void Device::plan_pulls(Now now) {
    for (auto& [peer, breaker] : breakers_) static_cast<void>(breaker.may_ask(now));
    leave_stalled(now);
    give_up_stalled_values(now);
    for (Session* session : by_preference()) {
        Plan plan = plan_pull(*session, now);
        if (plan.wanted.empty()) continue;
        if (plan.is_backfill) begin_backfill(*session, plan.wanted, now);
        session->ask(std::move(plan.wanted), plan.length, now);
        figures_changed_ = true;
    }
    share_pulls(now);
    end_settled_backfill(now);
}

/// What a peer does not bring is asked of others. It may bring it yet, late: that is taken, and clears its name.
void Device::leave_stalled(Now now) {
    for (auto& entry : sessions) {
        Session& session = entry.second;
        std::vector<Asking::Pull> stalled;
        std::ranges::copy_if(session.asking().pulls(), std::back_inserter(stalled), [&](const auto& pull) {
            return now.steady.value >= pull.heard_at.value + kStallMs && has_substitute(session, pull);
        });
        for (const Asking::Pull& pull : stalled) {
            for (const auto& [resource, pieces] : pull.left) {
                for (const Piece& piece : pieces) session.leave_to_others(pull.number, resource, piece.range);
            }
            breakers_[session.peer()].failed(now, entropy_());
            tell(EventKind::trouble, now, {}, to_hex(session.peer()),
                 "it was asked and has brought nothing for " + std::to_string(kStallMs / 1'000) +
                     " s; the rest is asked of others");
        }
    }
}

/// Whether somebody else has what a pull is still to bring. While messages wait here, for another process's lock or for their
/// turn, it is not the peer that brings nothing.
bool Device::has_substitute(const Session& session, const Asking::Pull& pull) const {
    if (!session.knows(message::kWaives) || !inbox.empty() || has_waiting()) return false;
    return std::ranges::any_of(sessions, [&](const auto& entry) {
        const Session& other = entry.second;
        const auto breaker = breakers_.find(entry.first);
        const bool is_open = breaker != breakers_.end() && breaker->second.retry_at();
        if (&other == &session || is_open || !other.may_ask(pull.length)) return false;
        return std::ranges::any_of(pull.left, [&](const auto& asked) {
            const Resource* resource = store.catalog.find(asked.first);
            if (resource == nullptr || !other.exchanges(*resource)) return false;
            return std::ranges::any_of(asked.second, [&](const Piece& piece) {
                return !other.lags(*resource, piece.range) &&
                       backfill::has_more(other.theirs(*resource)->acknowledged, piece);
            });
        });
    });
}

/// Who would bring a page soonest, by what was measured, comes first; who is not measured yet, last.
std::vector<Session*> Device::by_preference() {
    const auto page_ms = [](const Session& session) {
        const auto rtt_ms = session.rtt_ms();
        if (!rtt_ms) return std::numeric_limits<double>::max();
        const auto pace = session.pace().bytes_per_ms();
        return *rtt_ms + (pace ? static_cast<double>(kPageBytesMax) / *pace : 0.0);
    };
    std::vector<std::tuple<double, std::size_t, Session*>> peers;
    for (auto& [peer, session] : sessions) peers.emplace_back(page_ms(session), peers.size(), &session);
    std::ranges::sort(peers);
    std::vector<Session*> sorted;
    sorted.reserve(peers.size());
    for (const auto& [ms, place, session] : peers) sorted.push_back(session);
    return sorted;
}

void Device::share_pulls(Now now) {
    if (!is_being_filled()) return;
    for (Session* taker : by_preference()) {
        if (!taker->may_ask(PullLength::is_long) || !breakers_[taker->peer()].may_ask(now)) continue;
        std::vector<Session*> busy;
        for (auto& [peer, session] : sessions) {
            const bool is_busy = session.asking().find(PullLength::is_long) != nullptr;
            if (is_busy && session.knows(message::kWaives)) busy.push_back(&session);
        }
        Wanted wanted;
        for (Session* session : busy) {
            const auto rest = rest_of(*session, *taker);
            const double in_hand = static_cast<double>(kInFlightBytesMax) /
                                   session->pace().bytes_per_row().value_or(kRowBytesGuess);
            // It has a part of its pace for each of them, so that all are done together.
            const auto own = session->pace().bytes_per_ms();
            const auto takers = taker->pace().bytes_per_ms();
            const double pace = (own && takers ? *takers / *own : 1) / static_cast<double>(busy.size());
            for (const std::size_t i : backfill::taken_over(rest, in_hand, pace)) {
                const backfill::Slice& slice = rest[i];
                session->leave_to_others(session->asking().find(PullLength::is_long)->number, slice.resource,
                                         slice.piece.range);
                add(wanted, slice);
            }
        }
        if (!wanted.empty()) taker->ask(std::move(wanted), PullLength::is_long, now);
    }
}

/// What of a long pull is still to come, cut where it may be divided.
std::vector<backfill::Slice> Device::rest_of(const Session& busy, const Session& taker) const {
    std::vector<backfill::Slice> rest;
    for (const auto& [id, pieces] : busy.asking().find(PullLength::is_long)->left) {
        const Resource* resource = store.catalog.find(id);
        const auto* theirs = resource != nullptr ? busy.theirs(*resource) : nullptr;
        if (theirs == nullptr) continue;
        const auto* others = taker.theirs(*resource);
        const auto& cuts = theirs->cuts.empty() && others != nullptr ? others->cuts : theirs->cuts;
        const double rows = static_cast<double>(theirs->rows) / static_cast<double>(cuts.size() + 1);
        for (const Piece& piece : pieces) {
            for (backfill::Slice& slice : backfill::sliced(id, piece, cuts, rows)) {
                slice.is_held = taker.exchanges(*resource) && others->rows >= theirs->rows / 2 &&
                                !taker.lags(*resource, slice.piece.range) &&
                                backfill::has_more(others->acknowledged, slice.piece);
                rest.push_back(std::move(slice));
            }
        }
    }
    return rest;
}

Device::Plan Device::plan_pull(Session& session, Now now) {
    const bool takes_short = session.may_ask(PullLength::is_short);
    const bool takes_long = session.may_ask(PullLength::is_long);
    Plan plan;
    if ((!takes_short && !takes_long) || !breakers_[session.peer()].may_ask(now)) return plan;
    if (!backfill_ && !session.holds_any_more()) {
        session.waiting_since.clear();
        if (!may_lack_dropped()) return plan;
    }
    for (const std::int64_t id : store.catalog.parents_first()) {
        const Resource& resource = *store.catalog.find(id);
        if (!resource.is_there || !session.exchanges(resource)) continue;
        const auto& theirs = *session.theirs(resource);
        auto pieces = wanted_of(session, resource, now);
        std::erase_if(pieces, [&](const Piece& piece) {
            return is_unfetched(piece.vector, store.self()) ? !takes_long : !takes_short;
        });
        if (pieces.empty()) {
            if (takes_short) pieces = dropped_elsewhere(session, resource);
            if (!pieces.empty()) plan.wanted.emplace_back(id, std::move(pieces));
            continue;
        }
        const bool is_long = is_unfetched(pieces.back().vector, store.self());
        // A first fill, or the rest of one; not the first words of a peer to somebody who has rows of its own.
        const bool is_first = is_long && store.catalog.rows(id) == 0 && theirs.rows > 0;
        plan.is_backfill = plan.is_backfill || is_first || (is_long && !store.coverage(id).is_whole());
        if (is_long) plan.length = PullLength::is_long;
        plan.wanted.emplace_back(id, std::move(pieces));
    }
    return plan;
}

std::vector<Piece> Device::wanted_of(Session& session, const Resource& resource, Now now) {
    const auto& theirs = *session.theirs(resource);
    const bool starts_over =
        is_planted(planted::Bug::switch_starts_over) && backfill_ && backfill_->peer != session.peer();
    if (!starts_over && !session.holds_more(theirs)) {
        session.waiting_since.erase(resource.id);
        return {};
    }
    const auto lacking = backfill::lacking(starts_over ? watermarks::Coverage() : store.coverage(resource.id),
                                           theirs.acknowledged, store.self());
    auto pieces = backfill::without(lacking, asked_ranges(resource.id));
    std::erase_if(pieces, [&](const Piece& piece) {
        return session.lags(resource, piece.range) && !session.settles(resource, piece.range);
    });
    const auto is_pushed = [&](const Piece& piece) { return will_be_pushed(session, resource, piece); };
    if (std::ranges::none_of(pieces, is_pushed)) {
        if (!pieces.empty()) session.waiting_since.erase(resource.id);
        return pieces;
    }
    const auto [since, is_new] = session.waiting_since.try_emplace(resource.id, now.steady);
    if (now.steady.value < since->second.value + kOfferPatienceMs) {
        std::erase_if(pieces, is_pushed);
    } else {
        session.waiting_since.erase(since);
    }
    return pieces;
}

/// What a connected writer will push to us itself need not be pulled from somebody who got it first.
bool Device::will_be_pushed(const Session& session, const Resource& resource, const Piece& piece) const {
    // During a backfill nobody pushes what is not fetched.
    if (!store.coverage(resource.id).is_whole() && is_unfetched(piece.vector, store.self())) return false;
    for (const Piece& theirs : session.theirs(resource)->acknowledged.pieces()) {
        if (!intersect(theirs.range, piece.range)) continue;
        const watermarks::Vector news = above(theirs.vector, piece.vector);
        for (const auto& [origin, hlc] : news.entries()) {
            const DeviceId& writer = store.origins.id(origin).device;
            const auto direct = sessions.find(writer);
            if (writer == session.peer() || direct == sessions.end() || !direct->second.is_ready())
                return false;
        }
    }
    return true;
}

std::vector<Range> Device::asked_ranges(std::int64_t resource) const {
    std::vector<Range> asked;
    for (const auto& [peer, session] : sessions) {
        const auto left = session.asking().left_of(resource);
        asked.insert(asked.end(), left.begin(), left.end());
        for (const Fetching::Row& row : session.fetching.rows()) {
            const message::Range& range = row.pages.pages.front().range;
            if (row.resource == resource) asked.push_back({range.low, range.high});
        }
    }
    return asked;
}

bool Device::may_lack_dropped() {
    return std::ranges::any_of(store.catalog.resources(), [&](const Resource& resource) {
        return store.quarantine.has_any(resource.id);
    });
}

std::vector<Piece> Device::dropped_elsewhere(Session& session, const Resource& resource) {
    if (!store.quarantine.has_any(resource.id) || session.waiting_since.contains(resource.id)) return {};
    if (session.asked_for_dropped.contains(resource.id) || !asked_ranges(resource.id).empty()) return {};
    session.asked_for_dropped.insert(resource.id);
    const auto dropped = store.quarantine.dropped(resource.id);
    const auto& gone_there = session.theirs(resource)->dropped;
    const bool may_be_there = std::ranges::any_of(dropped.columns, [&](const std::string& column) {
        return std::ranges::none_of(gone_there,
                                    [&](const std::string& gone) { return store::same_name(gone, column); });
    });
    if (!may_be_there) return {};
    // Our coverage says that we hold the writes, but not their values: so it asks as one who holds nothing.
    return {{{dropped.first, dropped.last + '\0'}, {}}};
}

// --- how far a backfill is ----------------------------------------------------------------------

bool Device::is_being_filled() const {
    return std::ranges::any_of(sessions, [](const auto& entry) {
        return entry.second.asking().find(PullLength::is_long) != nullptr;
    });
}

void Device::begin_backfill(const Session& session, const Wanted& wanted, Now now) {
    if (backfill_ && is_being_filled()) return;
    if (!backfill_) {
        // Of the same tables both: what is here already of others is no part of this.
        std::int64_t rows_done = 0;
        std::int64_t rows_total = 0;
        for (const auto& [id, pieces] : wanted) {
            rows_done += std::max<std::int64_t>(0, store.catalog.rows(id));
            rows_total += std::max<std::int64_t>(0, session.theirs(*store.catalog.find(id))->rows);
        }
        progress_.emplace(static_cast<std::uint64_t>(rows_done), static_cast<std::uint64_t>(rows_total),
                          now.steady);
        backfill_received_ = 0;
        backfill_.emplace();
        progress_told_at_ = now.steady;
        show_progress(now);
    }
    backfill_->peer = session.peer();
    // One that goes on has a part already, and expects the rest.
    const std::int64_t rows_left = backfill_->rows_total - backfill_->rows_done;
    const std::string are_here =
        backfill_->rows_done > 0 ? ", beside " + rows_text(backfill_->rows_done) + " here" : "";
    tell(EventKind::backfill_started, now, {}, to_hex(session.peer()),
         rows_text(rows_left) + " expected" + are_here, rows_left);
    // At once: should even its first page not fit on the disk, whoever asks is told all the same.
    figures_at_ = now.steady;
}

void Device::go_on_with_backfill(Now now) {
    const auto count = [](std::int64_t n) { return static_cast<std::uint64_t>(n); };
    const backfill::Progress::Before before{count(backfill_->bytes_done), count(backfill_->bytes_total),
                                            backfill_->fraction};
    progress_.emplace(count(backfill_->rows_done), count(backfill_->rows_total), now.steady, before);
    progress_told_at_ = now.steady;
    show_progress(now);
    is_cut_owed_ = true;
}

bool Device::has_unfetched_rest() const {
    return std::ranges::any_of(store.catalog.resources(), [&](const Resource& resource) {
        const auto& pieces = store.coverage(resource.id).pieces();
        return resource.is_there && pieces.size() > 1 && std::ranges::any_of(pieces, [&](const Piece& piece) {
                   return is_unfetched(piece.vector, store.self());
               });
    });
}

/// A peer that is gone was asked for what nobody else is asked for yet. Nothing of it may be durable here: so what it had
/// is remembered, as what the backfill waits for.
void Device::meet_lost_source(const Session& lost) {
    if (!backfill_ || backfill_->peer != lost.peer()) return;
    for (const auto& [other, session] : sessions) {
        if (session.asking().find(PullLength::is_long) != nullptr) backfill_->peer = other;
    }
    if (backfill_->peer != lost.peer()) return;
    // One that was back, and gone before it said what it holds, takes nothing from what is waited for.
    const auto is_known = [&](const Resource& resource) { return lost.theirs(resource) != nullptr; };
    if (std::ranges::none_of(store.catalog.resources(), is_known)) return;
    lost_.emplace();
    for (const Resource& resource : store.catalog.resources()) {
        if (lost.exchanges(resource)) lost_->emplace(resource.id, lost.theirs(resource)->acknowledged);
    }
}

/// One that waited, and for which there is nothing left to ask: its source is back and has no more, or others have brought
/// all that it had.
void Device::end_settled_backfill(Now now) {
    if (!backfill_ || is_being_filled() || has_unfetched_rest()) return;
    const auto source = sessions.find(backfill_->peer);
    const bool is_back =
        source != sessions.end() && source->second.is_ready() && !source->second.holds_any_more();
    const bool is_here = lost_ && std::ranges::all_of(*lost_, [&](const auto& held) {
                             const Resource* resource = store.catalog.find(held.first);
                             return resource == nullptr || !resource->is_there ||
                                    store.coverage(held.first).dominates(held.second);
                         });
    if (is_back || is_here) end_backfill(backfill_->peer, now);
}

void Device::end_backfill(const DeviceId& peer, Now now) {
    tell(EventKind::backfill_done, now, {}, to_hex(peer), rows_text(backfill_received_), backfill_received_);
    backfill_.reset();
    progress_.reset();
    lost_.reset();
    figures_changed_ = true;
}

void Device::count_progress(const Session& session, const message::Pages& pages, const Applied& applied,
                            Now now) {
    const Asking::Pull* pull = session.asking().find(pages.pull);
    const bool is_fetched = pages.pull == 0 && has_large(pages);
    if (!is_fetched && (pull == nullptr || pull->length != PullLength::is_long)) return;
    // It had rows of its own, and so much comes that it takes more than one message.
    if (!backfill_ && !is_fetched && !pages.last && has_unfetched_rest())
        begin_backfill(session, pull->wanted, now);
    if (!backfill_) return;
    backfill_received_ += applied.received;
    std::uint64_t rows_changed = 0;
    for (const auto& [resource, rows] : applied.changed) rows_changed += static_cast<std::uint64_t>(rows);
    std::uint64_t bytes = amount_of(pages).bytes;
    backfill::Progress::Awaited awaits = awaited();
    for (const Applied::Lacking& lacking : applied.lacking) {
        bytes -= amount_of(*lacking.page).bytes;  // It comes to that once more.
        if (!is_being_fetched(lacking.resource, lacking.page->entries.front().key))
            add_awaited(awaits, lacking.values);
    }
    // It is this one.
    if (is_fetched && session.fetching.whole() != nullptr) --awaits.rows;
    progress_->await(awaits);
    progress_->add(rows_changed, bytes, now.steady);
    const bool is_asked_on = std::ranges::any_of(sessions, [&](const auto& entry) {
        return (is_fetched || entry.first != session.peer()) &&
               entry.second.asking().find(PullLength::is_long) != nullptr;
    });
    const bool is_done = pages.last && !is_asked_on && !has_unfetched_rest();
    if (is_done) progress_->finish();
    show_progress(now);
    for (const message::Page& page : pages.pages) {
        backfill_->resource = page.resource;
        const auto& pieces = store.coverage(store.catalog.find(page.resource)->id).pieces();
        auto& done = backfill_->resources_done;
        const bool is_whole = std::ranges::none_of(
            pieces, [&](const Piece& piece) { return is_unfetched(piece.vector, store.self()); });
        if (is_whole && std::ranges::find(done, page.resource) == done.end()) done.push_back(page.resource);
    }
    if (is_done) end_backfill(session.peer(), now);
    store.ledger.set_backfill(backfill_);
}

}  // namespace strandline::engine
