#include "engine/retention.h"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/merge.h"

namespace strandline::engine {
namespace {

const watermarks::Range kEverywhere{"", std::nullopt};

bool is_forgotten(const std::optional<Stamp>& era, const watermarks::Vector& forgotten) {
    return era && forgotten.covers(era->origin, era->hlc);
}

/// What held changes of a key come to beside what is known of it, as long as the deletions among them are known.
void let_go_of(store::Store& store, const store::Resource& resource, const std::string& key,
               const watermarks::Vector& vector) {
    const StampOrder order = store.origins.order();
    const auto held = store.quarantine.held(resource.id, key);
    Record known = store.stamps.load(resource.id, key).record;
    const auto joined = [&](const Record& record) {
        return merge(known, record, {}, order, resource.ownership);
    };
    std::vector<std::int64_t> needed;
    for (const store::Quarantined& each : held) {
        if (each.record.row || !each.record.cells.empty() || !is_forgotten(each.record.era, vector)) continue;
        const Merge merged = joined(each.record);
        if (!merged.changes(known)) continue;
        known = merged.record;
        needed.push_back(each.id);
    }
    for (const store::Quarantined& each : held) {
        const Merge merged = joined(each.record);
        const bool waits_for_row = merged.refusal == Refusal::row_missing;
        const bool is_needed = std::ranges::find(needed, each.id) != needed.end();
        if (!is_needed && !waits_for_row && !merged.changes(known)) store.quarantine.drop(each.id);
    }
}

void let_go(store::Store& store, const store::Resource& resource, const watermarks::Range& range,
            const watermarks::Vector& vector) {
    for (const std::string& key : store.quarantine.keys(resource.id, store::QuarantineKind::held)) {
        if (range.contains(key)) let_go_of(store, resource, key, vector);
    }
}

}  // namespace

Record without_forgotten(Record record, const watermarks::Vector& forgotten) {
    if (forgotten.empty()) return record;
    const bool is_deleted = !record.is_alive() && !record.is_partial();
    if (is_deleted && is_forgotten(record.era, forgotten)) return {};
    if (is_forgotten(record.era, forgotten)) record.era.reset();
    if (record.life && is_forgotten(record.life->era, forgotten)) record.life->era.reset();
    return record;
}

void forget_within(store::Store& store, std::int64_t resource, const watermarks::Range& range,
                   const watermarks::Vector& vector) {
    if (store.forgotten(resource).dominates(range, vector)) return;
    if (store.quarantine.has_any(resource)) let_go(store, *store.catalog.find(resource), range, vector);
    store.raise_forgotten(resource, range, vector);
}

bool has_forgettable(store::Store& store, std::int64_t resource, const watermarks::Vector& vector) {
    const auto has_any = [&](const watermarks::Range& range, const watermarks::Vector& covering) {
        return !store.stamps.with_eras(resource, range, covering, 1).empty();
    };
    return has_any(kEverywhere, vector) ||
           std::ranges::any_of(store.forgotten(resource).pieces(), [&](const watermarks::Piece& piece) {
               return has_any(piece.range, piece.vector);
           });
}

void forget(store::Store& store, std::int64_t resource, const watermarks::Vector& vector) {
    if (!store.stamps.with_eras(resource, kEverywhere, vector, 1).empty())
        forget_within(store, resource, kEverywhere, vector);
}

void sweep(store::Store& store, std::int64_t resource, std::size_t most) {
    const std::vector<watermarks::Piece> pieces = store.forgotten(resource).pieces();
    for (const watermarks::Piece& piece : pieces) {
        const auto keys = store.stamps.with_eras(resource, piece.range, piece.vector, most);
        most -= keys.size();
        for (const std::string& key : keys) {
            const store::StoredRecord before = store.stamps.load(resource, key);
            const store::StoredRecord after{without_forgotten(before.record, piece.vector), before.digests};
            store.stamps.save(resource, key, before, after);
        }
    }
}

}  // namespace strandline::engine
