#include <algorithm>
#include <utility>

#include "engine/apply.h"
#include "engine/reader.h"
#include "engine/retention.h"
#include "planted/planted.h"

// Apply, continued: what a page tells beside its rows, to who lacks deletions that nobody knows any more.
namespace strandline::engine {

using store::Resource;
using store::StoredRecord;

bool Apply::is_told_all(const store::Store& store, const message::Pages& pages,
                        const std::vector<Origin>& origins) {
    return std::ranges::all_of(pages.pages, [&](const message::Page& page) {
        return page.complete ||
               store.coverage(store.catalog.find(page.resource)->id)
                   .dominates({page.range.low, page.range.high}, localized(page.forgotten, origins));
    });
}

void Apply::forget(const message::Pages& pages, const std::vector<Origin>& origins,
                   const std::function<bool(const Resource&, const watermarks::Range&)>& lags) {
    for (const message::Page& page : pages.pages) {
        if (page.forgotten.empty()) continue;
        const Resource& resource = *store_.catalog.find(page.resource);
        const watermarks::Range range{page.range.low, page.range.high};
        const watermarks::Vector forgotten = localized(page.forgotten, origins);
        const bool is_behind = is_planted(planted::Bug::absence_trusted) ||
                               !store_.coverage(resource.id).dominates(range, forgotten);
        // Where nothing is known yet, nothing can be gone.
        if (is_behind && store::Stamps::Scan(store_.connection, resource.id, range).next())
            behind_.insert(&page);
        if (page.complete && lags(resource, range)) settling_.insert(&page);
        forget_within(store_, resource.id, range, forgotten);
    }
    if (behind_.empty()) return;
    for (const message::Page& page : pages.pages) {
        const std::int64_t resource = store_.catalog.find(page.resource)->id;
        for (const message::Entry& entry : page.entries) {
            note_said(resource, entry, origins);
            if (page.vector.empty() && entry.row)
                waiting_there_[{resource, entry.key}].push_back(localized(*entry.row, origins));
        }
    }
}

void Apply::note_said(std::int64_t resource, const message::Entry& entry,
                      const std::vector<Origin>& origins) {
    std::vector<Stamp>& said = said_[{resource, entry.key}];
    if (entry.era) said.push_back(localized(*entry.era, origins));
    if (entry.row) said.push_back(localized(*entry.row, origins));
    for (const message::Cell& cell : entry.cells) said.push_back(localized(cell.stamp, origins));
}

bool Apply::is_said(std::int64_t resource, const std::string& key, const Record& record) const {
    const auto said = said_.find({resource, key});
    if (said == said_.end()) return false;
    const auto is_in = [&](const Stamp& stamp) {
        return std::ranges::find(said->second, stamp) != said->second.end();
    };
    return (record.era && is_in(*record.era)) || (record.row && is_in(*record.row)) ||
           std::ranges::any_of(record.cells, [&](const CellStamp& cell) { return is_in(cell.stamp); });
}

bool Apply::is_named(std::int64_t resource, const std::string& key, const Record& known) const {
    if (named_.contains({resource, key})) return true;
    const auto waiting = waiting_there_.find({resource, key});
    return waiting != waiting_there_.end() && known.row &&
           std::ranges::find(waiting->second, *known.row) != waiting->second.end();
}

bool Apply::is_among(const std::set<const message::Page*>& pages, const message::Page& page) {
    return std::ranges::any_of(pages, [&](const message::Page* each) {
        return each->resource == page.resource && each->range == page.range;
    });
}

std::optional<watermarks::Vector> Apply::vector_of_complete(const message::Page& page,
                                                            const std::vector<Origin>& origins) const {
    // What is held back is in nobody's state yet.
    if (!is_among(behind_, page) || is_among(settling_, page) || page.vector.empty()) return std::nullopt;
    return localized(page.vector, origins);
}

std::optional<Merge> Apply::replaced(const Record& local, const Incoming& incoming,
                                     Ownership ownership) const {
    if (!replacing_ || local.is_none() || incoming.record.is_partial()) return std::nullopt;
    const Stamp& stamp = local.row ? *local.row : *local.era;
    if (!replacing_->covers(stamp.origin, stamp.hlc)) return std::nullopt;
    Merge merged{incoming.record, RowAction::insert,
                 std::vector<bool>(incoming.columns.size(), incoming.record.is_alive()), Refusal::no};
    if (local.is_alive()) merged.action = incoming.record.is_alive() ? RowAction::update : RowAction::remove;
    if (!local.is_alive() && !incoming.record.is_alive()) merged.action = RowAction::none;
    // Later edits of the row stay, but for those of another one with its key.
    const auto life = local.known_life();
    const bool is_same_row = incoming.record.is_alive() &&
                             (ownership == Ownership::shared || (life && life->row == *incoming.record.row));
    for (const CellStamp& cell : local.cells) {
        const bool is_kept = is_same_row && !replacing_->covers(cell.stamp.origin, cell.stamp.hlc) &&
                             order_.less(*effective(incoming.record, cell.column), cell.stamp);
        if (!is_kept) continue;
        std::erase_if(merged.record.cells,
                      [&](const CellStamp& other) { return other.column == cell.column; });
        merged.record.cells.push_back(cell);
        for (std::size_t i = 0; i < incoming.columns.size(); ++i) {
            if (incoming.columns[i] == cell.column) merged.takes[i] = false;
        }
    }
    std::ranges::sort(merged.record.cells, {}, &CellStamp::column);
    return merged;
}

void Apply::complete(const Resource& resource, const message::Page& page, const watermarks::Vector& vector) {
    const watermarks::Range range{page.range.low, page.range.high};
    std::vector<std::pair<std::string, Record>> gone;
    std::vector<std::string> in_doubt;
    {
        store::Stamps::Scan scan(store_.connection, resource.id, range);
        while (scan.next()) {
            const std::string& key = scan.key();
            Record known = without_forgotten(scan.stored().record, store_.forgotten(resource.id).at(key));
            if (known.is_none()) continue;
            const Stamp& stamp = known.row ? *known.row : *known.era;
            if (!is_named(resource.id, key, known) && vector.covers(stamp.origin, stamp.hlc)) {
                gone.emplace_back(key, std::move(known));
            } else if (is_in_doubt(resource, known, vector) && !settled_.contains({resource.id, key})) {
                in_doubt.push_back(key);
            }
        }
    }
    let_go_of_held(resource, page, vector);
    for (const auto& [key, record] : gone) remove_gone(resource, key, record);
    for (const std::string& key : in_doubt) write_again(resource, key, vector);
}

/// What was held here for its time, and is decided where the page comes from: it is covered there, and neither in the state
/// nor held. That its key is there says nothing, since the row may be another one, after a deletion that nobody knows any more.
void Apply::let_go_of_held(const Resource& resource, const message::Page& page,
                           const watermarks::Vector& vector) {
    if (!store_.quarantine.has_any(resource.id)) return;
    const watermarks::Range range{page.range.low, page.range.high};
    // Of a column that its sender does not have a page says nothing.
    const auto is_told_of = [&](const CellStamp& cell) {
        const auto column = std::ranges::find(resource.columns, cell.column, &store::ValueColumn::id);
        return column != resource.columns.end() &&
               std::ranges::find(page.columns, column->name) != page.columns.end();
    };
    for (const std::string& key : store_.quarantine.keys(resource.id, store::QuarantineKind::held)) {
        if (!range.contains(key)) continue;
        const bool is_there = said_.contains({resource.id, key});
        for (const store::Quarantined& held : store_.quarantine.held(resource.id, key)) {
            const bool is_kept = is_there && (is_said(resource.id, key, held.record) ||
                                              !std::ranges::all_of(held.record.cells, is_told_of));
            if (!is_kept && lacking(held.record, vector).is_none()) store_.quarantine.drop(held.id);
        }
    }
}

bool Apply::is_in_doubt(const Resource& resource, const Stamp& stamp,
                        const watermarks::Vector& vector) const {
    // Of what one device owns nobody else says anything.
    const bool is_ours = order_.id(stamp.origin).device == order_.id(store_.self()).device;
    return (is_ours || resource.ownership == Ownership::shared) && !vector.covers(stamp.origin, stamp.hlc);
}

bool Apply::is_in_doubt(const Resource& resource, const Record& record,
                        const watermarks::Vector& vector) const {
    return is_in_doubt(resource, record.row ? *record.row : *record.era, vector) ||
           std::ranges::any_of(record.cells, [&](const CellStamp& cell) {
               return is_in_doubt(resource, cell.stamp, vector);
           });
}

/// By the way of all deletions, and then nothing of it is known.
void Apply::remove_gone(const Resource& resource, const std::string& key, const Record& gone) {
    if (gone.is_alive()) {
        Incoming deletion;
        deletion.key = key;
        deletion.record.era = gone.era ? order_.larger(*gone.row, *gone.era) : *gone.row;
        if (resource.ownership == Ownership::device_owned) deletion.record.life = gone.known_life();
        join(resource, deletion);
    }
    const StoredRecord left = store_.stamps.load(resource.id, key);
    if (!left.record.is_alive()) store_.stamps.save(resource.id, key, left, {});
}

bool Apply::is_late(const Resource& resource, const Incoming& incoming) {
    const auto covered = covered_before_.find(resource.id);
    if (covered == covered_before_.end()) return false;
    const Record news = lacking(incoming.record, covered->second.at(incoming.key));
    // Of cells alone nobody can tell here whether their row is still to come.
    if (!news.is_none() && (!news.is_partial() || incoming.record.is_partial())) return false;
    const watermarks::Vector& forgotten = store_.forgotten(resource.id).at(incoming.key);
    if (forgotten.empty()) return false;
    const Record known = without_forgotten(store_.stamps.load(resource.id, incoming.key).record, forgotten);
    if (known.is_none()) return is_of_gone_row(resource, incoming.key);
    // What is covered was joined here once: if it would win now, it lost against a deletion that is forgotten.
    Record covered_part = incoming.record;
    std::erase_if(covered_part.cells, [&](const CellStamp& cell) {
        return std::ranges::find(news.cells, cell) != news.cells.end();
    });
    return !known.era && merge(known, covered_part, {}, order_, resource.ownership).changes(known);
}

bool Apply::is_of_self(const Record& record) const {
    const auto life = record.known_life();
    return life && order_.id(life->row.origin).device == order_.id(store_.self()).device;
}

void Apply::settle_doubt(const Resource& resource, Incoming incoming, const watermarks::Vector& vector) {
    const std::string key = incoming.key;
    const StoredRecord stored = store_.stamps.load(resource.id, key);
    const Record known = without_forgotten(stored.record, store_.forgotten(resource.id).at(key));
    const bool is_alive = incoming.record.is_alive();
    const Record news = lacking(incoming.record, store_.coverage(resource.id).at(key));
    const bool was_deleted = known.is_none() && (news.is_none() || news.is_partial());
    if (was_deleted ? !is_alive : news.is_none()) return;
    const bool is_owned = resource.ownership == Ownership::device_owned;
    const bool is_ours = is_owned && is_of_self(known) && is_of_self(news);
    if (!was_deleted) {
        incoming.record = news;
        // What this device wrote before an old copy of it was put back, after a deletion of its own that nobody knows any more.
        if (is_ours) replacing_ = vector;
        join(resource, incoming);
        replacing_.reset();
    }
    // Of what one device owns nobody else says anything: what its owner deleted is gone with the next complete page.
    if (is_owned && (was_deleted || !is_ours)) return;
    const StoredRecord before = store_.stamps.load(resource.id, key);
    if (!was_deleted && !before.record.is_alive()) return;
    StoredRecord after = before;
    after.record.cells.clear();
    if (was_deleted || is_owned || after.record.era)
        after.record.era = {clock_.next(now_.wall), store_.self()};
    after.record.row.reset();
    if (!was_deleted) after.record.row = {clock_.next(now_.wall), store_.self()};
    store_.stamps.save(resource.id, key, before, after);
    settled_.emplace(resource.id, key);
    ++applied_.written_again[resource.id];
}

void Apply::write_again(const Resource& resource, const std::string& key, const watermarks::Vector& vector) {
    const auto anew = [&] { return Stamp{clock_.next(now_.wall), store_.self()}; };
    const StoredRecord before = store_.stamps.load(resource.id, key);
    StoredRecord after = before;
    Record& record = after.record;
    if (record.row && is_in_doubt(resource, *record.row, vector)) {
        // One life has one insert: of a row that its device inserts again the old life has ended. And a deletion in doubt before
        // it may be earlier than one that nobody knows any more.
        if (resource.ownership == Ownership::device_owned ||
            (record.era && is_in_doubt(resource, *record.era, vector)))
            record.era = anew();
        record.row = anew();
        record.cells.clear();
    } else if (!record.row && is_in_doubt(resource, *record.era, vector)) {
        record.era = anew();
    }
    for (CellStamp& cell : record.cells) {
        if (is_in_doubt(resource, cell.stamp, vector)) cell.stamp = anew();
    }
    store_.stamps.save(resource.id, key, before, after);
    ++applied_.written_again[resource.id];
}

}  // namespace strandline::engine
