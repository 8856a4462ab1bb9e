#include <algorithm>
#include <set>

#include "engine/apply.h"

// Apply, continued: stamps that count as others since a clock was put right (docs/decisions/0009-*.md).
namespace strandline::engine {

using store::Resource;
using store::StoredRecord;

void Apply::meet_ceilings(const std::vector<Origin>& lowered) {
    why_again_ =
        "a device's clock stood far ahead and was put right, and changes of that future had been let in "
        "here; "
        "they are written once more, by this device";
    for (const Resource& resource : store_.catalog.resources()) {
        if (store_.quarantine.has_any(resource.id)) {
            for (const std::string& key : store_.quarantine.keys(resource.id, store::QuarantineKind::held))
                awaited_.emplace(resource.id, key);
        }
        // Of what one device owns nobody else stamps anything, and only its own stamps are compared there.
        if (resource.ownership == Ownership::device_owned) continue;
        std::set<std::string> let_in;
        for (const Origin origin : lowered) {
            const Hlc ceiling = store_.origins.ceilings().at(origin);
            for (std::string& key : store_.stamps.keys_above(resource.id, origin, ceiling))
                let_in.insert(std::move(key));
        }
        for (const std::string& key : let_in) write_let_in_again(resource, key, lowered);
    }
}

/// What was let in may have hidden what is later than the ceiling, which is held by our coverage and will not come again.
void Apply::write_let_in_again(const Resource& resource, const std::string& key,
                               const std::vector<Origin>& lowered) {
    const auto was_let_in = [&](const Stamp& stamp) {
        return order_.counts_as(stamp) < stamp.hlc &&
               std::ranges::find(lowered, stamp.origin) != lowered.end();
    };
    const auto anew = [&] { return Stamp{clock_.next(now_.wall), store_.self()}; };
    const StoredRecord before = store_.stamps.load(resource.id, key);
    StoredRecord after = before;
    Record& record = after.record;
    const bool is_of_era = record.era && was_let_in(*record.era);
    if (is_of_era) record.era = anew();
    if (record.row && (is_of_era || was_let_in(*record.row))) {
        record.row = anew();
        record.cells.clear();
    }
    for (CellStamp& cell : record.cells) {
        if (was_let_in(cell.stamp)) cell.stamp = anew();
    }
    store_.stamps.save(resource.id, key, before, after);
    ++applied_.written_again[resource.id];
}

}  // namespace strandline::engine
