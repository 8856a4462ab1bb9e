#include <algorithm>

#include "engine/device.h"
#include "engine/limits.h"
#include "engine/text.h"

// Device, continued: what time brings, and what people and other processes are told.
namespace strandline::engine {

using store::Resource;
using store::Transaction;

// --- time, and what is told ---------------------------------------------------------------------

void Device::let_pass(Now now) {
    if (due_at_ && now.steady >= *due_at_) {
        due_at_.reset();
        if (const auto due = store.quarantine.next_due()) {
            if (*due <= now.wall) {
                const auto held = with_held();
                Transaction transaction(store.connection);
                Capture::Found found;
                const auto level = level_peers();
                fold_within(found, kFoldRowsMax);
                Apply apply(store, now);
                apply.due();
                tell_applied(apply.finish(), nullptr, now);
                transaction.commit();
                push_found(found, level);
                if (held != with_held()) say_all();
            }
            due_at_ = SteadyMs{now.steady.value +
                               std::clamp<std::int64_t>(due->value - now.wall.value, 1'000, 60'000)};
        }
    }
    tell_captured(now);
    retry_refused(now);
    forget_deletions(now);
    for (auto& [peer, session] : sessions) session.let_pass(now);
    apply_fetched(now);
    plan_pulls(now);
    prove(now);
    compare(now);
    for (auto& [peer, session] : sessions) tell_in_step(session, now);
    tell_cut(now);
    write_answers();
    if (now.steady >= figures_at_) write_figures(now);
    keep_log_short();
}

/// Whoever's commit finds the log long has to bring it into the database: that is to be us, and not before what we have
/// to say is said.
void Device::keep_log_short() {
    if (store.connection.log_pages() >= kLogPagesMax) store.connection.checkpoint();
}

/// At once; but a busy writer's peer falls out of step and back all the time, and that is told ever more seldom.
void Device::tell_in_step(Session& session, Now now) {
    const bool is_in_step = session.is_in_step();
    const bool is_news = is_in_step && !session.was_in_step;
    session.in_step_owed = is_news && session.in_step_due && now.steady < *session.in_step_due;
    if (session.in_step_owed) return;
    session.was_in_step = is_in_step;
    if (!is_news) return;
    tell(EventKind::in_step, now, {}, to_hex(session.peer()), "in step");
    const bool is_often =
        session.in_step_due && now.steady.value < session.in_step_due->value + session.in_step_gap_ms;
    session.in_step_gap_ms =
        is_often ? std::min(2 * session.in_step_gap_ms, kInStepEveryMsMax) : kFiguresEveryMs;
    session.in_step_due = SteadyMs{now.steady.value + session.in_step_gap_ms};
    figures_changed_ = true;
    figures_at_ = now.steady;
}

/// What people see of a backfill, and who runs the device hears of it.
void Device::show_progress(Now now) {
    const backfill::Progress::Rate rate = progress_->rate();
    backfill_->rows_done = static_cast<std::int64_t>(progress_->rows_done());
    backfill_->rows_total = static_cast<std::int64_t>(progress_->rows_total());
    backfill_->fraction = progress_->fraction();
    backfill_->bytes_done = static_cast<std::int64_t>(progress_->bytes_done());
    backfill_->bytes_total = static_cast<std::int64_t>(progress_->bytes_total());
    backfill_->rows_per_second = rate.rows_per_second;
    backfill_->bytes_per_second = rate.bytes_per_second;
    backfill_->seconds_left = progress_->seconds_left();
    if (now.steady.value < progress_told_at_.value + kFiguresEveryMs) return;
    progress_told_at_ = now.steady;
    const std::string done = std::to_string(static_cast<int>(100 * backfill_->fraction)) + " %, ";
    events.push_back({0, now.wall, EventKind::backfill_progress, backfill_->resource, to_hex(backfill_->peer),
                      done + std::to_string(backfill_->rows_done) + " of " + rows_text(backfill_->rows_total),
                      backfill_->rows_done});
}

/// It is when each table's coverage is one range, no stamp in the state lies above it, and with one peer we are level in
/// all tables: then nothing of what that peer had written or heard of is here in parts.
void Device::tell_cut(Now now) {
    if (!is_cut_owed_) return;
    const auto at = std::ranges::find_if(sessions, [&](const auto& entry) {
        return entry.second.is_ready() && !entry.second.holds_any_more();
    });
    if (at == sessions.end()) return;
    for (const Resource& resource : store.catalog.resources()) {
        const watermarks::Coverage& coverage = store.coverage(resource.id);
        if (!coverage.is_whole() ||
            store.stamps.count_since(resource.id, coverage.floor(), store.origins.ids().size(), 1) > 0)
            return;
    }
    is_cut_owed_ = false;
    tell(EventKind::cut_complete, now, {}, to_hex(at->first), "all tables are as they were at one moment");
    figures_changed_ = true;
    figures_at_ = now.steady;
}

void Device::meet_lock(Now now) {
    if (!locked_since) locked_since = now.steady;
    store.connection.set_busy_ms(0);
}

void Device::tell(EventKind kind, Now now, std::string resource, std::string peer, std::string text,
                  std::int64_t rows) {
    unwritten_.push_back({0, now.wall, kind, std::move(resource), std::move(peer), std::move(text), rows});
}

void Device::write_events() {
    // One after the other: outside a transaction another process's lock may come between two.
    for (; !unwritten_.empty(); unwritten_.pop_front()) {
        store.ledger.add_event(unwritten_.front());
        events.push_back(std::move(unwritten_.front()));
        if (events.size() > kEventQueueMax) events.pop_front();
    }
}

void Device::note_snapshot(const std::string& text, Now now) {
    tell(EventKind::snapshot, now, {}, {}, text);
    write_events();
}

void Device::tell_captured(Now now) {
    for (const Event& event : capture_.take_events())
        tell(event.kind, now, event.resource, {}, event.text, event.rows);
}

void Device::add_traffic() {
    store.ledger.add_traffic(sent, received);
    sent = {};
    received = {};
}

/// What a peer has acknowledged counts on when it is away: it says how far behind it falls.
void Device::remember(const Session& session) {
    for (const Resource& resource : store.catalog.resources()) {
        const auto* theirs = session.theirs(resource);
        // While changes wait there, what it covers is no receipt for what is in its state.
        if (!session.exchanges(resource) || theirs->waits) continue;
        watermarks::Vector& known = receipts_[session.peer()][resource.id];
        const watermarks::Coverage& held = theirs->acknowledged;
        if (held.is_whole() && held.pieces().front().vector == known)
            continue;  // Nearly always, and at no cost.
        watermarks::Vector floor = held.floor();
        if (floor == known) continue;
        store.ledger.put_receipt(session.peer(), resource.id, floor);
        known = std::move(floor);
        forget_at_ = forget_at_.value_or(figures_at_);
    }
}

std::optional<SteadyMs> Device::figures_due_at() const {
    const bool have_changed = figures_changed_ || sent.rows > 0 || received.rows > 0 || !unwritten_.empty();
    if (have_changed || state() != written_state_) return figures_at_;
    if (sent.bytes > 0 || received.bytes > 0) return std::max(figures_at_, traffic_at_);
    return std::nullopt;
}

void Device::write_figures(Now now) {
    const auto due = figures_due_at();
    figures_at_ = SteadyMs{now.steady.value + kFiguresEveryMs};
    if (!due || now.steady < *due) return;
    traffic_at_ = SteadyMs{now.steady.value + kTrafficEveryMs};
    Transaction transaction(store.connection);
    put_figures();
    transaction.commit();
    gone_.clear();
}

/// In the caller's transaction.
void Device::put_figures() {
    figures_changed_ = false;
    write_events();
    add_traffic();
    for (const auto& [peer, session] : gone_) put_peer(session, false);
    for (const auto& [peer, session] : sessions) put_peer(session, session.is_ready());
    store.ledger.set_backfill(backfill_);
    written_state_ = state();
    store.ledger.set_state(written_state_);
}

/// Of a peer that never got as far as to say who it is there is nothing to remember.
void Device::put_peer(const Session& session, bool is_connected) {
    if (!session.their_hello()) return;
    remember(session);
    store.ledger.put_peer(session.peer(), is_connected, session.rtt_ms());
}

DeviceState Device::state() const {
    if (store.catalog.resources().empty()) return DeviceState::uninitialized;
    if (backfill_ || !store.is_whole()) return DeviceState::backfilling;
    const bool is_asking =
        std::ranges::any_of(sessions, [](const auto& entry) { return !entry.second.asking().empty(); });
    return is_asking ? DeviceState::catching_up : DeviceState::ready;
}

std::optional<SteadyMs> Device::next_deadline() const {
    // Until then nothing else is done that could be due.
    if (retry_at) return retry_at;
    std::optional<SteadyMs> next;
    const auto is_sooner = [&](SteadyMs at) { return !next || at < *next; };
    const auto sooner = [&](SteadyMs at) { next = is_sooner(at) ? at : *next; };
    for (const auto& [peer, session] : sessions) {
        if (const auto deadline = session.next_deadline()) sooner(*deadline);
        const auto owed = session.fetching.owed_since();
        if (owed && inbox.empty() && waiting_.empty()) sooner({owed->value + kStallMs});
        if (session.fetching.whole() != nullptr) sooner(tempo.next_at());
        if (session.in_step_owed) sooner(*session.in_step_due);
        const auto breaker = breakers_.find(peer);
        if (breaker != breakers_.end() && breaker->second.retry_at()) sooner(*breaker->second.retry_at());
        if (const auto deadline = comparer_.next_deadline(session))
            sooner(std::max(*deadline, tempo.next_at()));
        if (may_begin_comparison(session))
            sooner(session.is_in_step() ? prove_at_ : std::max(prove_at_, prove_moving_at_));
        // While somebody is asked, it is the answer that we wait for.
        if (!session.may_ask(PullLength::is_short)) continue;
        for (const auto& [resource, since] : session.waiting_since) {
            const SteadyMs patient_until{since.value + kOfferPatienceMs};
            if (is_sooner(patient_until) && asked_ranges(resource).empty()) next = patient_until;
        }
    }
    if (!waiting_.empty()) sooner(tempo.next_at());
    if (store.connection.log_pages() >= kLogPagesMax) sooner({});  // As soon as there is time.
    if (due_at_) sooner(*due_at_);
    if (is_inspecting()) sooner(prove_at_);
    if (!proved_with_.empty()) sooner(prove_again_at_);
    if (forget_at_) sooner(*forget_at_);
    if (retry_) sooner(retried_at_);
    if (const auto due = figures_due_at()) sooner(*due);
    // Last, and mostly something else comes first: of each pull all other peers are asked.
    for (const auto& [peer, session] : sessions) {
        for (const Asking::Pull& pull : session.asking().pulls()) {
            const SteadyMs stalled{pull.heard_at.value + kStallMs};
            if (is_sooner(stalled) && has_substitute(session, pull)) next = stalled;
        }
    }
    return next;
}

}  // namespace strandline::engine
