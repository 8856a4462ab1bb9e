#include <algorithm>

#include "engine/limits.h"
#include "engine/reader.h"

// Reader, continued: rows that wait in quarantine, and what of an entry does not travel.
namespace strandline::engine {

using store::Resource;
using store::StoredRecord;

namespace {

/// What an entry costs beside its key and values: stamps, headers. Roughly; pages need no exact size.
constexpr std::size_t kEntryBytes = 40;

/// Large values that are too large even for that are withheld.
void withhold_large(message::Entry& entry) {
    const auto bytes_in_all = [&] {
        std::uint64_t bytes = 0;
        for (const message::LargeValue& large : entry.large) bytes += large.bytes;
        return bytes;
    };
    while (!entry.large.empty()) {
        const auto largest = std::ranges::max_element(entry.large, {}, &message::LargeValue::bytes);
        if (largest->bytes <= message::kLargeValueBytesMax && bytes_in_all() <= kLargeBytesMax) return;
        entry.withheld.push_back(largest->place);
        entry.large.erase(largest);
    }
}

}  // namespace

std::size_t withhold(message::Entry& entry) {
    withhold_large(entry);
    if (entry.key_raw && store::bytes_of(*entry.key_raw) > message::kKeyBytesMax) entry.key_raw.reset();
    std::size_t bytes = kEntryBytes + entry.key.size() + store::bytes_of(entry.values);
    if (entry.key_raw) bytes += store::bytes_of(*entry.key_raw);
    while (bytes > kRowBytesMax) {
        const auto largest = std::ranges::max_element(
            entry.values, {}, [](const Value& value) { return store::bytes_of(value); });
        bytes -= store::bytes_of(*largest);
        *largest = Value{};
        bytes += store::bytes_of(*largest);
        entry.withheld.push_back(static_cast<std::uint32_t>(largest - entry.values.begin()));
    }
    std::ranges::sort(entry.withheld);
    return bytes;
}

void put_stamps(const Resource& resource, const Record& record, OriginList& origins, message::Entry& entry) {
    if (record.era) entry.era = origins.indexed(*record.era);
    if (record.row) entry.row = origins.indexed(*record.row);
    if (resource.ownership == Ownership::shared || !record.life) return;
    entry.life = Life{{}, origins.indexed(record.life->row)};
    if (record.life->era) entry.life->era = origins.indexed(*record.life->era);
}

std::vector<store::NamedValue> Reader::dropped(const StoredRecord& stored, const Record& missing) const {
    std::vector<store::NamedValue> dropped;
    for (const auto& [column, name] : absent_) {
        const bool is_missing = missing.row || std::ranges::find(missing.cells, column, &CellStamp::column) !=
                                                   missing.cells.end();
        if (is_missing && !store::get_digest(stored.digests, column).empty())
            dropped.push_back({name, {}, store::Withheld::dropped});
    }
    return dropped;
}

/// A row in quarantine travels as it should be, not as the table has it.
bool Reader::take_incomplete(const Resource& resource, const std::string& key, const StoredRecord& stored,
                             const Record& missing, OriginList& origins) {
    if (!missing.row && missing.cells.empty()) return false;
    auto waiting =
        store_.quarantine.has_any(resource.id) ? store_.quarantine.refused(resource.id, key) : std::nullopt;
    const std::vector<store::NamedValue> dropped = this->dropped(stored, missing);
    if (!waiting && dropped.empty()) return false;
    const Values canonical = decode_key(key, resource.key.size());
    const auto row = resource.is_there ? store_.rows(resource).read(canonical) : std::nullopt;
    if (!waiting && !row) return true;  // It is not in the table, whatever its metadata says.
    if (!waiting) {
        waiting.emplace();
        waiting->key = key;
    }
    const auto add = [&](const store::NamedValue& value) {
        const bool is_named = std::ranges::any_of(
            waiting->values, [&](const auto& other) { return store::same_name(other.name, value.name); });
        if (!is_named) waiting->values.push_back(value);
    };
    if (row) {
        if (waiting->key_raw.empty() && row->key != canonical) waiting->key_raw = row->key;
        for (std::size_t i = 0; i < row->values.size(); ++i) add({resource.columns[i].name, row->values[i]});
    }
    std::ranges::for_each(dropped, add);
    waiting->record = missing;
    take_waiting(resource, *waiting, origins);
    return true;
}

/// They travel as they came: their receivers judge them by their own clocks.
bool Reader::take_held(const Resource& resource, Part& part, message::Pages& pages, OriginList& origins) {
    while (!part.held.empty() && !is_full()) {
        for (store::Quarantined& held : store_.quarantine.held(resource.id, part.held.front())) {
            if (lacking(held.record, part.base).is_none()) continue;
            store_.quarantine.read_values(held);
            take_waiting(resource, held, origins);
        }
        part.held.pop_front();
    }
    add_waiting({resource.name, {part.range.low, part.range.high}, {}, {}, {}}, pages);
    return !is_full();
}

/// What waits may have columns that this table has not: it goes to a page of its own columns.
void Reader::take_waiting(const Resource& resource, const store::Quarantined& waiting, OriginList& origins) {
    const Record& record = waiting.record;
    message::Entry entry;
    entry.key = waiting.key;
    if (!waiting.key_raw.empty()) entry.key_raw = waiting.key_raw;
    put_stamps(resource, record, origins, entry);
    PageColumns page;
    auto& [columns, dropped] = page;
    for (const store::NamedValue& value : waiting.values) {
        const auto here = resource.column(value.name);
        const ColumnId column = here ? *here : store_.catalog.columns().id(resource.id, value.name);
        const auto cell = std::ranges::find(record.cells, column, &CellStamp::column);
        if (cell != record.cells.end())
            entry.cells.push_back({static_cast<std::uint32_t>(columns.size()), origins.indexed(cell->stamp)});
        columns.push_back(value.name);
        if (!record.row && cell == record.cells.end()) continue;
        if (value.withheld == store::Withheld::dropped)
            dropped.push_back(static_cast<std::uint32_t>(columns.size() - 1));
        if (value.withheld != store::Withheld::no)
            entry.withheld.push_back(static_cast<std::uint32_t>(entry.values.size()));
        entry.values.push_back(value.value);
    }
    // Without a row and cells it would say that the row was deleted.
    if (!record.row && !record.cells.empty() && entry.cells.empty()) return;
    bytes_ += withhold(entry);
    auto& entries = waiting_[page];
    const auto place = std::ranges::upper_bound(entries, entry.key, {}, &message::Entry::key);
    entries.insert(place, std::move(entry));
}

}  // namespace strandline::engine
