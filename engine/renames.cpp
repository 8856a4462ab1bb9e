#include "engine/renames.h"

#include <algorithm>
#include <map>
#include <optional>

#include "engine/merge.h"

namespace strandline::engine {

using store::NamedValue;
using store::Quarantined;
using store::QuarantineKind;
using store::Renamed;
using store::Resource;
using store::StoredRecord;

namespace {

/// Entries that are in memory at once.
constexpr std::size_t kEntriesAtOnce = 500;

std::optional<std::size_t> find_named(const std::vector<NamedValue>& values, const std::string& name) {
    const auto at = std::ranges::find_if(
        values, [&](const NamedValue& value) { return store::same_name(value.name, name); });
    if (at == values.end()) return std::nullopt;
    return static_cast<std::size_t>(at - values.begin());
}

/// One column's cell becomes another's, unless that one's is later.
void move_cell(Record& record, ColumnId from, ColumnId to, const StampOrder& order) {
    const auto heard = std::ranges::find(record.cells, from, &CellStamp::column);
    if (heard == record.cells.end()) return;
    const Stamp stamp = heard->stamp;
    record.cells.erase(heard);
    const auto known = std::ranges::find(record.cells, to, &CellStamp::column);
    if (known != record.cells.end()) {
        known->stamp = order.larger(known->stamp, stamp);
    } else {
        record.cells.push_back({to, stamp});
        std::ranges::sort(record.cells, {}, &CellStamp::column);
    }
}

/// Which of an entry's values is the column's from now on; the other one, if there is any, has lost.
struct Choice {
    std::optional<std::size_t> stays;
    std::optional<std::size_t> lost;
};

Choice choose(const Renamed& column, const Record& record, const std::vector<NamedValue>& values,
              const StampOrder& order) {
    const auto before = find_named(values, column.before);
    if (!column.heard) return {before, {}};
    const auto heard = find_named(values, column.now);
    if (!before || !heard) return {before ? before : heard, {}};
    const auto known = effective(record, column.id);
    const auto news = effective(record, *column.heard);
    // Equal where a whole row came under the new name, and said nothing of the old one.
    const bool is_older = !news || (known && order.less(*news, *known));
    return is_older ? Choice{before, heard} : Choice{heard, before};
}

void rename_in(Quarantined& entry, Record& record, const std::vector<Renamed>& renamed,
               const StampOrder& order) {
    std::vector<std::optional<std::string>> names;
    for (const NamedValue& value : entry.values) names.emplace_back(value.name);
    std::map<std::size_t, std::string> chosen;
    // All by the names as they were: one column's new name may be another's old one.
    for (const Renamed& column : renamed) {
        const Choice choice = choose(column, record, entry.values, order);
        if (choice.lost) names[*choice.lost].reset();
        if (choice.stays) chosen[*choice.stays] = column.now;
        if (column.heard) move_cell(record, *column.heard, column.id, order);
    }
    std::vector<NamedValue> values;
    values.reserve(entry.values.size());
    for (const auto& [place, name] : chosen)
        values.push_back({name, entry.values[place].value, entry.values[place].withheld});
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] && !chosen.contains(i) && !find_named(values, *names[i]))
            values.push_back(std::move(entry.values[i]));
    }
    entry.values = std::move(values);
}

}  // namespace

void take_over(store::Store& store, const Resource& resource, const std::vector<Renamed>& renamed) {
    const StampOrder order = store.origins.order();
    for (std::int64_t last = 0;;) {
        auto entries = store.quarantine.after(resource.id, last, kEntriesAtOnce);
        for (Quarantined& entry : entries) {
            last = entry.id;
            if (entry.kind != QuarantineKind::refused) {
                rename_in(entry, entry.record, renamed, order);
            } else {
                const StoredRecord before = store.stamps.load(resource.id, entry.key);
                StoredRecord after = before;
                rename_in(entry, after.record, renamed, order);
                store.stamps.save(resource.id, entry.key, before, after);
            }
            store.quarantine.change(entry);
        }
        if (entries.size() < kEntriesAtOnce) return;
    }
}

}  // namespace strandline::engine
