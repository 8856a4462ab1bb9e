#include <algorithm>

#include "engine/apply.h"
#include "planted/planted.h"

// Apply, continued: stamps of a clock that was far ahead and has been put right (docs/decisions/0008-*.md).
namespace strandline::engine {

using store::Resource;
using store::Void;

std::vector<Void> Apply::settled_voids(const Resource& resource) const {
    std::vector<Void> settled;
    if (store_.voids.all().empty() || is_planted(planted::Bug::void_ignored)) return settled;
    const watermarks::Vector floor = store_.coverage(resource.id).floor();
    for (const Void& record : store_.voids.all()) {
        if (floor.at(record.by) != Hlc{}) settled.push_back(record);
    }
    return settled;
}

bool Apply::lower(const Resource& resource, const std::vector<Void>& settled, Record& record) const {
    const auto void_of = [&](const Stamp& stamp) {
        return std::ranges::find_if(settled, [&](const Void& of) { return of.is_void(stamp); });
    };
    const auto is_void = [&](const std::optional<Stamp>& stamp) {
        return stamp && void_of(*stamp) != settled.end();
    };
    bool is_lowered = false;
    const auto lower_one = [&](Stamp& stamp) {
        const auto of = void_of(stamp);
        if (of == settled.end()) return;
        stamp.hlc = of->above;
        is_lowered = true;
    };
    if (resource.ownership == Ownership::device_owned) {
        // Of two inserts the earlier one stays, so a void life must not seem earlier than it was.
        const auto life = record.known_life();
        if (life && (is_void(life->row) || is_void(life->era))) {
            record = {};
            return true;
        }
    }
    bool has_other = (record.era && !is_void(record.era)) || (record.row && !is_void(record.row));
    for (const CellStamp& cell : record.cells) has_other = has_other || !is_void(cell.stamp);
    if (!has_other) {
        record = {};
        return true;
    }
    if (record.era) lower_one(*record.era);
    if (record.row) lower_one(*record.row);
    for (CellStamp& cell : record.cells) lower_one(cell.stamp);
    if (record.row) {
        std::erase_if(record.cells,
                      [&](const CellStamp& cell) { return !order_.less(*record.row, cell.stamp); });
    }
    return is_lowered;
}

void Apply::note_hiding(const Resource& resource, const Record& record) {
    const std::vector<Void>& voids = store_.voids.all();
    for (std::size_t i = 0; i < voids.size(); ++i) {
        bool hides =
            (record.era && voids[i].is_void(*record.era)) || (record.row && voids[i].is_void(*record.row));
        for (const CellStamp& cell : record.cells) hides = hides || voids[i].is_void(cell.stamp);
        if (hides) hiding_[resource.id].insert(i);
    }
}

bool Apply::is_void_life(const Record& record) const {
    const auto life = record.known_life();
    return life &&
           std::ranges::any_of(store_.voids.all(), [&](const Void& of) { return of.is_void(life->row); });
}

void Apply::await_voids() {
    if (store_.voids.all().empty()) return;
    for (const Resource& resource : store_.catalog.resources()) {
        if (!store_.quarantine.has_any(resource.id)) continue;
        for (const Void& record : settled_voids(resource)) {
            for (const std::string& key : store_.voids.held(resource.id, record))
                awaited_.emplace(resource.id, key);
        }
    }
}

}  // namespace strandline::engine
