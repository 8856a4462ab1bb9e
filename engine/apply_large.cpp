#include <algorithm>

#include "engine/apply.h"
#include "engine/retention.h"
#include "engine/store/cell.h"

// Apply, continued: values that come in parts, before the row that has them.
namespace strandline::engine {

using store::NamedValue;
using store::Resource;
using store::StoredRecord;

std::string Apply::Incoming::digest(std::size_t value) const {
    if (!large.empty() && large[value] != nullptr) return store::digest_from(large[value]->hash);
    return store::digest_of(*values[value]);
}

/// Whether a value that is known by its stamp takes the place of one that is damaged, or was withheld.
bool Apply::would_mend(const Resource& resource, const Incoming& incoming, std::size_t value,
                       const StoredRecord& before) {
    const ColumnId column = incoming.columns[value];
    if (!before.record.is_alive() || incoming.record.era != before.record.era ||
        effective(incoming.record, column) != effective(before.record, column))
        return false;
    if (store_.quarantine.has_any(resource.id)) {
        const auto refused = store_.quarantine.refused(resource.id, incoming.key);
        const auto is_withheld = [&](const NamedValue& there) {
            return there.withheld != store::Withheld::no &&
                   store::same_name(there.name, incoming.names[value]);
        };
        if (refused && std::ranges::any_of(refused->values, is_withheld)) return true;
    }
    if (!is_repair_ || !resource.is_there) return false;
    const auto there = digests_in_table(resource, incoming.key);
    return !there || store::get_digest(*there, column) != incoming.digest(value);
}

std::vector<Fetching::Value> Apply::find_large(const Resource& resource, Incoming& incoming) {
    std::vector<Fetching::Value> lacking;
    if (incoming.large.empty()) return lacking;
    // As the join will see it: what is forgotten decides nothing any more.
    const watermarks::Vector forgotten = store_.forgotten(resource.id).at(incoming.key);
    StoredRecord before = store_.stamps.load(resource.id, incoming.key);
    before.record = without_forgotten(std::move(before.record), forgotten);
    if (!is_ahead(incoming.record))
        incoming.record = without_forgotten(std::move(incoming.record), forgotten);
    const Merge merged = merge(before.record, incoming.record, incoming.columns, order_, resource.ownership);
    const bool is_kept = is_ahead(incoming.record) || merged.refusal == Refusal::row_missing;
    for (std::size_t i = 0; i < incoming.large.size(); ++i) {
        const message::LargeValue* large = incoming.large[i];
        const auto stamp = effective(incoming.record, incoming.columns[i]);
        if (large == nullptr || !stamp) continue;
        const store::LargeCell cell{resource.id,    incoming.key, incoming.columns[i], *stamp,
                                    large->is_text, large->bytes, large->hash};
        incoming.staged[i] = store_.parts.find(cell);
        if (incoming.staged[i] && incoming.staged[i]->is_whole) continue;
        const std::uint64_t held = incoming.staged[i] ? incoming.staged[i]->held : 0;
        incoming.staged[i].reset();
        const bool is_taken = merged.refusal == Refusal::no && merged.takes[i];
        if (is_kept || is_taken || would_mend(resource, incoming, i, before))
            lacking.push_back({large->number, cell, held, held});
    }
    return lacking;
}

}  // namespace strandline::engine
