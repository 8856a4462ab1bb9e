#include "engine/apply.h"

#include <algorithm>

#include "engine/limits.h"
#include "engine/reader.h"
#include "engine/retention.h"
#include "engine/store/cell.h"
#include "engine/text.h"
#include "planted/planted.h"

namespace strandline::engine {

using store::Quarantined;
using store::QuarantineKind;
using store::Resource;
using store::StorageError;
using store::StoredRecord;

namespace {

/// SQLite's code of a constraint: what we throw with it is about this row alone.
constexpr int kConstraint = 19;
constexpr const char* kAhead =
    "its stamp is further ahead of this device's clock than the drift bound allows; it is applied when the "
    "time has come";

}  // namespace

Result<void> check_keys(const Resource& resource, const message::Page& page) {
    if (!resource.is_there) return {};
    const auto collations = resource.collations();
    for (const message::Entry& entry : page.entries) {
        const bool is_in_range =
            entry.key >= page.range.low && (!page.range.high || entry.key < *page.range.high);
        const Values canonical = decode_key(entry.key, resource.key.size());
        const Values& spelled = entry.key_raw ? *entry.key_raw : canonical;
        if (!is_in_range || canonical.empty() || spelled.size() != canonical.size() ||
            encode_key(spelled, collations) != entry.key) {
            return failure(Category::protocol, "a key that is not one of " +
                                                   store::quoted_name(resource.name) +
                                                   ", or not in its page's range");
        }
    }
    return {};
}

Apply::Apply(store::Store& store, Now now)
    : store_(store), now_(now), clock_(store.journal.clock()), order_(store.origins.order()) {
    store_.journal.set_applying(true);
}

void Apply::pages(const message::Pages& pages, const std::vector<Origin>& origins) {
    // What waits at the sender comes in front of what it waits behind. Where that tells all there is, it comes on top.
    const auto comes_on_top = [&](const message::Page& page) {
        return page.vector.empty() && is_among(behind_, page);
    };
    // Rows that claim nothing are for who lacks them, whatever it covers.
    const auto claims = [](const message::Page& page) { return !page.vector.empty(); };
    if (std::ranges::any_of(pages.pages, claims)) {
        for (const message::Page& page : pages.pages) {
            const std::int64_t resource = store_.catalog.find(page.resource)->id;
            if (store_.forgotten(resource) == watermarks::Coverage() || is_among(behind_, page)) continue;
            covered_before_.try_emplace(resource, store_.coverage(resource));
        }
    }
    for (const message::Page& page : pages.pages) {
        if (!comes_on_top(page)) this->page(page, origins);
    }
    for (const message::Page& page : pages.pages) {
        if (comes_on_top(page)) this->page(page, origins);
    }
}

void Apply::page(const message::Page& page, const std::vector<Origin>& origins) {
    const Resource& resource = *store_.catalog.find(page.resource);
    const Columns columns = columns_of(resource, page);
    if (is_planted(planted::Bug::watermark_before_data)) {
        raise(resource, page, origins);
        store_.connection.execute(planted::kCommitEarly);
    }
    // A schema that has changed since we looked may hide writes that no trigger saw.
    is_repair_ = page.vector.empty() && !store_.schema_changed();
    std::optional<watermarks::Vector> settling;  // Its sender lags, too.
    if (!page.vector.empty() && is_among(settling_, page)) settling = localized(page.vector, origins);
    replacing_ = vector_of_complete(page, origins);
    for (const message::Entry& entry : page.entries) {
        Incoming incoming = incoming_from(entry, columns, origins);
        if (resource.ownership == Ownership::shared) incoming.record.life.reset();  // It knows no lives.
        if (auto lacking = find_large(resource, incoming); !lacking.empty()) {
            applied_.lacking.push_back({&page, resource.id, std::move(lacking)});
            is_repair_ = false;
            return;  // It is alone on its page.
        }
        ++applied_.received;
        if (is_ahead(incoming.record)) {
            // What stood there before it is gone all the same, but for the very row whose edit has to wait.
            if (!behind_.empty() && !page.vector.empty() && incoming.record.row &&
                store_.stamps.load(resource.id, incoming.key).record.row == incoming.record.row)
                named_.emplace(resource.id, entry.key);
            hold(resource, incoming, WallMs{hlc::wall_of(newest(incoming.record)).value - hlc::kDriftMs},
                 kAhead);
        } else {
            if (!behind_.empty() && !page.vector.empty()) named_.emplace(resource.id, entry.key);
            incoming.record =
                without_forgotten(std::move(incoming.record), store_.forgotten(resource.id).at(incoming.key));
            if (incoming.record.is_none() || is_late(resource, incoming)) continue;
            settling ? settle_doubt(resource, incoming, *settling) : join(resource, incoming);
        }
        for (std::size_t i = 0; i < incoming.large.size(); ++i) {
            if (incoming.large[i] != nullptr)
                store_.parts.drop(resource.id, incoming.key, incoming.columns[i]);
        }
    }
    is_repair_ = false;
    replacing_.reset();
    if (is_planted(planted::Bug::page_in_two)) store_.connection.execute(planted::kCommitEarly);
    raise(resource, page, origins);
}

Apply::Columns Apply::columns_of(const Resource& resource, const message::Page& page) {
    Columns columns;
    for (const std::string& name : page.columns) {
        const auto own = resource.column(name);
        const ColumnId id = own ? *own : store_.catalog.columns().id(resource.id, name);
        const auto here = std::ranges::find(resource.columns, id, &store::ValueColumn::id);
        const bool is_here = here != resource.columns.end();
        columns.has_twins = columns.has_twins || std::ranges::find(columns.ids, id) != columns.ids.end();
        columns.ids.push_back(id);
        columns.names.push_back(is_here ? here->name : name);
        columns.by_old_name.push_back(is_here && !store::same_name(here->name, name));
        const bool is_dropped = std::ranges::binary_search(page.dropped, columns.ids.size() - 1);
        if (!page.dropped.empty()) columns.dropped.push_back(is_dropped);
        // What is not to be had is not in the way of a table that has no place for it.
        if (!is_here && is_dropped) store_.catalog.columns().note_dropped(resource.id, id);
        columns.missing.push_back(!is_here && !is_dropped);
    }
    return columns;
}

std::set<std::size_t> Apply::outdone(const message::Entry& entry, const Columns& columns,
                                     const std::vector<Origin>& origins) const {
    std::set<std::size_t> outdone;
    if (!columns.has_twins) return outdone;
    const auto stamp_of = [&](std::size_t column) -> std::optional<Stamp> {
        const auto cell = std::ranges::find(entry.cells, column, &message::Cell::column);
        if (cell != entry.cells.end()) return localized(cell->stamp, origins);
        return entry.row ? std::optional(localized(*entry.row, origins)) : std::nullopt;
    };
    const auto outdoes = [&](std::size_t a, std::size_t b) {
        const auto left = stamp_of(a);
        const auto right = stamp_of(b);
        if (!left || !right) return left.has_value();
        return *left == *right ? !columns.by_old_name[a] : order_.less(*right, *left);
    };
    std::map<ColumnId, std::size_t> newest;
    for (std::size_t i = 0; i < columns.ids.size(); ++i) {
        const auto [at, is_first] = newest.try_emplace(columns.ids[i], i);
        if (is_first) continue;
        outdone.insert(outdoes(i, at->second) ? std::exchange(at->second, i) : i);
    }
    return outdone;
}

Apply::Incoming Apply::incoming_from(const message::Entry& entry, const Columns& columns,
                                     const std::vector<Origin>& origins) const {
    Incoming incoming;
    incoming.key = entry.key;
    if (entry.key_raw) incoming.key_raw = &*entry.key_raw;
    if (entry.era) incoming.record.era = localized(*entry.era, origins);
    if (entry.row) incoming.record.row = localized(*entry.row, origins);
    if (entry.life) {
        incoming.record.life = Life{{}, localized(entry.life->row, origins)};
        if (entry.life->era) incoming.record.life->era = localized(*entry.life->era, origins);
    }
    const std::set<std::size_t> without = outdone(entry, columns, origins);
    for (const message::Cell& cell : entry.cells) {
        if (!without.contains(cell.column))
            incoming.record.cells.push_back({columns.ids[cell.column], localized(cell.stamp, origins)});
    }
    std::ranges::sort(incoming.record.cells, {}, &CellStamp::column);
    const auto withheld_as = [&](std::size_t value, std::size_t column) {
        if (!columns.dropped.empty() && columns.dropped[column]) return store::Withheld::dropped;
        return std::ranges::binary_search(entry.withheld, value) ? store::Withheld::too_large
                                                                 : store::Withheld::no;
    };
    for (std::size_t i = 0; i < entry.values.size(); ++i) {
        const std::size_t column = entry.row ? i : entry.cells[i].column;
        if (without.contains(column)) continue;
        incoming.columns.push_back(columns.ids[column]);
        incoming.names.push_back(columns.names[column]);
        incoming.values.push_back(&entry.values[i]);
        if (columns.missing[column] && incoming.missing.empty()) incoming.missing = columns.names[column];
        if (!entry.withheld.empty() || !columns.dropped.empty())
            incoming.withheld.push_back(withheld_as(i, column));
        if (entry.large.empty()) continue;
        const auto large = std::ranges::find(entry.large, i, &message::LargeValue::place);
        incoming.large.push_back(large != entry.large.end() ? &*large : nullptr);
        incoming.staged.emplace_back();
    }
    return incoming;
}

void Apply::raise(const Resource& resource, const message::Page& page, const std::vector<Origin>& origins) {
    watermarks::Coverage coverage = store_.coverage(resource.id);
    const watermarks::Range range{page.range.low, page.range.high};
    const watermarks::Vector vector = localized(page.vector, origins);
    if (behind_.contains(&page)) complete(resource, page, vector);
    coverage.raise(range, vector);
    store_.set_coverage(resource.id, coverage);
}

Hlc Apply::newest(const Record& record) const {
    Hlc newest;
    const auto take = [&](const Stamp& stamp) { newest = std::max(newest, order_.counts_as(stamp)); };
    if (record.era) take(*record.era);
    if (const auto life = record.known_life()) {
        take(life->row);
        if (life->era) take(*life->era);
    }
    for (const CellStamp& cell : record.cells) take(cell.stamp);
    return newest;
}

bool Apply::is_ahead(const Record& record) const {
    return hlc::is_ahead(newest(record), now_.wall, clock_.last(), hlc::kDriftMs);
}

void Apply::hold(const Resource& resource, const Incoming& incoming, WallMs due, const char* reason) {
    for (const Quarantined& there : store_.quarantine.held(resource.id, incoming.key)) {
        if (there.record == incoming.record) return;
    }
    Quarantined entry{
        0, resource.id, incoming.key, QuarantineKind::held, {}, reason, now_.wall, incoming.record, {}, {}};
    entry.due = due;
    if (incoming.key_raw != nullptr) entry.key_raw = *incoming.key_raw;
    for (std::size_t i = 0; i < incoming.values.size(); ++i) entry.values.push_back(named(incoming, i));
    store_.quarantine.put(entry);
    tell(EventKind::held, resource, incoming.spelled(resource), std::string("a change is held: ") + reason);
}

void Apply::join(const Resource& resource, const Incoming& incoming) {
    const StoredRecord stored = store_.stamps.load(resource.id, incoming.key);
    const StoredRecord before{
        without_forgotten(stored.record, store_.forgotten(resource.id).at(incoming.key)), stored.digests};
    const auto replacement = replaced(before.record, incoming, resource.ownership);
    Merge merged = replacement
                       ? *replacement
                       : merge(before.record, incoming.record, incoming.columns, order_, resource.ownership);
    if (merged.refusal == Refusal::row_missing) return await_row(resource, incoming);
    if (merged.refusal == Refusal::not_owner) return refuse(resource, incoming);
    clock_.observe(newest(incoming.record));
    const bool is_mended = is_repair_ && mend(resource, incoming, before, merged);
    if (!fill(resource, incoming, before.record, merged) && !is_mended && !merged.changes(before.record))
        return;
    if (!replacement && resource.ownership == Ownership::device_owned &&
        gives_way(before.record, merged.record, order_))
        keep_displaced(resource, incoming.key, before.record);
    StoredRecord after{merged.record, before.digests};
    if (const std::string reason = write_row(resource, incoming, merged, after.digests); !reason.empty()) {
        quarantine_row(resource, incoming, merged, reason);
        after.digests = before.digests;  // The table has what it had.
    } else {
        ++applied_.changed[resource.name];
    }
    if (!after.record.is_alive()) after.digests.clear();
    const bool is_forgotten = is_planted(planted::Bug::tombstone_forgotten) && !after.record.is_alive();
    store_.stamps.save(resource.id, incoming.key, stored, is_forgotten ? StoredRecord{} : after);
    if (resource.ownership == Ownership::device_owned) mark_owner(resource, incoming, after.record);
    row_difference_[resource.id] += int{after.record.is_alive()} - int{before.record.is_alive()};
    if (!after.record.is_same_life(before.record) && store_.quarantine.has_any(resource.id))
        awaited_.emplace(resource.id, incoming.key);
}

std::string Apply::write_row(const Resource& resource, const Incoming& incoming, const Merge& merged,
                             std::string& digests) {
    const auto refused = store_.quarantine.has_any(resource.id)
                             ? store_.quarantine.refused(resource.id, incoming.key)
                             : std::nullopt;
    if (merged.action == RowAction::none) return {};
    if (!resource.is_there)
        return "there is no table " + store::quoted_name(resource.name) +
               " here; make it, and it is tried again";
    if (!incoming.missing.empty())
        return "the table has no column " + store::quoted_name(incoming.missing) +
               " here; add it, and it is tried again";
    for (std::size_t i = 0; i < incoming.values.size(); ++i) {
        const bool is_lacked = incoming.withheld_as(i) != store::Withheld::no && merged.takes[i];
        const bool has_place = resource.column(incoming.names[i]).has_value();
        if (is_lacked && (has_place || incoming.withheld_as(i) == store::Withheld::too_large))
            return why_withheld(incoming.names[i], incoming.withheld_as(i));
    }
    // A row that is there already when its large values cannot be written is taken back.
    std::optional<store::Savepoint> whole_or_nothing;
    if (!incoming.large.empty()) whole_or_nothing.emplace(store_.connection);
    try {
        if (refused && merged.action != RowAction::remove) {
            std::string reason = rewrite_quarantined(resource, *refused, incoming, merged, digests);
            if (whole_or_nothing) whole_or_nothing->keep();
            return reason;
        }
        if (refused) store_.quarantine.drop(refused->id);
        store_.nested.announce();
        switch (merged.action) {
            case RowAction::insert:
                insert_row(resource, incoming, merged, digests);
                break;
            case RowAction::update:
                update_row(resource, incoming, merged, digests);
                break;
            case RowAction::remove:
                store_.rows(resource).remove(decode_key(incoming.key, resource.key.size()));
                break;
            case RowAction::none:
                break;
        }
    } catch (const StorageError& error) {
        if (!error.is_about_row()) throw;
        return error.what();
    }
    if (whole_or_nothing) whole_or_nothing->keep();
    return {};
}

store::Assignment Apply::taken(const Incoming& incoming, const Merge& merged, std::string& digests) {
    store::Assignment taken;
    for (std::size_t i = 0; i < incoming.columns.size(); ++i) {
        if (!merged.takes[i]) continue;
        if (incoming.withheld_as(i) == store::Withheld::dropped) {
            // Only where the table has no place for it either; by this it is passed on that it is not here.
            store::set_digest(digests, incoming.columns[i], store::kDigestOfDropped);
            continue;
        }
        taken.columns.push_back(incoming.columns[i]);
        taken.values.push_back(incoming.values[i]);
        if (!incoming.staged.empty())
            taken.staged.push_back(incoming.staged[i] ? &*incoming.staged[i] : nullptr);
        store::set_digest(digests, incoming.columns[i], incoming.digest(i));
    }
    return taken;
}

void Apply::insert_row(const Resource& resource, const Incoming& incoming, const Merge& merged,
                       std::string& digests) {
    digests.clear();
    const store::Assignment row = taken(incoming, merged, digests);
    if (!store_.rows(resource).insert(incoming.spelled(resource), row))
        throw StorageError(kConstraint, kIgnored);
}

void Apply::update_row(const Resource& resource, const Incoming& incoming, const Merge& merged,
                       std::string& digests) {
    const store::Assignment assignment = taken(incoming, merged, digests);
    // The key's spelling belongs to the row's stamp.
    const bool sets_row = incoming.record.row && merged.record.row == incoming.record.row;
    const Values spelled = incoming.spelled(resource);
    const Values canonical = decode_key(incoming.key, resource.key.size());
    if (!store_.rows(resource).update(canonical, sets_row ? &spelled : nullptr, assignment)) {
        throw StorageError(kConstraint, "the row is not in the table, though its metadata says so");
    }
}

void Apply::mark_owner(const Resource& resource, const Incoming& incoming, const Record& record) {
    const DeviceId& owner = order_.id(record.row ? record.row->origin : record.era->origin).device;
    store_.mark_foreign(resource, decode_key(incoming.key, resource.key.size()),
                        record.is_alive() && owner != order_.id(store_.self()).device);
}

void Apply::tell(EventKind kind, const Resource& resource, const Values& key, const std::string& text) {
    // Some rows are named, the rest counted: a bad page must not become a thousand events.
    Told& told = told_[{kind, resource.name + ": " + text}];
    if (told.named == kNamedRowsMax && told.others) {
        ++applied_.events[*told.others].rows;
        return;
    }
    std::string row = "more rows";
    if (told.named < kNamedRowsMax) {
        row = "row ";
        for (std::size_t i = 0; i < key.size(); ++i)
            row += (i > 0 ? ", " : "") + resource.key[i].name + " = " + shown(key[i]);
        ++told.named;
    } else {
        told.others = applied_.events.size();
    }
    applied_.events.push_back({0, now_.wall, kind, resource.name, {}, text + " (" + row + ")", 1});
}

Applied Apply::finish() {
    for (const auto& [resource, rows] : applied_.written_again) {
        applied_.events.push_back({0,
                                   now_.wall,
                                   EventKind::written_again,
                                   store_.catalog.find(resource)->name,
                                   {},
                                   why_again_,
                                   rows});
    }
    join_awaited();
    for (const std::int64_t id : unsettled_) {
        const Resource* resource = store_.catalog.find(id);
        if (resource != nullptr && resource->is_there) settle(*resource);
    }
    tell_refused();
    store_.journal.set_applying(false);
    store_.journal.set_floor(clock_.last());
    for (const auto& [resource, difference] : row_difference_) store_.catalog.add_rows(resource, difference);
    return std::move(applied_);
}

}  // namespace strandline::engine
