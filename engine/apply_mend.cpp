#include <algorithm>

#include "engine/apply.h"

// Apply, continued: rows that are in the table otherwise than they were written.
namespace strandline::engine {

using store::Resource;
using store::StoredRecord;

std::optional<std::string> Apply::digests_in_table(const Resource& resource, const std::string& key) {
    const Values canonical = decode_key(key, resource.key.size());
    const auto row = store_.rows(resource).read_sparse(canonical, store_.whole_value_bytes);
    if (!row) return std::nullopt;
    return store_.rows(resource).measured(canonical, *row).digests;
}

/// Of two values under one stamp the true one is that which hashes to what was recorded here when the stamp was: so
/// what a peer holds otherwise is never taken for what was damaged here, nor anything that was written since.
bool Apply::mend(const Resource& resource, const Incoming& incoming, const StoredRecord& before,
                 Merge& merged) {
    const Record& local = before.record;
    const bool is_comparable = resource.is_there && incoming.missing.empty() && local.is_alive() &&
                               incoming.record.is_alive() && incoming.record.era == local.era;
    if (!is_comparable || merged.action == RowAction::insert) return false;
    if (store_.quarantine.has_any(resource.id) && store_.quarantine.refused(resource.id, incoming.key))
        return false;
    const auto digests = digests_in_table(resource, incoming.key);
    const bool row = digests.has_value();
    bool is_whole = true;  // Whether all that a missing row consists of is at hand.
    bool mends = !row;
    std::vector<bool> takes = merged.takes;
    for (std::size_t i = 0; i < incoming.columns.size(); ++i) {
        const auto at = std::ranges::find(resource.columns, incoming.columns[i], &store::ValueColumn::id);
        if (takes[i] || at == resource.columns.end()) continue;
        const std::string_view known = store::get_digest(before.digests, at->id);
        const std::string recorded = known.empty() ? store::digest_of(at->initial) : std::string(known);
        const bool is_true = incoming.withheld_as(i) == store::Withheld::no &&
                             effective(incoming.record, at->id) == effective(local, at->id) &&
                             incoming.digest(i) == recorded;
        const bool is_damaged = row && store::get_digest(*digests, at->id) != recorded;
        is_whole = is_whole && is_true;
        takes[i] = is_true && (!row || is_damaged);
        mends = mends || takes[i];
    }
    if (!mends || (!row && !is_whole)) return false;
    merged.takes = std::move(takes);
    merged.action = row ? RowAction::update : RowAction::insert;
    ++applied_.mended;
    return true;
}

}  // namespace strandline::engine
