#include "engine/device.h"

#include <algorithm>
#include <utility>

#include "backfill/plan.h"
#include "engine/limits.h"
#include "engine/renames.h"
#include "engine/store/triggers.h"
#include "engine/text.h"
#include "planted/planted.h"

namespace strandline::engine {

using store::Resource;
using store::Transaction;

namespace {

constexpr const char* kTracked = "kept in step from now on";
constexpr const char* kNumberedRows =
    "kept in step from now on; but its key is a bare INTEGER PRIMARY KEY, which SQLite numbers from 1 on "
    "each device: two devices that both insert id 1 mean one row, and one of the two is lost. Give it a "
    "random key, or have each device number from a place of its own";

}  // namespace

Device::Device(const EngineOptions& options, std::unique_ptr<store::Connection> opened, Now now)
    : store(std::move(opened), options.page_cache_bytes,
            options.whole_value_bytes_max.value_or(kWholeValueBytesMax)),
      tempo({options.bytes_per_second_max, options.rows_per_second_max}),
      entropy_(options.entropy),
      capture_(store),
      is_trial_(options.is_trial),
      forgets_(options.forgets && !options.is_trial),
      forget_at_(now.steady),
      figures_at_(now.steady),
      due_at_(now.steady) {
    store.connection.stop_when(options.stop_asked);
    restore_wal(now);
    store.ledger.disconnect_peers();
    receipts_ = store.ledger.receipts();
    owed_ = store::read_owed(store.connection);
    if (options.opening) notice_copy(*options.opening, now);
    note_opening(now);
    for (const auto& member : store.ledger.members()) {
        members.insert(member.device);
        if (member.is_let_in) let_in.insert(member.device);
        if (member.is_parked) parked.insert(member.device);
    }
    refresh_schema(now);
    fold();
    backfill_ = store.ledger.backfill();
    if (backfill_) go_on_with_backfill(now);
}

void Device::recover() {
    store.connection.set_stoppable(false);
    (void)capture_.take_events();
    is_schema_owed_ = is_schema_owed_ || store.schema_changed();
    look_owed_ = look_owed_ || is_schema_owed_;
    // A step that never got the lock has changed nothing, and an app that keeps it makes us come here often.
    if (store.may_differ()) {
        store.reload();
        receipts_ = store.ledger.receipts();
        owed_ = store::read_owed(store.connection);
    }
    store.connection.set_stoppable(true);
}

/// Nobody can turn WAL mode off beside us, but while no engine ran anybody could.
void Device::restore_wal(Now now) {
    if (store.connection.ask_text("PRAGMA journal_mode") == "wal") return;
    if (store.connection.ask_text("PRAGMA journal_mode = WAL") != "wal") {
        constexpr int kCannotOpen = 14;  // SQLITE_CANTOPEN
        throw store::StorageError(kCannotOpen, "it cannot be put into WAL mode, which Strandline needs");
    }
    tell(EventKind::trouble, now, {}, {},
         "somebody had turned WAL mode off, which Strandline needs; it is on again. An app must not set "
         "PRAGMA journal_mode");
}

/// Before anything is folded: what was written into a copy must not bear stamps that the original may have used. The old
/// origin's watermarks stay at what was folded before the copy was made, which is held, and rise by what peers send.
void Device::notice_copy(const Opening& found, Now now) {
    const Opening left = store::read_opening(store.connection);
    if (found == left) return;
    Transaction transaction(store.connection);
    if (!is_planted(planted::Bug::stamp_reused))
        store.begin_incarnation(static_cast<Incarnation>(entropy_()));
    store::write_opening(store.connection, found);
    if (left != Opening{}) owe(store::Proof::deep);
    // A database that was never opened takes its first life here, so that copies made before do not share one.
    if (left != Opening{}) {
        const char* which =
            found.count != left.count
                ? "the database is not the one that its key file was last used with: it was "
                : "the database or its key file is another file than was last used here: it was ";
        tell(EventKind::incarnation, now, {}, {},
             which + std::string("restored from a copy, or copied. It goes on as a new origin, and what it "
                                 "lost comes back from the peers"));
        write_events();
    }
    transaction.commit();
}

Result<void> Device::remember_opening(const std::function<Result<Opening>()>& count) {
    Transaction transaction(store.connection);
    const auto opening = count();
    if (!opening) return tl::unexpected(opening.error());
    store::write_opening(store.connection, *opening);
    transaction.commit();
    return {};
}

// --- local writes -------------------------------------------------------------------------------

void Device::fold_within(Capture::Found& found, std::size_t most) {
    while (capture_.fold(most, found)) {
    }
}

bool Device::fold() {
    if (store.journal.is_empty()) return false;
    const auto level = level_peers();
    Capture::Found found;
    bool more = true;
    while (more) {
        Transaction transaction(store.connection);
        more = capture_.fold(kFoldRowsMax, found);
        add_traffic();
        transaction.commit();
        if (more) keep_log_short();
    }
    push_found(found, level);
    figures_changed_ = figures_changed_ || !found.empty();
    return true;
}

/// Who will hold all that we hold, before the next fold adds to it.
Device::Level Device::level_peers() const {
    Level level;
    for (const auto& [peer, session] : sessions) {
        for (const Resource& resource : store.catalog.resources()) {
            auto ranges = session.level_ranges(resource);
            if (!ranges.empty()) level[peer].emplace(resource.id, std::move(ranges));
        }
    }
    return level;
}

void Device::push_found(const Capture::Found& found, const Level& level) {
    for (const auto& [resource, rows] : found) retry_owed_.insert(resource);
    for (const auto& [peer, resources] : level) {
        const auto session = sessions.find(peer);
        if (session == sessions.end() || !session->second.is_ready()) continue;
        for (const auto& [resource, rows] : found) {
            const auto ranges = resources.find(resource);
            if (ranges != resources.end()) session->second.push(resource, ranges->second);
        }
    }
}

void Device::look(Now now) {
    // A look that another process's lock put off is still owed.
    const bool is_changed = store.changed_elsewhere();
    if (is_changed) tempo.met_writer(now.steady);
    look_owed_ = is_changed || look_owed_;
    if (!look_owed_) return;
    meet_schema(now);
    answer_requests(now);
    // The next step of pages that wait folds it too: the app finds the lock free until then.
    const bool is_step_near = has_waiting() && tempo.next_at().value <= now.steady.value + kFoldWithStepMs;
    if (is_step_near) return;
    fold();
    tell_captured(now);
    retry_refused(now);
    look_owed_ = false;
}

/// Before anything is read or written by a schema that is another now.
void Device::meet_schema(Now now) {
    if (is_schema_owed_ || store.schema_changed()) refresh_schema(now);
}

bool Device::owes_retry() {
    return retry_ || std::ranges::any_of(retry_owed_, [&](std::int64_t resource) {
               return store.quarantine.has_any(resource);
           });
}

/// A step of the walks that are owed; what is left of them is done by the next advance().
void Device::retry_refused(Now now) {
    std::erase_if(retry_owed_, [&](std::int64_t resource) { return !store.quarantine.has_any(resource); });
    if (!retry_ && retry_owed_.empty()) return;
    Transaction transaction(store.connection);
    Capture::Found found;
    const auto level = level_peers();
    fold_within(found, kFoldRowsMax);
    Apply apply(store, now);
    auto owed = retry_owed_;
    auto walk = retry_;
    for (std::size_t rows_left = kRetryRowsMax; rows_left > 0 && (walk || !owed.empty());) {
        if (!walk) walk.emplace(owed.extract(owed.begin()).value(), Apply::Retry{});
        const Resource* resource = store.catalog.find(walk->first);
        if (resource != nullptr && apply.retry(*resource, walk->second, rows_left)) continue;
        if (walk->second.has_progress) owed.insert(walk->first);
        walk.reset();
    }
    tell_applied(apply.finish(), nullptr, now);
    write_events();
    transaction.commit();
    retry_owed_ = std::move(owed);
    retry_ = walk;
    retried_at_ = now.steady;
    push_found(found, level);
}

/// Triggers are put right, and a table that went without them is compared with its metadata.
void Device::refresh_schema(Now now) {
    Capture::Found found;
    const auto level = level_peers();
    Transaction transaction(store.connection);
    const auto columns_of = [&](const Resource& resource) {
        return std::pair(resource.columns.size(), store.catalog.columns().dropped(resource.id));
    };
    std::map<std::int64_t, std::pair<std::size_t, std::vector<std::string>>> before;
    for (const Resource& resource : store.catalog.resources())
        before.emplace(resource.id, columns_of(resource));
    const store::Met since = store.meet_schema();
    for (const auto& [resource, renamed] : since.renamed)
        take_over(store, *store.catalog.find(resource), renamed);
    bool claims_less = false;
    bool has_other_columns = false;
    const std::vector<Resource> met = store.catalog.resources();
    for (const Resource& resource : met) claims_less = track_anew(resource, now, found) || claims_less;
    for (const Resource& resource : store.catalog.resources()) {
        if (resource.is_there) {
            const auto known = before.find(resource.id);
            const bool has_new_columns = known != before.end() && known->second != columns_of(resource);
            has_other_columns = has_other_columns || has_new_columns;
            if (has_new_columns) tell_added_again(resource, known->second.second, now);
            const bool is_altered = has_new_columns || since.altered.contains(resource.id);
            claims_less = refresh_table(resource, is_altered, now, found) || claims_less;
        } else if (!resource.was_away) {
            store.catalog.set_away(resource.id, true);
            tell(EventKind::trouble, now, resource.name, {},
                 "the tracked table is not there: " + resource.why_away +
                     ". None of its rows are deleted elsewhere, and nothing of it is exchanged; make it "
                     "again, as it was, and its rows come back, or untrack it" +
                     (resource.has_another_key ? ", and track it again as it is now" : ""));
            claims_less = true;
        }
    }
    const bool is_stale = store.is_stale();
    transaction.commit();
    if (is_stale) store.reload();
    receipts_ = store.ledger.receipts();
    is_schema_owed_ = false;
    push_found(found, level);
    if (has_other_columns) say_all();
    if (!claims_less) return;
    // What was read or said before must not be claimed any more.
    for (auto& [peer, session] : sessions)
        session.close("a table went away here, or came back; connecting again tells what is held");
}

void Device::tell_added_again(const Resource& resource, const std::vector<std::string>& dropped, Now now) {
    for (const std::string& column : dropped) {
        if (!resource.column(column)) continue;
        tell(
            EventKind::trouble, now, resource.name, {},
            "the column " + store::quoted_name(column) +
                ", which was dropped here, is there again: what it holds now, its DEFAULT, counts as written "
                "in every row, and takes the place of what other devices still have there");
    }
}

/// True: less of the table is here than was claimed.
bool Device::refresh_table(const Resource& resource, bool is_altered, Now now, Capture::Found& found) {
    retry_owed_.insert(resource.id);
    const auto left = store::install_triggers(store.connection, store.definitions, resource);
    if (left == store::TriggersLeft::all && !is_altered && !resource.was_away) return false;
    fold_within(found, kFoldRowsMax);
    auto absence = Capture::Absence::deleted;
    if (left == store::TriggersLeft::none) absence = Capture::Absence::uncertain;
    if (resource.was_away) absence = Capture::Absence::nothing;
    const bool begins_anew =
        capture_.compare(resource, now, absence, static_cast<Incarnation>(entropy_()), found);
    if (begins_anew) {
        tell(EventKind::incarnation, now, resource.name, {},
             "rows of the table went missing out of sight, or were edited without a right to: this device "
             "goes on "
             "as a new origin, and they come back from the peers");
    } else if (left != store::TriggersLeft::all) {
        tell(EventKind::capture_repaired, now, resource.name, {},
             "triggers were missing and are back; the table was compared with its metadata",
             found[resource.id]);
    }
    if (resource.was_away) store.catalog.set_away(resource.id, false);
    return begins_anew || resource.was_away;
}

// --- what operators ask -------------------------------------------------------------------------

Result<void> Device::track(const std::vector<std::string>& tables, Ownership ownership, Now now) {
    meet_schema(now);  // The mirror is read anew below, and then passes for one of the schema as it is.
    fold();
    Transaction transaction(store.connection);
    Capture::Found found;
    // Before the clock moves on: triggers go by the journal's newest row alone while there is one.
    fold_within(found, kFoldRowsMax);
    std::vector<std::string> added;
    for (const std::string& table : tables) {
        if (const Resource* known = store.catalog.find(table)) {
            if (known->ownership == ownership) continue;
            return failure(Category::usage, "table " + store::quoted_name(table) +
                                                " is tracked already, as " + name_of(known->ownership) +
                                                "; untrack it first");
        }
        const Result<store::TableShape> shape = store.catalog.shape(table);
        if (!shape) return tl::unexpected(shape.error());
        added.push_back(store.catalog.add(*shape, ownership).name);
    }
    for (const std::string& table : added) store.catalog.install(*store.catalog.find(table));
    std::vector<Event> tracked;
    for (const std::string& table : added) {
        const Resource& resource = *store.catalog.find(table);
        if (auto stamped = capture_.stamp_all(resource, now); !stamped) return stamped;
        tracked.push_back({0,
                           now.wall,
                           EventKind::tracked,
                           resource.name,
                           {},
                           store.catalog.shape(table)->key_is_rowid ? kNumberedRows : kTracked,
                           store.catalog.rows(resource.id)});
    }
    if (store.catalog.resources().size() > message::kResourcesMax) {
        return failure(Category::usage,
                       "more than " + std::to_string(message::kResourcesMax) +
                           " tables would be tracked, which is the most that devices can tell "
                           "each other");
    }
    transaction.commit();
    store.reload();
    for (auto& [peer, session] : sessions) {
        session.say_all();
        if (session.is_ready()) tell_not_exchanged(session, now);
    }
    for (const Event& event : tracked) tell(event.kind, now, event.resource, {}, event.text, event.rows);
    tell_captured(now);
    write_events();
    return {};
}

Result<void> Device::untrack(const std::vector<std::string>& tables, Now now) {
    Transaction transaction(store.connection);
    for (const std::string& table : tables) {
        const Resource* resource = store.catalog.find(table);
        if (resource == nullptr) {
            return failure(Category::usage, "table " + store::quoted_name(table) +
                                                " is not tracked; `strandline status` lists those that are");
        }
        store.catalog.remove(resource->id);
    }
    // What we forget here of our own writes, deletions above all, must come back from the others if the table
    // is ever tracked again: so nothing may claim that this origin's writes are held.
    store.begin_incarnation(static_cast<Incarnation>(entropy_()));
    transaction.commit();
    store.reload();
    receipts_ = store.ledger.receipts();
    for (auto& [peer, session] : sessions)
        session.close("a table is no longer tracked here; connecting again tells which are");
    for (const std::string& table : tables)
        tell(EventKind::untracked, now, table, {}, "no longer kept in step; the table and its rows stay");
    write_events();
    return {};
}

Result<void> Device::trust(const DeviceId& device, const std::string& name, Now now) {
    if (device == store.origins.id(store.self()).device) {
        return failure(Category::usage,
                       short_hex(device) +
                           " is this device itself, which needs nobody's leave; to trust is said of "
                           "another device, by the id that `strandline id` prints there");
    }
    if (auto fit = check_name(name); !fit) return fit;
    if (!members.contains(device) && members.size() + 1 >= message::kMembersMax) {
        return failure(Category::usage, "a group may have " + std::to_string(message::kMembersMax) +
                                            " devices, and as many were heard of already");
    }
    Transaction transaction(store.connection);
    store.ledger.put_member({device, name}, now.wall);
    transaction.commit();
    let_in.insert(device);
    if (!members.contains(device)) tell_members({device});
    tell(EventKind::trusted, now, {}, to_hex(device),
         "let in" + (name.empty() ? std::string() : " as " + name));
    write_events();
    return {};
}

void Device::answer_requests(Now now) {
    for (const auto& [number, request] : store.ledger.open_requests()) {
        if (answers_.contains(number) || verify_requests_.contains(number)) continue;
        Result<void> result;
        if (request.command == "verify") {
            result = begin_verify(number, request.arguments, now);
            if (result) continue;  // Answered when it is done.
        } else if (request.command == "track") {
            result = track(request.arguments, Ownership::shared, now);
        } else if (request.command == "track-device-owned") {
            result = track(request.arguments, Ownership::device_owned, now);
        } else if (request.command == "untrack") {
            result = untrack(request.arguments, now);
        } else if (!request.arguments.empty() &&
                   (request.command == "trust" || request.command == "park" || request.command == "unpark")) {
            const auto device = device_id_from_hex(request.arguments[0]);
            if (!device) {
                result = tl::unexpected(device.error());
            } else if (request.command == "trust") {
                result = trust(*device, request.arguments.size() > 1 ? request.arguments[1] : "", now);
            } else {
                result = park(*device, request.command == "park", now);
            }
        } else {
            result = failure(Category::usage, "this version does not know the request " + request.command);
        }
        if (!result) recover();
        answers_.emplace(number, result);
    }
    write_answers();
}

void Device::write_answers() {
    if (answers_.empty()) return;
    Transaction transaction(store.connection);
    for (const auto& [number, answer] : answers_) store.ledger.answer_request(number, answer);
    transaction.commit();
    answers_.clear();
}

}  // namespace strandline::engine
