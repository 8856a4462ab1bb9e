#include "engine/reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "backfill/plan.h"
#include "engine/limits.h"
#include "engine/merge.h"
#include "engine/retention.h"
#include "engine/store/cell.h"
#include "planted/planted.h"

namespace strandline::engine {

using store::Resource;
using store::StoredRecord;

namespace {

/// What a page costs beside its entries. It also keeps the pages of a message below what the wire may carry.
std::size_t bytes_of(const message::Page& page) {
    constexpr std::size_t kPageBytes = 2048;
    constexpr std::size_t kVectorEntryBytes = 14;
    std::size_t bytes = kPageBytes + kVectorEntryBytes * (page.vector.size() + page.forgotten.size());
    for (const std::string& column : page.columns) bytes += column.size();
    return bytes;
}

bool covered(const Stamp& stamp, const watermarks::Vector& vector) {
    return vector.covers(stamp.origin, stamp.hlc);
}

/// What was altered behind our back repairs nothing.
bool is_as_recorded(const Resource& resource, const StoredRecord& stored, const message::Entry& entry) {
    for (std::size_t i = 0; i < entry.values.size(); ++i) {
        const std::string_view known = store::get_digest(stored.digests, resource.columns[i].id);
        const auto large = std::ranges::find(entry.large, i, &message::LargeValue::place);
        const std::string digest =
            large != entry.large.end() ? store::digest_from(large->hash) : store::digest_of(entry.values[i]);
        if (!known.empty() && known != digest) return false;
    }
    return true;
}

/// The key just behind this one, in byte order.
std::string after(const std::string& key) {
    return key + '\0';
}

}  // namespace

Record lacking(const Record& record, const watermarks::Vector& vector) {
    const bool lacks_row =
        record.row ? !covered(*record.row, vector) : record.era && !covered(*record.era, vector);
    if (lacks_row) return record;
    Record missing;
    for (const CellStamp& cell : record.cells) {
        if (!covered(cell.stamp, vector)) missing.cells.push_back(cell);
    }
    if (!missing.cells.empty()) {
        missing.era = record.era;
        missing.life = record.known_life();
    }
    return missing;
}

Origin OriginList::index_of(Origin origin) {
    const auto number = static_cast<std::size_t>(origin);
    if (indexes_.size() <= number) indexes_.resize(origins_.ids().size());
    std::optional<Origin>& index = indexes_[number];
    if (!index) {
        index = static_cast<Origin>(ids_.size());
        ids_.push_back(origins_.id(origin));
    }
    return *index;
}

message::Vector OriginList::indexed(const watermarks::Vector& vector) {
    message::Vector out;
    for (const auto& [origin, hlc] : vector.entries()) out.emplace_back(index_of(origin), hlc);
    std::ranges::sort(out);
    return out;
}

std::vector<Origin> localized(store::Origins& origins, const std::vector<OriginId>& ids) {
    std::vector<Origin> numbers;
    numbers.reserve(ids.size());
    for (const OriginId& id : ids) numbers.push_back(origins.number(id));
    return numbers;
}

Stamp localized(const Stamp& stamp, const std::vector<Origin>& origins) {
    return {stamp.hlc, origins[static_cast<std::size_t>(stamp.origin)]};
}

watermarks::Vector localized(const message::Vector& vector, const std::vector<Origin>& origins) {
    std::vector<watermarks::Vector::Entry> entries;
    for (const auto& [origin, hlc] : vector)
        entries.emplace_back(origins[static_cast<std::size_t>(origin)], hlc);
    return watermarks::Vector::from(std::move(entries));
}

watermarks::Piece localized(const message::Piece& piece, const std::vector<Origin>& origins) {
    return {{piece.range.low, piece.range.high}, localized(piece.vector, origins)};
}

// A delta that fits one message is one transaction at its receiver, over all tables; a backfill goes page by page.
Reader::Reader(store::Store& store, const std::vector<std::pair<std::int64_t, watermarks::Piece>>& wanted,
               bool is_delta)
    : store_(store), bytes_max_(is_delta ? kDeltaBytesMax : kPageBytesMax) {
    for (const auto& [resource, piece] : wanted) plan(resource, piece);
}

Reader::Reader(store::Store& store, const std::map<std::int64_t, std::set<std::string>>& keys)
    : store_(store), is_repair_(true), bytes_max_(kPageBytesMax) {
    for (const auto& [resource, wanted] : keys)
        parts_.push_back(
            {resource, {}, {}, {}, {}, false, std::deque<std::string>(wanted.begin(), wanted.end()), {}});
}

void Reader::plan(std::int64_t resource, const watermarks::Piece& wanted) {
    const watermarks::Coverage& coverage = store_.coverage(resource);
    for (const watermarks::Piece& mine : coverage.pieces()) {
        const auto range = intersect(mine.range, wanted.range);
        if (!range || wanted.vector.dominates(mine.vector)) continue;
        Part part{resource, *range, wanted.vector, mine.vector, above(mine.vector, wanted.vector), false,
                  {},       {}};
        const auto rows = static_cast<std::uint64_t>(store_.catalog.rows(resource));
        auto keys = store_.stamps.changed_since(resource, *range, wanted.vector, store_.origins.ids().size(),
                                                kDeltaKeysMax);
        if (keys && backfill::choose(keys->size(), rows) == backfill::Way::index)
            part.keys.emplace(keys->begin(), keys->end());
        plan_held(part);
        parts_.push_back(std::move(part));
    }
}

void Reader::plan_held(Part& part) {
    // What is held is looked for origin by origin, of which a large group has many, and mostly there is none.
    if (!store_.quarantine.has_any(part.resource) || !store_.quarantine.has_held(part.resource)) return;
    for (std::string& key :
         store_.quarantine.held_since(part.resource, part.base, store_.origins.ids().size())) {
        if (!part.range.contains(key)) continue;
        // By the time that it is read it may be held no more, but a row like others.
        if (part.keys) {
            const auto place = std::ranges::lower_bound(*part.keys, key);
            if (place == part.keys->end() || *place != key) part.keys->insert(place, key);
        }
        part.held.push_back(std::move(key));
    }
}

void Reader::leave_out(std::int64_t resource, const watermarks::Range& range) {
    std::deque<Part> left;
    for (Part& part : parts_) {
        if (part.resource != resource || !intersect(part.range, range)) {
            left.push_back(std::move(part));
            continue;
        }
        for (watermarks::Piece& outside : backfill::without({{part.range, {}}}, {range})) {
            Part rest = part;
            const auto is_left_out = [&](const std::string& key) { return !outside.range.contains(key); };
            if (rest.keys) std::erase_if(*rest.keys, is_left_out);
            std::erase_if(rest.held, is_left_out);
            rest.range = std::move(outside.range);
            left.push_back(std::move(rest));
        }
    }
    parts_ = std::move(left);
}

watermarks::Vector Reader::held_in(std::int64_t resource, const watermarks::Range& range) const {
    std::optional<watermarks::Vector> floor;
    for (const watermarks::Piece& mine : store_.coverage(resource).pieces()) {
        if (!intersect(mine.range, range)) continue;
        floor = floor ? smaller(*floor, mine.vector) : mine.vector;
    }
    return *floor;
}

void Reader::raise_claim(Part& part) {
    // What came to be held back since is not among what is read.
    if (part.keys || store_.quarantine.has_any(part.resource)) return;
    part.claim.raise(above(held_in(part.resource, part.range), part.base));
}

bool Reader::is_full() const {
    return bytes_ >= bytes_max_ || hashed_bytes_ >= kHashedBytesMax;
}

message::Pages Reader::next(std::optional<std::size_t> may_refer) {
    message::Pages pages;
    OriginList origins(store_.origins);
    claims_.clear();
    referred_.clear();
    may_refer_ = may_refer;
    is_waiting_ = false;
    rows_ = 0;
    bytes_ = 0;
    hashed_bytes_ = 0;
    while (!parts_.empty() && !is_full() && !is_waiting_) read_part(pages, origins);
    pages.origins = origins.take();
    pages.last = parts_.empty();
    return pages;
}

void Reader::read_part(message::Pages& pages, OriginList& origins) {
    const Resource* resource = store_.catalog.find(parts_.front().resource);
    if (resource == nullptr) return parts_.pop_front();
    meet_forgotten();
    Part& part = parts_.front();
    absent_ = store_.catalog.columns().absent(part.resource);
    if (!part.is_complete && !take_held(*resource, part, pages, origins)) return;
    raise_claim(part);
    // Absence on a complete page means something: all of it comes at once.
    refers_ = may_refer_ && !part.is_complete;
    message::Page page{
        resource->name, {part.range.low, part.range.high}, origins.indexed(part.claim), {}, {}};
    if (!part.vector.empty()) page.forgotten = origins.indexed(forgotten_);
    page.complete = part.is_complete;
    for (const store::ValueColumn& column : resource->columns) page.columns.push_back(column.name);
    const auto [taken, high] = take_rows(*resource, part, page, origins);
    if (high) page.range.high = high;
    if (is_planted(planted::Bug::claim_after_first_page)) page.range.high = part.range.high;
    std::optional<std::string> read = page.range.high;
    message::Page alone{resource->name, {}, page.vector, page.columns, {}, {}, page.forgotten};
    if (page.range.low != page.range.high) {
        if (!part.claim.empty())
            claims_.push_back({part.resource, {page.range.low, page.range.high}, part.claim});
        add_waiting(page, pages);
        if (part.is_complete)
            take_held_within(*resource, part, {page.range.low, page.range.high}, pages, origins);
        add(std::move(page), pages);
    }
    if (taken == Taken::alone) {
        read = after(alone_->key);
        alone.range = {alone_->key, read};
        alone.entries.push_back(std::move(*alone_));
        add(std::move(alone), pages);
    }
    is_waiting_ = taken == Taken::no_room;
    // A page may be full with the very last key of what was asked.
    if (read == part.range.high) return parts_.pop_front();
    part.range.low = *read;
}

std::pair<Reader::Taken, std::optional<std::string>> Reader::take_rows(const Resource& resource, Part& part,
                                                                       message::Page& page,
                                                                       OriginList& origins) {
    if (!part.keys) {
        store::Stamps::Scan scan(store_.connection, part.resource, part.range);
        while (!is_full() && scan.next()) {
            const Taken taken = take(resource, part, scan.key(), scan.stored(), page, origins);
            if (taken != Taken::yes) return {taken, scan.key()};
        }
        if (is_planted(planted::Bug::off_by_one_at_resume) && is_full()) scan.next();
        return {Taken::yes, is_full() ? std::optional(after(scan.key())) : std::nullopt};
    }
    while (!part.keys->empty() && !is_full()) {
        std::string key = part.keys->front();
        const Taken taken = take(resource, part, key, store_.stamps.load(part.resource, key), page, origins);
        if (taken != Taken::no_room) part.keys->pop_front();
        if (taken != Taken::yes) return {taken, std::move(key)};
        if (!part.keys->empty() && is_full()) return {Taken::yes, after(key)};
    }
    return {Taken::yes, std::nullopt};
}

void Reader::add_waiting(const message::Page& page, message::Pages& pages) {
    for (auto& [columns, entries] : std::exchange(waiting_, {}))
        add({page.resource, page.range, page.vector, columns.first, std::move(entries), columns.second},
            pages);
}

void Reader::add(message::Page page, message::Pages& pages) {
    rows_ += std::ranges::count_if(page.entries,
                                   [](const message::Entry& entry) { return entry.withheld.empty(); });
    bytes_ += bytes_of(page);
    pages.pages.push_back(std::move(page));
}

Reader::Taken Reader::take(const Resource& resource, const Part& part, const std::string& key,
                           const StoredRecord& stored, message::Page& page, OriginList& origins) {
    const Record missing = lacking(without_forgotten(stored.record, forgotten_), part.base);
    if (missing.is_none() || take_incomplete(resource, key, stored, missing, origins)) return Taken::yes;
    message::Entry entry;
    entry.key = key;
    if (!fill_values(resource, key, missing, entry)) return Taken::yes;
    put_stamps(resource, missing, origins, entry);
    for (const CellStamp& cell : missing.cells) {
        const auto at = std::ranges::find_if(
            resource.columns, [&](const store::ValueColumn& column) { return column.id == cell.column; });
        if (at == resource.columns.end()) continue;
        entry.cells.push_back(
            {static_cast<std::uint32_t>(at - resource.columns.begin()), origins.indexed(cell.stamp)});
    }
    const std::size_t bytes = withhold(entry);
    const Taken taken = refer(resource, missing, entry);
    if (taken == Taken::no_room || (is_repair_ && !is_as_recorded(resource, stored, entry)))
        return taken == Taken::no_room ? taken : Taken::yes;
    bytes_ += bytes;
    if (taken == Taken::alone) {
        alone_ = std::move(entry);
    } else {
        page.entries.push_back(std::move(entry));
    }
    return taken;
}

/// Says of its large values what they are.
Reader::Taken Reader::refer(const Resource& resource, const Record& record, message::Entry& entry) {
    if (entry.large.empty()) return Taken::yes;
    if (*may_refer_ <= referred_.size()) return Taken::no_room;
    const Values key = decode_key(entry.key, resource.key.size());
    for (message::LargeValue& large : entry.large) {
        const std::size_t column = entry.row ? large.place : entry.cells[large.place].column;
        store::Hashing hashing(large.is_text);
        store_.rows(resource).each_part(key, {column, large.is_text, large.bytes},
                                        [&](std::string_view part) { hashing.add(part); });
        large.hash = hashing.hash();
        hashed_bytes_ += large.bytes;
        const ColumnId id = resource.columns[column].id;
        referred_.push_back(
            {resource.id, entry.key, id, *effective(record, id), large.is_text, large.bytes, large.hash});
    }
    return Taken::alone;
}

/// False: the row is not in the table, whatever its metadata says; nothing can be sent of it.
bool Reader::fill_values(const Resource& resource, const std::string& key, const Record& record,
                         message::Entry& entry) {
    if (!record.row && record.cells.empty()) return true;
    if (!resource.is_there) return false;
    const Values canonical = decode_key(key, resource.key.size());
    const std::size_t whole_bytes =
        refers_ ? store_.whole_value_bytes : std::numeric_limits<std::int32_t>::max();
    auto sparse = store_.rows(resource).read_sparse(canonical, whole_bytes);
    if (!sparse) return false;
    store::AppRow& row = sparse->row;
    const auto note_large = [&](std::size_t column, std::size_t place) {
        const auto large = std::ranges::find(sparse->large, column, &store::LargeValue::column);
        if (large == sparse->large.end()) return;
        entry.large.push_back({static_cast<std::uint32_t>(place), 0, large->is_text, large->bytes, {}});
    };
    if (record.row) {
        if (row.key != canonical) entry.key_raw = std::move(row.key);
        entry.values = std::move(row.values);
        for (std::size_t i = 0; i < entry.values.size(); ++i) note_large(i, i);
        return true;
    }
    for (const CellStamp& cell : record.cells) {
        const auto at = std::ranges::find(resource.columns, cell.column, &store::ValueColumn::id);
        if (at == resource.columns.end()) continue;
        const auto column = static_cast<std::size_t>(at - resource.columns.begin());
        note_large(column, entry.values.size());
        entry.values.push_back(std::move(row.values[column]));
    }
    return !entry.values.empty();
}

}  // namespace strandline::engine
