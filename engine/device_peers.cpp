#include <algorithm>
#include <cmath>

#include "backfill/plan.h"
#include "engine/device.h"
#include "engine/limits.h"
#include "engine/text.h"
#include "planted/planted.h"

// Device, continued: what peers say, and what it makes the device do.
namespace strandline::engine {

using store::Resource;
using store::Transaction;

namespace {

std::string rows_text(std::int64_t rows) {
    return std::to_string(rows) + (rows == 1 ? " row" : " rows");
}

}  // namespace

// --- peers --------------------------------------------------------------------------------------

void Device::connect(const DeviceId& peer, Now now) {
    sessions.erase(peer);
    sessions.emplace(std::piecewise_construct, std::forward_as_tuple(peer),
                     std::forward_as_tuple(peer, store, now));
    tell(EventKind::peer_up, now, {}, to_hex(peer), "connected");
    figures_changed_ = true;
    write_events();
}

void Device::disconnect(const DeviceId& peer, const std::string& reason, Now now) {
    const auto session = sessions.find(peer);
    if (session == sessions.end()) return;
    const std::string& own_reason = session->second.close_reason();
    tell(EventKind::peer_down, now, {}, to_hex(peer), own_reason.empty() ? reason : own_reason);
    // Gone first: what follows writes, and may be put off.
    auto over = sessions.extract(session);
    if (over.mapped().their_hello()) {
        gone_.erase(peer);
        gone_.insert(std::move(over));
    }
    comparer_.forget(peer);
    figures_changed_ = true;
    std::erase_if(inbox, [&](const auto& waiting) { return waiting.first == peer; });
    if (backfill_ && backfill_->peer == peer) {
        backfill_.reset();
        progress_.reset();
    }
    // At once, so that whoever sees the peer gone sees all that was said to it counted.
    Transaction transaction(store.connection);
    put_figures();
    transaction.commit();
    gone_.clear();
    plan_pulls(now);
}

void Device::take(Session& session, const message::Message& message, Now now) {
    session.heard(now);
    meet_schema(now);
    if (session.state() == SessionState::closed) return;
    if (const auto* hello = std::get_if<message::Hello>(&message)) {
        // The lock comes first: a message that has to wait for it must not have changed the session yet.
        Transaction transaction(store.connection);
        session.hello(*hello, now);
        greet(session, *hello, now);
        transaction.commit();
    } else if (const auto* have = std::get_if<message::Have>(&message)) {
        take_have(session, *have, now);
    } else if (const auto* pull = std::get_if<message::Pull>(&message)) {
        std::optional<Transaction> transaction;
        if (!store.origins.know(pull->origins)) transaction.emplace(store.connection);
        session.pull(*pull);
        if (transaction) transaction->commit();
    } else if (const auto* pages = std::get_if<message::Pages>(&message)) {
        take_pages(session, *pages, now);
    } else if (const auto* compare = std::get_if<message::Compare>(&message)) {
        take_compare(session, *compare, now);
    } else if (const auto* ping = std::get_if<message::Ping>(&message)) {
        session.ping(*ping);
    } else if (const auto* pong = std::get_if<message::Pong>(&message)) {
        session.pong(*pong, now);
        figures_changed_ = true;
    } else if (const auto* bye = std::get_if<message::Bye>(&message)) {
        session.leave("the peer said goodbye: " + bye->reason);
    }
    plan_pulls(now);
    tell_in_step(session, now);
}

void Device::greet(const Session& session, const message::Hello& hello, Now now) {
    store.ledger.name_member(session.peer(), plain(hello.name, message::kNameBytesMax));
    // Restored, it may hold less than it once acknowledged; and of two copies each speaks for itself alone.
    if (store.ledger.meet_life(session.peer(), hello.incarnation)) receipts_.erase(session.peer());
    const std::int64_t skew = hello.wall.value - now.wall.value;
    if (std::abs(skew) < kSkewTellMs) return;
    tell(EventKind::clock_skew, now, {}, to_hex(session.peer()),
         "its clock is " + std::to_string(std::abs(skew) / 1000) + " s " +
             (skew > 0 ? "ahead of" : "behind") + " ours");
    write_events();
}

/// Most receipts bring no news of origins: they change nothing in the database, and neither wait for its lock nor
/// sync it. One that is taken in twice, because what follows had to wait for the lock, says the same.
void Device::take_have(Session& session, const message::Have& have, Now now) {
    std::optional<Transaction> transaction;
    if (have.complete || !store.origins.know(have.origins)) transaction.emplace(store.connection);
    session.have(have);
    if (session.is_ready()) {
        if (have.complete) tell_not_exchanged(session, now);
        if (const Resource* resource = restored(session)) {
            if (!transaction) transaction.emplace(store.connection);
            begin_anew(*resource, session, now);
        }
        figures_changed_ = true;
        forget_at_ = forget_at_.value_or(SteadyMs{now.steady.value + kForgetEveryMs});
        if (transaction) write_events();
    }
    if (transaction) transaction->commit();
}

/// The first resource of which a peer holds writes of ours that we do not hold: the whole disk was put back as it once
/// was. Going on as the same origin would use stamps again with other content.
const Resource* Device::restored(const Session& session) const {
    for (const Resource& resource : store.catalog.resources()) {
        const auto* theirs = session.theirs(resource.name);
        if (theirs == nullptr) continue;
        const bool knows_more = std::ranges::any_of(theirs->acknowledged.pieces(), [&](const auto& piece) {
            return capture_.cannot_be_ours(resource, piece.vector.at(store.self()));
        });
        if (knows_more) return &resource;
    }
    return nullptr;
}

void Device::begin_anew(const Resource& resource, const Session& session, Now now) {
    const bool takes_back = capture_.begin_anew(static_cast<Incarnation>(entropy_()));
    tell(EventKind::incarnation, now, resource.name, to_hex(session.peer()),
         "a peer holds writes of this device that this database does not: it was restored from a copy, "
         "or copied. It goes on as a new origin, and what it lost comes back from the peers");
    for (auto& [peer, other] : sessions) {
        other.say_all();
        // What was read or said of the old origin before must not be claimed any more.
        if (takes_back)
            other.close("this database was restored from a copy; connecting again tells what is held");
    }
}

void Device::take_pages(Session& session, const message::Pages& pages, Now now) {
    if (!session.accepts(pages)) return;
    for (const message::Page& page : pages.pages) {
        if (auto checked = check_keys(*store.catalog.find(page.resource), page); !checked)
            return session.close(checked.error().message);
    }
    const auto level = level_peers();
    Capture::Found found;
    if (!store.journal.is_empty()) fold();
    Transaction transaction(store.connection);
    fold_within(found, kFoldRowsMax);
    std::vector<Origin> origins;
    for (const OriginId& id : pages.origins) origins.push_back(store.origins.number(id));
    if (!Apply::is_told_all(store, pages, origins))
        return session.close("pages of one who has forgotten more than it tells");
    Apply apply(store, now);
    const std::set<std::int64_t> lacked = without_dropped();
    const std::set<std::int64_t> held = with_held();
    apply.forget(pages, origins);
    for (const message::Page& page : pages.pages) apply.page(page, origins);
    Applied applied = apply.finish();
    for (const auto& [resource, rows] : applied.written_again)
        capture_.raise_own(*store.catalog.find(resource), store.journal.clock());
    received.rows += applied.received;
    tell_applied(applied, &session, now);
    count_progress(session, pages, applied, now);
    write_events();
    add_traffic();
    const bool is_lowered = pages.pull != 0 && pages.last && join_ranges();
    transaction.commit();
    session.took(pages);
    note_repaired(session, pages);
    push_found(found, level);
    // A backfill would try them with every page; its last one does.
    if (!backfill_) {
        for (const auto& [name, rows] : applied.changed) retry_owed_.insert(store.catalog.find(name)->id);
    }
    figures_changed_ = true;
    forget_at_ = forget_at_.value_or(SteadyMs{now.steady.value + kForgetEveryMs});
    due_at_ = now.steady;
    for (auto& [peer, other] : sessions) {
        for (const std::int64_t resource : applied.without_dropped) other.asked_for_dropped.erase(resource);
    }
    if (!is_lowered && lacked == without_dropped() && held == with_held()) return;
    for (auto& [peer, other] : sessions) other.say_all();
}

/// Past their cap, neighbouring ranges are joined; whether any watermark was lowered by it.
bool Device::join_ranges() {
    bool is_lowered = false;
    for (const Resource& resource : store.catalog.resources()) {
        watermarks::Coverage coverage = store.coverage(resource.id);
        const bool is_soon =
            is_planted(planted::Bug::maximum_of_ranges);  // No simulated minute meets the cap.
        if (!coverage.join_past(is_soon ? 1 : kCoveragePiecesMax, store.self())) continue;
        store.set_coverage(resource.id, coverage);
        is_lowered = true;
    }
    return is_lowered;
}

void Device::tell_applied(const Applied& applied, const Session* session, Now now) {
    const std::string peer = session != nullptr ? to_hex(session->peer()) : std::string();
    for (const Event& event : applied.events)
        tell(event.kind, now, event.resource, peer, event.text, event.rows);
    if (backfill_) return;  // A backfill is told as one thing, at its end.
    for (const auto& [resource, rows] : applied.changed)
        tell(EventKind::changes_applied, now, resource, peer, rows_text(rows), rows);
}

void Device::count_progress(const Session& session, const message::Pages& pages, const Applied& applied,
                            Now now) {
    if (!backfill_ || session.state() != SessionState::backfilling) return;
    backfill_received_ += applied.received;
    for (const auto& [resource, rows] : applied.changed) progress_->add(static_cast<std::uint64_t>(rows));
    if (pages.last) progress_->finish();
    backfill_->rows_done = static_cast<std::int64_t>(progress_->rows_done());
    backfill_->rows_total = static_cast<std::int64_t>(progress_->rows_total());
    if (!pages.pages.empty()) {
        const std::string& resource = pages.pages.back().resource;
        if (!backfill_->resource.empty() && backfill_->resource != resource)
            backfill_->resources_done.push_back(backfill_->resource);
        backfill_->resource = resource;
    }
    if (pages.last) {
        tell(EventKind::backfill_done, now, {}, to_hex(session.peer()), rows_text(backfill_received_),
             backfill_received_);
        backfill_.reset();
        progress_.reset();
    }
    store.ledger.set_backfill(backfill_);
}

void Device::plan_pulls(Now now) {
    for (auto& [peer, session] : sessions) {
        if (!session.is_ready() || session.is_asking()) continue;
        std::map<std::int64_t, std::vector<watermarks::Piece>> wanted;
        std::uint64_t rows_total = 0;
        bool is_backfill = false;
        for (const Resource& resource : store.catalog.resources()) {
            const auto* theirs = session.theirs(resource.name);
            if (!resource.is_there || !session.exchanges(resource)) continue;
            if (is_asked(resource.id)) continue;
            auto pieces = backfill::lacking(store.coverage(resource.id), theirs->acknowledged, store.self());
            std::erase_if(pieces, [&](const auto& piece) { return session.lags(resource, piece.range); });
            if (!pieces.empty() && is_patient(session, resource, pieces, now)) continue;
            session.waiting_since.erase(resource.id);
            if (pieces.empty()) pieces = dropped_elsewhere(session, resource);
            if (pieces.empty()) continue;
            // A first fill, or the rest of one; not the first words of a peer to somebody who has rows of its own.
            const bool is_first = store.catalog.rows(resource.id) == 0 && theirs->rows > 0 &&
                                  watermarks::is_unfetched(pieces.front().vector, store.self());
            is_backfill = is_backfill || is_first || !store.coverage(resource.id).is_whole();
            rows_total += static_cast<std::uint64_t>(std::max<std::int64_t>(0, theirs->rows));
            wanted[resource.id] = std::move(pieces);
        }
        if (wanted.empty()) continue;
        if (is_backfill && !backfill_) {
            std::uint64_t rows_done = 0;
            for (const auto& [id, pieces] : wanted)
                rows_done += static_cast<std::uint64_t>(std::max<std::int64_t>(0, store.catalog.rows(id)));
            progress_.emplace(rows_done, rows_total);
            backfill_received_ = 0;
            backfill_ = BackfillStatus{peer,
                                       static_cast<std::int64_t>(progress_->rows_done()),
                                       static_cast<std::int64_t>(progress_->rows_total()),
                                       {},
                                       {}};
            tell(EventKind::backfill_started, now, {}, to_hex(peer),
                 rows_text(static_cast<std::int64_t>(rows_total)) + " expected",
                 static_cast<std::int64_t>(rows_total));
            // At once: should even its first page not fit on the disk, whoever asks is told all the same.
            figures_at_ = now.steady;
        }
        session.ask(std::move(wanted), is_backfill);
        figures_changed_ = true;
    }
}

std::set<std::int64_t> Device::without_dropped() {
    std::set<std::int64_t> without;
    for (const Resource& resource : store.catalog.resources()) {
        if (store.quarantine.has_any(resource.id) && store.quarantine.has_dropped(resource.id))
            without.insert(resource.id);
    }
    return without;
}

std::vector<watermarks::Piece> Device::dropped_elsewhere(Session& session, const Resource& resource) {
    if (!store.quarantine.has_any(resource.id) || !session.asked_for_dropped.insert(resource.id).second)
        return {};
    const auto dropped = store.quarantine.dropped(resource.id);
    const auto& gone_there = session.theirs(resource.name)->dropped;
    const bool may_be_there = std::ranges::any_of(dropped.columns, [&](const std::string& column) {
        return std::ranges::none_of(gone_there,
                                    [&](const std::string& gone) { return store::same_name(gone, column); });
    });
    if (!may_be_there) return {};
    // Our coverage says that we hold the writes, but not their values: so it asks as one who holds nothing.
    return {{{dropped.first, dropped.last + '\0'}, {}}};
}

/// What a connected writer will push to us itself need not be pulled from somebody who got it first.
bool Device::is_patient(Session& session, const Resource& resource,
                        const std::vector<watermarks::Piece>& pieces, Now now) {
    const watermarks::Coverage& mine = store.coverage(resource.id);
    const auto* theirs = session.theirs(resource.name);
    if (!mine.is_whole() || !theirs->acknowledged.is_whole() || pieces.size() != 1) return false;
    const watermarks::Vector news =
        above(theirs->acknowledged.pieces().front().vector, mine.pieces().front().vector);
    for (const auto& [origin, hlc] : news.entries()) {
        const DeviceId& writer = store.origins.id(origin).device;
        const auto direct = sessions.find(writer);
        if (writer == session.peer() || direct == sessions.end() || !direct->second.is_ready()) return false;
    }
    const auto [since, is_new] = session.waiting_since.try_emplace(resource.id, now.steady);
    return now.steady.value < since->second.value + kOfferPatienceMs;
}

std::optional<Message> Device::read_pages(Session& session, Now now) {
    for (int attempt = 0;; ++attempt) {
        {
            const store::Snapshot snapshot(store.connection);
            // After some attempts against a busy writer, what it wrote last is folded in the reading transaction.
            const bool is_folded = store.journal.is_empty() || is_planted(planted::Bug::journal_ignored);
            if (is_folded && !store.schema_changed()) {
                auto message = session.next_pages(now);
                sent.rows += session.rows_in_last();
                return message;
            }
        }
        meet_schema(now);
        if (session.state() == SessionState::closed) return std::nullopt;
        if (attempt < 3) {
            fold();
            continue;
        }
        Transaction transaction(store.connection);
        Capture::Found found;
        if (store.schema_changed()) continue;
        fold_within(found, kFoldRowsMax);
        auto message = session.next_pages(now);
        transaction.commit();
        sent.rows += session.rows_in_last();
        return message;
    }
}

}  // namespace strandline::engine
