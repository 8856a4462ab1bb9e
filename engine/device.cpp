#include "engine/device.h"

#include <algorithm>
#include <cmath>

#include "backfill/plan.h"
#include "engine/limits.h"
#include "engine/store/triggers.h"

namespace strandline::engine {

using store::Resource;
using store::Transaction;

Device::Device(const EngineOptions& options, Now now)
    : store(options.database, options.vfs),
      entropy_(options.entropy),
      capture_(store),
      figures_at_(now.steady) {
    {
        const Transaction transaction(store.connection);
        store.ledger.disconnect_peers();
    }
    for (const auto& member : store.ledger.members()) members.insert(member.device);
    refresh_schema(now);
    fold(now);
}

void Device::recover() {
    store.reload();
}

// --- local writes -------------------------------------------------------------------------------

void Device::fold_within(Capture::Found& found, std::size_t most) {
    while (capture_.fold(most, found)) {
    }
}

bool Device::fold(Now now) {
    if (store.journal.is_empty()) return false;
    const auto level = level_peers();
    Capture::Found found;
    bool more = true;
    while (more) {
        Transaction transaction(store.connection);
        more = capture_.fold(kFoldRowsMax, found);
        add_traffic();
        transaction.commit();
    }
    push_found(found, level);
    figures_changed_ = figures_changed_ || !found.empty();
    (void)now;
    return true;
}

/// Who will hold all that we hold, before the next fold adds to it.
std::map<DeviceId, std::set<std::int64_t>> Device::level_peers() const {
    std::map<DeviceId, std::set<std::int64_t>> level;
    for (const auto& [peer, session] : sessions) {
        for (const Resource& resource : store.catalog.resources()) {
            if (session.is_level(resource)) level[peer].insert(resource.id);
        }
    }
    return level;
}

void Device::push_found(const Capture::Found& found,
                        const std::map<DeviceId, std::set<std::int64_t>>& level) {
    for (const auto& [peer, resources] : level) {
        const auto session = sessions.find(peer);
        if (session == sessions.end() || !session->second.is_ready()) continue;
        for (const auto& [resource, rows] : found) {
            if (resources.contains(resource)) session->second.push(resource);
        }
    }
}

void Device::look(Now now) {
    if (!store.changed_elsewhere()) return;
    if (store.schema_changed()) refresh_schema(now);
    answer_requests(now);
    fold(now);
}

/// Triggers are put right, and a table that went without them is compared with its metadata.
void Device::refresh_schema(Now now) {
    Capture::Found found;
    const auto level = level_peers();
    Transaction transaction(store.connection);
    std::map<std::int64_t, std::size_t> columns;
    for (const Resource& resource : store.catalog.resources()) columns[resource.id] = resource.columns.size();
    store.reload();
    for (const Resource& resource : store.catalog.resources()) {
        if (!resource.is_there) {
            tell(EventKind::trouble, now, resource.name, {},
                 "the tracked table is not there; what arrives for it waits in quarantine until it is");
            continue;
        }
        const bool was_unseen = store::install_triggers(store.connection, resource);
        const bool has_new_columns =
            columns.contains(resource.id) && columns[resource.id] != resource.columns.size();
        if (!was_unseen && !has_new_columns) continue;
        fold_within(found, kFoldRowsMax);
        capture_.compare(resource, now, found);
        if (was_unseen)
            tell(EventKind::capture_repaired, now, resource.name, {},
                 "triggers were missing and are back; the table was compared with its metadata",
                 found[resource.id]);
    }
    transaction.commit();
    store.reload();
    push_found(found, level);
}

// --- what operators ask -------------------------------------------------------------------------

Result<void> Device::track(const std::vector<std::string>& tables, Ownership ownership, Now now) {
    Transaction transaction(store.connection);
    std::vector<std::pair<std::string, std::int64_t>> tracked;
    for (const std::string& table : tables) {
        if (const Resource* known = store.catalog.find(table)) {
            if (known->ownership == ownership) continue;
            return failure(Category::usage, "table " + store::quoted(table) + " is tracked already, as " +
                                                name_of(known->ownership) + "; untrack it first");
        }
        auto shape = store::inspect_table(store.connection, table);
        if (!shape) return tl::unexpected(shape.error());
        const Resource& resource = store.catalog.add(*shape, ownership);
        if (auto stamped = capture_.stamp_all(resource, now); !stamped) return stamped;
        tracked.emplace_back(resource.name, store.catalog.rows(resource.id));
    }
    transaction.commit();
    store.reload();
    for (auto& [peer, session] : sessions) session.say_all();
    for (auto& [name, rows] : tracked)
        tell(EventKind::tracked, now, name, {}, "kept in step from now on", rows);
    write_events();
    return {};
}

Result<void> Device::untrack(const std::vector<std::string>& tables, Now now) {
    Transaction transaction(store.connection);
    for (const std::string& table : tables) {
        const Resource* resource = store.catalog.find(table);
        if (resource == nullptr) {
            return failure(Category::usage, "table " + store::quoted(table) +
                                                " is not tracked; `strandline status` lists those that are");
        }
        store.catalog.remove(resource->id);
    }
    transaction.commit();
    store.reload();
    for (auto& [peer, session] : sessions)
        session.close("a table is no longer tracked here; connecting again tells which are");
    for (const std::string& table : tables)
        tell(EventKind::untracked, now, table, {}, "no longer kept in step; the table and its rows stay");
    write_events();
    return {};
}

void Device::trust(const DeviceId& device, const std::string& name, Now now) {
    Transaction transaction(store.connection);
    store.ledger.put_member({device, name}, now.wall);
    transaction.commit();
    members.insert(device);
    tell(EventKind::trusted, now, {}, to_hex(device),
         "let in" + (name.empty() ? std::string() : " as " + name));
    write_events();
}

void Device::answer_requests(Now now) {
    for (const auto& [number, request] : store.ledger.open_requests()) {
        Result<void> result;
        if (request.command == "track") {
            result = track(request.arguments, Ownership::shared, now);
        } else if (request.command == "track-device-owned") {
            result = track(request.arguments, Ownership::device_owned, now);
        } else if (request.command == "untrack") {
            result = untrack(request.arguments, now);
        } else if (request.command == "trust" && !request.arguments.empty()) {
            if (const auto device = device_id_from_hex(request.arguments[0])) {
                trust(*device, request.arguments.size() > 1 ? request.arguments[1] : "", now);
            } else {
                result = tl::unexpected(device.error());
            }
        } else {
            result = failure(Category::usage, "this version does not know the request " + request.command);
        }
        if (!result) recover();
        Transaction transaction(store.connection);
        store.ledger.answer_request(number, result ? std::string() : result.error().message);
        transaction.commit();
    }
}

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
    sessions.erase(session);
    std::erase_if(inbox, [&](const auto& waiting) { return waiting.first == peer; });
    if (backfill_ && backfill_->peer == peer) {
        backfill_.reset();
        progress_.reset();
    }
    figures_changed_ = true;
    write_events();
    plan_pulls(now);
}

void Device::take(Session& session, const message::Message& message, Now now) {
    session.heard(now);
    if (session.state() == SessionState::closed) return;
    if (const auto* hello = std::get_if<message::Hello>(&message)) {
        session.hello(*hello, now);
        greet(session, *hello, now);
    } else if (const auto* have = std::get_if<message::Have>(&message)) {
        take_have(session, *have, now);
    } else if (const auto* pull = std::get_if<message::Pull>(&message)) {
        session.pull(*pull);
    } else if (const auto* pages = std::get_if<message::Pages>(&message)) {
        take_pages(session, *pages, now);
    } else if (const auto* ping = std::get_if<message::Ping>(&message)) {
        session.ping(*ping);
    } else if (const auto* pong = std::get_if<message::Pong>(&message)) {
        session.pong(*pong, now);
        figures_changed_ = true;
    } else if (const auto* bye = std::get_if<message::Bye>(&message)) {
        session.close("the peer said goodbye: " + bye->reason);
    }
    plan_pulls(now);
    tell_in_step(session, now);
}

void Device::greet(const Session& session, const message::Hello& hello, Now now) {
    const std::int64_t skew = hello.wall.value - now.wall.value;
    if (std::abs(skew) < kSkewTellMs) return;
    tell(EventKind::clock_skew, now, {}, to_hex(session.peer()),
         "its clock is " + std::to_string(std::abs(skew) / 1000) + " s " +
             (skew > 0 ? "ahead of" : "behind") + " ours");
    write_events();
}

void Device::take_have(Session& session, const message::Have& have, Now now) {
    session.have(have);
    if (!session.is_ready()) return;
    for (const Resource& resource : store.catalog.resources()) {
        const auto* theirs = session.theirs(resource.name);
        if (theirs == nullptr || theirs->ownership == resource.ownership || !have.complete) continue;
        tell(EventKind::trouble, now, resource.name, to_hex(session.peer()),
             std::string("tracked as ") + name_of(theirs->ownership) + " there and as " +
                 name_of(resource.ownership) + " here; it is not exchanged until both agree");
    }
    notice_restore(session, now);
    figures_changed_ = true;
    write_events();
}

/// A peer that holds writes of ours which we do not hold: this database is an older copy of itself, or a
/// copy of it is at work elsewhere. Going on as the same origin would use stamps again with other content.
void Device::notice_restore(const Session& session, Now now) {
    for (const Resource& resource : store.catalog.resources()) {
        const auto* theirs = session.theirs(resource.name);
        if (theirs == nullptr) continue;
        const Hlc mine = store.coverage(resource.id).floor().at(store.self());
        const bool knows_more = std::ranges::any_of(theirs->acknowledged.pieces(), [&](const auto& piece) {
            return piece.vector.at(store.self()) > mine;
        });
        if (!knows_more) continue;
        Transaction transaction(store.connection);
        store.begin_incarnation(static_cast<Incarnation>(entropy_()));
        transaction.commit();
        tell(EventKind::incarnation, now, resource.name, to_hex(session.peer()),
             "a peer holds writes of this device that this database does not: it was restored from a copy, "
             "or copied. It goes on as a new origin, and what it lost comes back from the peers");
        for (auto& [peer, other] : sessions) other.say_all();
        return;
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
    if (!store.journal.is_empty()) fold(now);
    Transaction transaction(store.connection);
    fold_within(found, kFoldRowsMax);
    std::vector<Origin> origins;
    for (const OriginId& id : pages.origins) origins.push_back(store.origins.number(id));
    Apply apply(store, now);
    for (const message::Page& page : pages.pages) apply.page(page, origins);
    Applied applied = apply.finish();
    received.rows += applied.received;
    count_progress(session, pages, applied, now);
    collect(std::move(applied), &session, now);
    write_events();
    add_traffic();
    transaction.commit();
    session.took(pages);
    push_found(found, level);
    figures_changed_ = true;
    due_at_ = now.steady;
    if (pages.pull == 0 || !pages.last) return;
    for (const Resource& resource : store.catalog.resources()) {
        watermarks::Coverage coverage = store.coverage(resource.id);
        if (!coverage.join_past(kCoveragePiecesMax, store.self())) continue;
        Transaction joining(store.connection);
        store.set_coverage(resource.id, coverage);
        joining.commit();
        for (auto& [peer, other] : sessions) other.say_all();
    }
}

void Device::collect(Applied&& applied, const Session* session, Now now) {
    const std::string peer = session != nullptr ? to_hex(session->peer()) : std::string();
    for (Event& event : applied.events)
        tell(event.kind, now, event.resource, peer, std::move(event.text), event.rows);
    if (backfill_) return;  // A backfill is told as one thing, at its end.
    for (const auto& [resource, rows] : applied.changed)
        tell(EventKind::changes_applied, now, resource, peer, std::to_string(rows) + " rows", rows);
}

void Device::count_progress(const Session& session, const message::Pages& pages, const Applied& applied,
                            Now now) {
    if (!backfill_ || session.state() != SessionState::backfilling) return;
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
        tell(EventKind::backfill_done, now, {}, to_hex(session.peer()),
             std::to_string(backfill_->rows_done) + " rows", backfill_->rows_done);
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
            if (theirs == nullptr || theirs->ownership != resource.ownership) continue;
            const bool is_asked_elsewhere = std::ranges::any_of(
                sessions, [&](const auto& other) { return other.second.is_asking_for(resource.id); });
            if (is_asked_elsewhere) continue;
            auto pieces = backfill::lacking(store.coverage(resource.id), theirs->acknowledged, store.self());
            if (pieces.empty() || is_patient(session, resource, pieces, now)) {
                if (pieces.empty()) session.waiting_since.erase(resource.id);
                continue;
            }
            session.waiting_since.erase(resource.id);
            is_backfill = is_backfill || std::ranges::any_of(pieces, [&](const auto& piece) {
                              return watermarks::is_unfetched(piece.vector, store.self());
                          });
            rows_total += static_cast<std::uint64_t>(std::max<std::int64_t>(0, theirs->rows));
            wanted[resource.id] = std::move(pieces);
        }
        if (wanted.empty()) continue;
        if (is_backfill && !backfill_) {
            std::uint64_t rows_done = 0;
            for (const auto& [id, pieces] : wanted)
                rows_done += static_cast<std::uint64_t>(std::max<std::int64_t>(0, store.catalog.rows(id)));
            progress_.emplace(rows_done, rows_total);
            backfill_ = BackfillStatus{peer,
                                       static_cast<std::int64_t>(progress_->rows_done()),
                                       static_cast<std::int64_t>(progress_->rows_total()),
                                       {},
                                       {}};
            tell(EventKind::backfill_started, now, {}, to_hex(peer),
                 std::to_string(rows_total) + " rows expected", static_cast<std::int64_t>(rows_total));
        }
        session.ask(std::move(wanted), is_backfill);
        figures_changed_ = true;
    }
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
            if (store.journal.is_empty()) {
                auto message = session.next_pages(now);
                sent.rows += session.rows_in_last();
                return message;
            }
        }
        if (attempt < 3) {
            fold(now);
            continue;
        }
        Transaction transaction(store.connection);
        Capture::Found found;
        fold_within(found, kFoldRowsMax);
        auto message = session.next_pages(now);
        transaction.commit();
        sent.rows += session.rows_in_last();
        return message;
    }
}

// --- time, and what is told ---------------------------------------------------------------------

void Device::let_pass(Now now) {
    if (due_at_ && now.steady >= *due_at_) {
        due_at_.reset();
        if (const auto due = store.quarantine.next_due()) {
            if (*due <= now.wall) {
                Transaction transaction(store.connection);
                Capture::Found found;
                fold_within(found, kFoldRowsMax);
                Apply apply(store, now);
                apply.due();
                collect(apply.finish(), nullptr, now);
                transaction.commit();
            }
            due_at_ = SteadyMs{now.steady.value +
                               std::clamp<std::int64_t>(due->value - now.wall.value, 1'000, 60'000)};
        }
    }
    plan_pulls(now);
    for (auto& [peer, session] : sessions) tell_in_step(session, now);
    if (now.steady >= figures_at_) write_figures(now);
}

void Device::tell_in_step(Session& session, Now now) {
    const bool is_in_step = session.is_in_step();
    if (is_in_step && !session.was_in_step) {
        tell(EventKind::in_step, now, {}, to_hex(session.peer()), "in step");
        figures_changed_ = true;
    }
    session.was_in_step = is_in_step;
}

void Device::tell(EventKind kind, Now now, std::string resource, std::string peer, std::string text,
                  std::int64_t rows) {
    unwritten_.push_back({0, now.wall, kind, std::move(resource), std::move(peer), std::move(text), rows});
}

void Device::write_events() {
    for (Event& event : unwritten_) {
        store.ledger.add_event(event);
        events.push_back(std::move(event));
        if (events.size() > kEventQueueMax) events.pop_front();
    }
    unwritten_.clear();
}

void Device::add_traffic() {
    store.ledger.add_traffic(sent, received);
    sent = {};
    received = {};
}

void Device::write_figures(Now now) {
    const bool has_traffic = sent.rows > 0 || received.rows > 0 || sent.bytes > 0 || received.bytes > 0;
    figures_at_ = SteadyMs{now.steady.value + kFiguresEveryMs};
    if (!figures_changed_ && !has_traffic && unwritten_.empty() && state() == written_state_) return;
    figures_changed_ = false;
    Transaction transaction(store.connection);
    write_events();
    add_traffic();
    store.ledger.disconnect_peers();
    for (const auto& [peer, session] : sessions) {
        PeerStatus status{peer, {}, session.is_ready(), 0, session.rtt_ms()};
        for (const Resource& resource : store.catalog.resources()) {
            const auto* theirs = session.theirs(resource.name);
            if (theirs == nullptr || theirs->acknowledged.dominates(store.coverage(resource.id))) continue;
            constexpr std::int64_t kCountMax = 1'000'000;
            status.behind += store.stamps.count_since(resource.id, theirs->acknowledged.floor(),
                                                      store.origins.ids().size(), kCountMax);
        }
        store.ledger.put_peer(status);
    }
    if (!backfill_) store.ledger.set_backfill(std::nullopt);
    written_state_ = state();
    store.ledger.set_state(written_state_);
    transaction.commit();
}

DeviceState Device::state() const {
    if (store.catalog.resources().empty()) return DeviceState::uninitialized;
    if (backfill_) return DeviceState::backfilling;
    const bool is_asking =
        std::ranges::any_of(sessions, [](const auto& entry) { return entry.second.is_asking(); });
    return is_asking ? DeviceState::catching_up : DeviceState::ready;
}

std::optional<SteadyMs> Device::next_deadline() const {
    std::optional<SteadyMs> next = retry_at;
    const auto sooner = [&](SteadyMs at) { next = next ? std::min(*next, at) : at; };
    for (const auto& [peer, session] : sessions) {
        if (const auto deadline = session.next_deadline()) sooner(*deadline);
        for (const auto& [resource, since] : session.waiting_since) sooner({since.value + kOfferPatienceMs});
    }
    if (due_at_) sooner(*due_at_);
    const bool has_traffic = sent.bytes > 0 || received.bytes > 0 || sent.rows > 0;
    if (figures_changed_ || has_traffic || !unwritten_.empty() || state() != written_state_)
        sooner(figures_at_);
    return next;
}

}  // namespace strandline::engine
