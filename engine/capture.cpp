#include "engine/capture.h"

#include <algorithm>

#include "engine/limits.h"
#include "engine/merge.h"
#include "engine/store/triggers.h"
#include "engine/text.h"
#include "hlc/clock.h"

namespace strandline::engine {

using store::JournalRow;
using store::Resource;
using store::StoredRecord;

namespace {

/// The digest of what a column held last; one that nobody has set yet holds its default.
std::string known_digest(const StoredRecord& stored, const store::ValueColumn& column) {
    const std::string_view known = store::get_digest(stored.digests, column.id);
    return known.empty() ? store::digest_of(column.initial) : std::string(known);
}

}  // namespace

void Capture::Touched::take(const JournalRow& journal) {
    if (journal.what == store::kWhatRow) {
        row = journal.hlc;
    } else if (journal.what == store::kWhatDelete) {
        removed = journal.hlc;
    } else if (journal.what == store::kWhatCheck) {
        checked = journal.hlc;
    } else {
        columns[static_cast<ColumnId>(journal.what - store::kWhatColumn)] = journal.hlc;
    }
}

Hlc Capture::Touched::last() const {
    Hlc last = std::max({row, removed, checked});
    for (const auto& [column, hlc] : columns) last = std::max(last, hlc);
    return last;
}

bool Capture::fold(std::size_t most, Found& found) {
    const std::vector<JournalRow> journal = store_.journal.read(most);
    if (journal.empty()) return false;
    if (!backlog_from_) backlog_from_ = journal.front().hlc;
    // First, so that the stamps take the pages that the journal leaves.
    store_.journal.drop(journal.back().hlc);
    store_.journal.set_floor(journal.back().hlc);
    // Sorted by key, so that the metadata's pages are visited once each.
    std::map<std::int64_t, TouchedKeys> touched;
    std::map<std::int64_t, Hlc> last;
    for (const JournalRow& row : journal) {
        const Resource* resource = store_.catalog.find(row.resource);
        // A dropped table fires no triggers and deletes no rows elsewhere: what was left unfolded has no values any more.
        if (resource == nullptr || !resource->is_there) continue;
        Values key(row.key.begin(), row.key.begin() + static_cast<std::ptrdiff_t>(resource->key.size()));
        const std::string encoded = encode_key(key, resource->collations());
        if (!can_travel(*resource, key, encoded)) continue;
        touched[row.resource][encoded].take(row);
        last[row.resource] = row.hlc;
    }
    for (const auto& [id, keys] : touched) {
        const Resource& resource = *store_.catalog.find(id);
        fold_resource(resource, keys, found);
        raise_own(resource, last[id]);
    }
    const bool has_more = journal.size() == most;
    if (!has_more) backlog_from_.reset();
    return has_more;
}

bool Capture::is_of_backlog(const Record& stored, ColumnId column) const {
    const auto stamp = effective(stored, column);
    return backlog_from_ && stamp && stamp->origin == store_.self() && stamp->hlc >= *backlog_from_;
}

void Capture::raise_own(const Resource& resource, Hlc to) {
    watermarks::Coverage coverage = store_.coverage(resource.id);
    std::vector<Hlc>& rises = rises_[{store_.self(), resource.id}];
    if (rises.empty()) rises.push_back(coverage.floor().at(store_.self()));
    if (rises.size() <= kRisesKept) rises.push_back(to);
    coverage.raise_all(store_.self(), to);
    store_.set_coverage(resource.id, coverage);
}

bool Capture::cannot_be_ours(const Resource& resource, Hlc theirs) const {
    if (theirs > store_.coverage(resource.id).floor().at(store_.self())) return true;
    const auto at = rises_.find({store_.self(), resource.id});
    if (at == rises_.end()) return false;
    const std::vector<Hlc>& rises = at->second;
    return theirs > rises.front() && theirs < rises.back() && std::ranges::find(rises, theirs) == rises.end();
}

bool Capture::begin_anew(Incarnation next) {
    const Origin old = store_.self();
    store_.begin_incarnation(next);
    bool takes_back = false;
    for (const Resource& resource : store_.catalog.resources()) {
        const auto at = rises_.find({old, resource.id});
        if (at == rises_.end()) continue;
        store_.hand_over(resource.id, old, at->second.front());
        takes_back = true;
    }
    return takes_back;
}

void Capture::fold_resource(const Resource& resource, const TouchedKeys& keys, Found& found) {
    row_difference_[resource.id] = 0;
    for (const auto& [key, touched] : keys) fold_key(resource, key, touched);
    store_.catalog.add_rows(resource.id, row_difference_[resource.id]);
    found[resource.id] += static_cast<std::int64_t>(keys.size());
}

void Capture::fold_key(const Resource& resource, const std::string& key, const Touched& touched) {
    const StoredRecord stored = store_.stamps.load(resource.id, key);
    const Values canonical = decode_key(key, resource.key.size());
    const auto sparse = store_.rows(resource).read_sparse(canonical, store_.whole_value_bytes);
    if (!sparse) {
        const bool only_checked = touched.last() == touched.checked && touched.removed == Hlc{};
        // In a device-owned table a row that came and went between two folds was nobody's: there is nothing to end.
        const bool is_known = resource.ownership == Ownership::shared || is_own_life(stored.record);
        if (is_known && (stored.record.is_alive() || !only_checked)) {
            Record incoming;
            if (resource.ownership == Ownership::device_owned) incoming.life = stored.record.known_life();
            const Hlc removed = std::max(touched.removed, touched.checked);
            incoming.era = own(removed != Hlc{} ? removed : touched.last());
            write(resource, key, stored, incoming, {});
            follow_quarantine(resource, key, incoming, false);
        }
        return;
    }
    store::MeasuredRow measured = store_.rows(resource).measured(canonical, *sparse);
    std::string& digests = measured.digests;
    const Record incoming = written(resource, stored, touched, digests);
    if (!incoming.is_alive()) store::keep_absent(digests, stored.digests);
    if (incoming.is_alive() || incoming.is_partial()) {
        tell_if_too_large(resource, measured, incoming);
        write(resource, key, stored, incoming, digests);
        follow_quarantine(resource, key, incoming, true);
    }
}

/// What the local writers did to a row that is there now, as a record to be joined.
Record Capture::written(const Resource& resource, const StoredRecord& stored, const Touched& touched,
                        const std::string& digests) const {
    Record incoming;
    const bool sets_row = !stored.record.is_alive() || touched.removed != Hlc{} || touched.row != Hlc{};
    const Hlc removed = end_of_life(resource, stored.record, touched);
    incoming.era = removed != Hlc{} ? own(removed) : stored.record.era;
    if (sets_row) {
        incoming.row = own(touched.row > touched.removed ? touched.row : touched.last());
    } else if (resource.ownership == Ownership::device_owned) {
        incoming.life = stored.record.known_life();
    }
    for (const store::ValueColumn& column : resource.columns) {
        const auto at = touched.columns.find(column.id);
        Hlc set = at != touched.columns.end() ? at->second : Hlc{};
        if (!sets_row) {
            // Assigned, and perhaps to what it was: the digest knows.
            if (known_digest(stored, column) == store::get_digest(digests, column.id) &&
                (set == Hlc{} || !is_of_backlog(stored.record, column.id)))
                continue;
            // Written before there was a trigger for it: the column is new, or has another name.
            if (set == Hlc{}) set = touched.last();
        }
        if (set > (incoming.row ? incoming.row->hlc : Hlc{})) incoming.cells.push_back({column.id, own(set)});
    }
    return incoming;
}

/// When the stored row was deleted, as far as the row that is there now came after that; zero: it was not.
Hlc Capture::end_of_life(const Resource& resource, const Record& stored, const Touched& touched) const {
    if (resource.ownership == Ownership::shared) return touched.removed;
    if (!is_own_life(stored)) return {};
    // A row set anew, by REPLACE or with its key respelled, is another insert, for a life knows one.
    return touched.removed == Hlc{} && stored.is_alive() ? touched.row : touched.removed;
}

void Capture::write(const Resource& resource, const std::string& key, const StoredRecord& before,
                    const Record& incoming, const std::string& digests) {
    const Merge merged = merge(before.record, incoming, {}, store_.origins.order(), resource.ownership);
    // What is refused stays a difference, for compare() to find.
    const bool is_refused = merged.refusal != Refusal::no;
    const StoredRecord after{merged.record, is_refused ? before.digests : digests};
    store_.stamps.save(resource.id, key, before, after);
    row_difference_[resource.id] += int{after.record.is_alive()} - int{before.record.is_alive()};
    // Cells may wait for this very row, or for nothing any more.
    if (!after.record.is_same_life(before.record) && store_.quarantine.has_any(resource.id))
        store_.quarantine.make_due(resource.id, key);
}

/// A row that waits in quarantine takes part in what is written to its key, or gives way to it.
void Capture::follow_quarantine(const Resource& resource, const std::string& key, const Record& incoming,
                                bool has_row) {
    if (!store_.quarantine.has_any(resource.id)) return;
    auto refused = store_.quarantine.refused(resource.id, key);
    if (!refused) return;
    if (!has_row || incoming.is_alive()) return store_.quarantine.drop(refused->id);
    const auto row = store_.rows(resource).read(decode_key(key, resource.key.size()));
    for (std::size_t i = 0; i < resource.columns.size(); ++i) {
        if (std::ranges::find(incoming.cells, resource.columns[i].id, &CellStamp::column) ==
            incoming.cells.end())
            continue;
        const auto at = std::ranges::find_if(refused->values, [&](const store::NamedValue& value) {
            return store::same_name(value.name, resource.columns[i].name);
        });
        if (at != refused->values.end()) *at = {at->name, row->values[i]};
    }
    store_.quarantine.put(*refused);
}

bool Capture::can_travel(const Resource& resource, const Values& key, const std::string& encoded) {
    if (encoded.size() <= message::kKeyBytesMax) return true;
    tell(resource, key,
         "a row's key is too large to travel: the row stays in this table, and on this device");
    return false;
}

void Capture::tell_if_too_large(const Resource& resource, const store::MeasuredRow& row,
                                const Record& written) {
    std::optional<std::size_t> withheld;
    if (row.bytes > kRowBytesMax) withheld = row.longest;
    std::uint64_t large = 0;
    for (const store::LargeValue& value : row.large) {
        large += value.bytes;
        if (value.bytes > message::kLargeValueBytesMax || large > kLargeBytesMax) withheld = value.column;
    }
    if (!withheld || resource.columns.empty()) return;
    const ColumnId column = resource.columns[*withheld].id;
    const bool is_news = written.is_alive() ||
                         std::ranges::find(written.cells, column, &CellStamp::column) != written.cells.end();
    if (!is_news) return;
    tell(resource, row.key,
         "a row is too large to travel whole: its largest values stay on this device until they are made "
         "smaller");
}

void Capture::tell(const Resource& resource, const Values& key, const char* text) {
    for (Event& event : events_) {
        if (event.resource == resource.name && event.text.starts_with(text)) {
            ++event.rows;
            return;
        }
    }
    events_.push_back(
        {0, {}, EventKind::trouble, resource.name, {}, text + (" (key " + shown(key) + ")"), 1});
}

Result<void> Capture::stamp_all(const Resource& resource, Now now) {
    hlc::Clock clock(store_.journal.clock());
    rows_stamped_ = 0;
    rows_expected_ = store::count_rows(store_.connection, resource);
    store::Rows::Scan scan(store_.rows(resource), store_.whole_value_bytes);
    while (const auto row = scan.next()) {
        if (std::ranges::find(row->key, Value{}) != row->key.end()) {
            return failure(Category::schema, "a row of " + store::quoted_name(resource.name) +
                                                 " has NULL in its key; without a key, devices cannot tell "
                                                 "rows apart. Give it one, or delete it");
        }
        const std::string key = encode_key(row->key, resource.collations());
        if (!can_travel(resource, row->key, key)) continue;
        StoredRecord after;
        after.record.row = own(clock.next(now.wall));
        after.digests = row->digests;
        tell_if_too_large(resource, *row, after.record);
        store_.stamps.save(resource.id, key, {}, after);
        ++rows_stamped_;
    }
    store_.catalog.set_rows(resource.id, rows_stamped_);
    store_.journal.set_floor(clock.last());
    store_.set_coverage(resource.id, {});
    raise_own(resource, clock.last());
    return {};
}

bool Capture::compare(const Resource& resource, Now now, Absence absence, Incarnation next, Found& found) {
    hlc::Clock clock(store_.journal.clock());
    const Hlc before = clock.last();
    TouchedKeys touched;
    std::vector<std::string> lost = find_written(resource, now, clock, touched);
    const std::vector<std::string> missing = find_missing(resource);
    const auto rows = static_cast<std::size_t>(std::max<std::int64_t>(0, store_.catalog.rows(resource.id)));
    const bool is_another =
        absence == Absence::nothing || (absence == Absence::uncertain && 2 * missing.size() > rows);
    for (const std::string& key : missing) {
        if (is_another || is_foreign(resource, store_.stamps.load(resource.id, key).record)) {
            lost.push_back(key);
        } else {
            touched[key].removed = clock.next(now.wall);
        }
    }
    if (!lost.empty()) forget(resource, lost, next, now);
    if (clock.last() == before) return !lost.empty();
    fold_resource(resource, touched, found);
    raise_own(resource, clock.last());
    store_.journal.set_floor(clock.last());
    return !lost.empty();
}

void Capture::adopt(const Resource& resource, const std::set<std::string>& keys, Now now, Found& found) {
    if (keys.empty()) return;
    hlc::Clock clock(store_.journal.clock());
    TouchedKeys touched;
    for (const std::string& key : keys) touched[key].row = clock.next(now.wall);
    fold_resource(resource, touched, found);
    raise_own(resource, clock.last());
    store_.journal.set_floor(clock.last());
}

bool Capture::is_foreign(const Resource& resource, const Record& record) const {
    return resource.ownership == Ownership::device_owned && record.row &&
           store_.origins.id(record.row->origin).device != store_.origins.id(store_.self()).device;
}

bool Capture::is_own_life(const Record& record) const {
    const auto life = record.known_life();
    return life && store_.origins.id(life->row.origin).device == store_.origins.id(store_.self()).device;
}

std::vector<std::string> Capture::find_written(const Resource& resource, Now now, hlc::Clock& clock,
                                               TouchedKeys& touched) {
    std::vector<std::string> foreign;
    store::Rows::Scan rows(store_.rows(resource), store_.whole_value_bytes);
    while (const auto row = rows.next()) {
        if (std::ranges::find(row->key, Value{}) != row->key.end()) continue;
        const std::string key = encode_key(row->key, resource.collations());
        if (key.size() > message::kKeyBytesMax) continue;
        const StoredRecord stored = store_.stamps.load(resource.id, key);
        Touched change;
        if (!stored.record.is_alive()) {
            change.row = clock.next(now.wall);
        } else {
            for (std::size_t i = 0; i < resource.columns.size(); ++i) {
                const ColumnId id = resource.columns[i].id;
                if (known_digest(stored, resource.columns[i]) != store::get_digest(row->digests, id))
                    change.columns[id] = clock.next(now.wall);
            }
        }
        if (change.last() == Hlc{}) continue;
        if (is_foreign(resource, stored.record)) {
            foreign.push_back(key);
        } else {
            touched[key] = change;
        }
    }
    return foreign;
}

std::vector<std::string> Capture::find_missing(const Resource& resource) {
    std::vector<std::string> missing;
    store::Stamps::Scan records(store_.connection, resource.id, {});
    while (records.next()) {
        if (!records.stored().record.is_alive()) continue;
        // A row in quarantine is known and rightly not in the table.
        if (store_.rows(resource).exists(decode_key(records.key(), resource.key.size()))) continue;
        if (store_.quarantine.refused(resource.id, records.key())) continue;
        missing.push_back(records.key());
    }
    return missing;
}

/// The eras stay: what they say was deleted is known to be. Not in a device-owned table, where they would not say of
/// which life.
void Capture::forget(const Resource& resource, const std::vector<std::string>& keys, Incarnation next,
                     Now now) {
    store_.journal.set_applying(true);
    for (const std::string& key : keys) {
        const StoredRecord before = store_.stamps.load(resource.id, key);
        put_aside(resource, key, before.record, now);
        Record left;
        if (resource.ownership == Ownership::shared) left.era = before.record.era;
        store_.stamps.save(resource.id, key, before, {left, {}});
    }
    store_.journal.set_applying(false);
    store_.catalog.add_rows(resource.id, -static_cast<std::int64_t>(keys.size()));
    store_.set_coverage(resource.id, {});
    store_.begin_incarnation(next);
}

/// A row of another device that was edited here makes room for its owner's; the edit is kept for people to see.
void Capture::put_aside(const Resource& resource, const std::string& key, const Record& record, Now now) {
    const Values canonical = decode_key(key, resource.key.size());
    auto row = store_.rows(resource).read(canonical);
    if (!row) return;
    store::Quarantined edit{0,      resource.id, key, store::QuarantineKind::not_owner, {}, {}, now.wall,
                            record, row->key,    {}};
    edit.reason = "edited here while triggers were missing; another device owns the row";
    for (std::size_t i = 0; i < row->values.size(); ++i)
        edit.values.push_back({resource.columns[i].name, std::move(row->values[i])});
    store_.quarantine.put(edit);
    store_.nested.announce();
    store_.rows(resource).remove(canonical);
    tell(resource, edit.key_raw,
         "a row that another device owns was edited while triggers were missing: the edit is in quarantine, "
         "and the "
         "row comes back from a peer");
}

}  // namespace strandline::engine
