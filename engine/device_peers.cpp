#include <algorithm>
#include <cmath>

#include "engine/device.h"
#include "engine/limits.h"
#include "engine/text.h"
#include "planted/planted.h"

// Device, continued: what peers say, and what it makes the device do.
namespace strandline::engine {

using store::Resource;
using store::Transaction;

namespace {

/// Null: that kind of message names none.
const std::vector<OriginId>* origins_of(const message::Message& message) {
    return std::visit(
        [](const auto& body) -> const std::vector<OriginId>* {
            if constexpr (requires { body.origins; }) return &body.origins;
            return nullptr;
        },
        message);
}

}  // namespace

// --- peers --------------------------------------------------------------------------------------

void Device::connect(const DeviceId& peer, Now now) {
    sessions.erase(peer);
    sessions.emplace(std::piecewise_construct, std::forward_as_tuple(peer),
                     std::forward_as_tuple(peer, store, now, is_trial_));
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
    meet_lost_source(over.mapped());
    if (over.mapped().their_hello()) {
        gone_.erase(peer);
        gone_.insert(std::move(over));
    }
    comparer_.forget(peer);
    figures_changed_ = true;
    std::erase_if(inbox, [&](const auto& waiting) { return waiting.first == peer; });
    stop_waiting(peer);
    answer_lost(peer);
    // At once, so that whoever sees the peer gone sees all that was said to it counted.
    Transaction transaction(store.connection);
    put_figures();
    transaction.commit();
    gone_.clear();
    write_answers();
    plan_pulls(now);
}

void Device::take(Session& session, message::Message& message, Now now) {
    session.heard(now);
    if (must_wait(session.peer(), message, now)) return wait(session.peer(), std::move(message));
    act(session, message, now);
    follow(session, now);
}

void Device::act(Session& session, const message::Message& message, Now now) {
    meet_schema(now);
    if (session.state() == SessionState::closed) return;
    if (const auto* origins = origins_of(message);
        origins != nullptr && !store.origins.has_room_for(*origins))
        return session.close("more origins than a group may have");
    if (const auto* hello = std::get_if<message::Hello>(&message)) {
        // The lock comes first: a message that has to wait for it must not have changed the session yet.
        Transaction transaction(store.connection);
        session.hello(*hello, now);
        greet(session, *hello, now);
        transaction.commit();
        meet_clock(session, now);
    } else if (const auto* have = std::get_if<message::Have>(&message)) {
        take_have(session, *have, now);
    } else if (const auto* pull = std::get_if<message::Pull>(&message)) {
        std::optional<Transaction> transaction;
        if (!store.origins.know(pull->origins)) transaction.emplace(store.connection);
        session.pull(*pull);
        if (transaction) transaction->commit();
    } else if (const auto* fetch = std::get_if<message::Fetch>(&message)) {
        session.fetch(*fetch);
    } else if (const auto* part = std::get_if<message::Part>(&message)) {
        take_part(session, *part, now);
        if (session.state() == SessionState::closed) breakers_[session.peer()].failed(now, entropy_());
    } else if (const auto* waive = std::get_if<message::Waive>(&message)) {
        session.waive(*waive);
    } else if (const auto* pages = std::get_if<message::Pages>(&message)) {
        take_pages(session, *pages, now);
        // What it must not send it would send again, if it were asked at once.
        if (session.state() == SessionState::closed) breakers_[session.peer()].failed(now, entropy_());
    } else if (const auto* compare = std::get_if<message::Compare>(&message)) {
        take_compare(session, *compare, now);
    } else if (const auto* ping = std::get_if<message::Ping>(&message)) {
        session.ping(*ping);
    } else if (const auto* pong = std::get_if<message::Pong>(&message)) {
        session.pong(*pong, now);
        figures_changed_ = true;
        meet_clock(session, now);
    } else if (const auto* bye = std::get_if<message::Bye>(&message)) {
        session.leave("the peer said goodbye: " + bye->reason);
    }
}

void Device::follow(Session& session, Now now) {
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
    if (have.complete || !store.origins.know(have.origins) || !knows_all(have.members))
        transaction.emplace(store.connection);
    take_ceilings(have, now);
    if (!hear_of(have.members, now)) return session.close("more devices than a group may have");
    session.have(have, std::ranges::find(waiting_, session.peer(), &Waiting::peer) != waiting_.end());
    if (session.is_ready()) {
        if (have.complete) {
            tell_not_exchanged(session, now);
            give_up_dropped();
        }
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

void Device::say_all() {
    for (auto& [peer, session] : sessions) session.say_all();
}

/// What others wrote to a column after it was dropped here is kept for those who have it, and keeps its rows waiting. Once all
/// whom we are connected to have dropped it too there is nobody to keep it for.
void Device::give_up_dropped() {
    for (const Resource& resource : store.catalog.resources()) {
        if (!resource.is_there || !store.quarantine.has_any(resource.id)) continue;
        for (const std::string& column : store.catalog.columns().dropped(resource.id)) {
            if (is_dropped_by_all(resource, column) && store.quarantine.give_up(resource.id, column))
                retry_owed_.insert(resource.id);
        }
    }
}

bool Device::is_dropped_by_all(const Resource& resource, const std::string& column) const {
    bool is_by_any = false;
    for (const auto& [peer, session] : sessions) {
        if (!session.is_ready()) return false;  // It has not said yet.
        const auto* theirs = session.theirs(resource);
        if (theirs == nullptr || !theirs->is_exchanged) continue;
        is_by_any = std::ranges::any_of(
            theirs->dropped, [&](const std::string& dropped) { return store::same_name(dropped, column); });
        if (!is_by_any) return false;
    }
    return is_by_any;
}

/// The first resource of which a peer holds writes of ours that we do not hold: the whole disk was put back as it once
/// was. Going on as the same origin would use stamps again with other content.
const Resource* Device::restored(const Session& session) const {
    for (const Resource& resource : store.catalog.resources()) {
        const auto* theirs = session.theirs(resource);
        if (theirs == nullptr) continue;
        const bool knows_more = std::ranges::any_of(theirs->acknowledged.pieces(), [&](const auto& piece) {
            return capture_.cannot_be_ours(resource, piece.vector.at(store.self()));
        });
        if (knows_more) return &resource;
    }
    return nullptr;
}

void Device::begin_anew(const Resource& resource, const Session& session, Now now) {
    owe(store::Proof::deep);
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
    if (!session.accepts(pages)) {
        for (const message::Page& page : pages.pages) session.release_large(page);
        return;
    }
    for (const message::Page& page : pages.pages) {
        if (auto checked = check_keys(*store.catalog.find(page.resource), page); !checked)
            return session.close(checked.error().message);
    }
    apply_pages(session, pages, now);
}

void Device::apply_pages(Session& session, const message::Pages& pages, Now now) {
    Capture::Found found;
    if (!store.journal.is_empty()) tempo.met_writer(now.steady);
    // What is more than one transaction's worth goes first.
    if (store.journal.is_longer_than(kFoldRowsMax)) fold();
    Transaction transaction(store.connection);
    const Level level = store.journal.is_empty() ? Level() : level_peers();
    fold_within(found, kFoldRowsMax);
    std::vector<Origin> origins;
    for (const OriginId& id : pages.origins) origins.push_back(store.origins.number(id));
    if (!Apply::is_told_all(store, pages, origins))
        return session.close("pages of one who has forgotten more than it tells");
    Apply apply(store, now);
    const std::set<std::int64_t> lacked = without_dropped();
    const std::set<std::int64_t> held = with_held();
    apply.forget(pages, origins,
                 [&](const auto& resource, const auto& range) { return session.lags(resource, range); });
    apply.pages(pages, origins);
    Applied applied = apply.finish();
    raise_written_again(applied);
    received.rows += applied.received;
    tell_applied(applied, &session, now);
    count_progress(session, pages, applied, now);
    write_events();
    add_traffic();
    const bool is_lowered = pages.pull != 0 && pages.last && join_ranges();
    transaction.commit();
    is_cut_owed_ = is_cut_owed_ || !pages.last;
    count_step(session.peer(), pages, now);
    session.took(pages, now);
    keep_lacking(session, pages, applied, now);
    if (pages.pull != 0) breakers_[session.peer()].brought();
    note_repaired(session, pages);
    push_found(found, level);
    // A backfill would try them with every page; its last one does.
    if (!is_backfilling()) {
        for (const auto& [name, rows] : applied.changed) retry_owed_.insert(store.catalog.find(name)->id);
    }
    figures_changed_ = true;
    forget_at_ = forget_at_.value_or(SteadyMs{now.steady.value + kForgetEveryMs});
    due_at_ = now.steady;
    for (auto& [peer, other] : sessions) {
        for (const std::int64_t resource : applied.without_dropped) other.asked_for_dropped.erase(resource);
    }
    if (!is_lowered && lacked == without_dropped() && held == with_held()) return;
    say_all();
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

void Device::raise_written_again(const Applied& applied) {
    for (const auto& [resource, rows] : applied.written_again)
        capture_.raise_own(*store.catalog.find(resource), store.journal.clock());
}

void Device::tell_applied(const Applied& applied, const Session* session, Now now) {
    const std::string peer = session != nullptr ? to_hex(session->peer()) : std::string();
    for (const Event& event : applied.events)
        tell(event.kind, now, event.resource, peer, event.text, event.rows);
    if (is_backfilling()) return;  // A backfill is told as one thing, at its end.
    for (const auto& [resource, rows] : applied.changed)
        tell(EventKind::changes_applied, now, resource, peer, rows_text(rows), rows);
}

std::set<std::int64_t> Device::without_dropped() {
    std::set<std::int64_t> without;
    for (const Resource& resource : store.catalog.resources()) {
        if (store.quarantine.has_any(resource.id) && store.quarantine.has_dropped(resource.id))
            without.insert(resource.id);
    }
    return without;
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
        const auto level = level_peers();
        fold_within(found, kFoldRowsMax);
        auto message = session.next_pages(now);
        transaction.commit();
        push_found(found, level);
        sent.rows += session.rows_in_last();
        return message;
    }
}

}  // namespace strandline::engine
