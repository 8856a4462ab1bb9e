#include "engine/merge.h"

#include <algorithm>

#include "planted/planted.h"

namespace strandline::engine {
namespace {

const DeviceId& device_of(const Stamp& stamp, const StampOrder& order) {
    return order.id(stamp.origin).device;
}

/// -1, 0, 1: which record's era is earlier. No era is before every era.
int compare_eras(const Record& a, const Record& b, const StampOrder& order) {
    if (a.era == b.era) return 0;
    if (!a.era) return -1;
    if (!b.era) return 1;
    return order.less(*a.era, *b.era) ? -1 : 1;
}

/// Who may change the row that a record speaks of: its inserter; of a deleted one, its deleter.
const DeviceId& owner_of(const Record& record, const StampOrder& order) {
    if (record.row) return device_of(*record.row, order);
    return device_of(record.is_partial() ? record.cells.front().stamp : *record.era, order);
}

/// Whether all that a record says was said by one device, as a device-owned resource wants it.
bool is_of_one_device(const Record& record, const StampOrder& order) {
    const DeviceId& owner = owner_of(record, order);
    return std::ranges::all_of(record.cells,
                               [&](const CellStamp& cell) { return device_of(cell.stamp, order) == owner; });
}

/// Cells of both, each with the larger stamp, as far as that is later than the row's own.
std::vector<CellStamp> joined_cells(const Record& a, const Record& b, const Stamp& row,
                                    const StampOrder& order) {
    std::vector<CellStamp> cells;
    auto left = a.cells.begin();
    auto right = b.cells.begin();
    const auto keep = [&](const CellStamp& cell) {
        if (order.less(row, cell.stamp)) cells.push_back(cell);
    };
    while (left != a.cells.end() || right != b.cells.end()) {
        if (right == b.cells.end() || (left != a.cells.end() && left->column < right->column)) {
            keep(*left++);
        } else if (left == a.cells.end() || right->column < left->column) {
            keep(*right++);
        } else {
            keep({left->column, order.larger(left->stamp, right->stamp)});
            ++left;
            ++right;
        }
    }
    return cells;
}

Merge unchanged(const Record& local, std::size_t columns, Refusal refusal = Refusal::no) {
    return {local, RowAction::none, std::vector<bool>(columns, false), refusal};
}

/// The incoming record replaces all that was known.
Merge replaced(const Record& local, const Record& incoming, std::size_t columns) {
    if (incoming.is_partial()) return unchanged(local, columns, Refusal::row_missing);
    Merge result{incoming, RowAction::none, std::vector<bool>(columns, incoming.is_alive()), Refusal::no};
    if (incoming.is_alive()) {
        result.action = local.is_alive() ? RowAction::update : RowAction::insert;
    } else if (local.is_alive()) {
        result.action = RowAction::remove;
    }
    return result;
}

/// Both speak of one living row: column by column.
Merge merged_columns(const Record& local, const Record& incoming, const std::vector<ColumnId>& columns,
                     const StampOrder& order) {
    Merge result = unchanged(local, columns.size());
    if (incoming.row) result.record.row = order.larger(*local.row, *incoming.row);
    result.record.cells = joined_cells(local, incoming, *result.record.row, order);
    // The key's spelling belongs to the row's stamp, also where every column has a later cell.
    if (incoming.row && order.less(*local.row, *incoming.row)) result.action = RowAction::update;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto theirs = effective(incoming, columns[i]);
        result.takes[i] = theirs && order.less(*effective(local, columns[i]), *theirs);
        if (result.takes[i]) result.action = RowAction::update;
    }
    return result;
}

/// Two devices' records of one key in a device-owned resource.
Merge merged_owners(const Record& local, const Record& incoming, std::size_t columns,
                    const StampOrder& order) {
    // A delete that the row's owner made, and that the other's writer knew, makes the key free again.
    const int eras = compare_eras(local, incoming, order);
    if (eras < 0 && device_of(*incoming.era, order) == owner_of(local, order))
        return replaced(local, incoming, columns);
    if (eras > 0 && device_of(*local.era, order) == owner_of(incoming, order))
        return unchanged(local, columns);
    if (incoming.is_partial()) return unchanged(local, columns, Refusal::not_owner);
    if (local.is_alive() != incoming.is_alive()) {
        if (incoming.is_alive()) return replaced(local, incoming, columns);
        return unchanged(local, columns, Refusal::not_owner);
    }
    const bool incoming_stays =
        local.is_alive() ? order.less(*incoming.row, *local.row) : order.less(*local.era, *incoming.era);
    if (incoming_stays) return replaced(local, incoming, columns);
    return unchanged(local, columns, local.is_alive() ? Refusal::not_owner : Refusal::no);
}

}  // namespace

std::optional<Stamp> effective(const Record& record, ColumnId column) {
    const auto at = std::ranges::lower_bound(record.cells, column, {}, &CellStamp::column);
    if (at != record.cells.end() && at->column == column) return at->stamp;
    return record.row;
}

Merge merge(const Record& local, const Record& incoming, const std::vector<ColumnId>& columns,
            const StampOrder& order, Ownership ownership) {
    if (incoming.is_none()) return unchanged(local, columns.size());
    if (ownership == Ownership::device_owned) {
        if (!is_of_one_device(incoming, order)) return unchanged(local, columns.size(), Refusal::not_owner);
        if (!local.is_none() && owner_of(local, order) != owner_of(incoming, order)) {
            return merged_owners(local, incoming, columns.size(), order);
        }
    }
    if (local.is_none()) return replaced(local, incoming, columns.size());
    const int eras = compare_eras(local, incoming, order);
    const bool incoming_lives = incoming.is_alive() || incoming.is_partial();
    if (is_planted(planted::Bug::delete_loses) && !incoming_lives && !local.cells.empty())
        return unchanged(local, columns.size());
    if (eras < 0) return replaced(local, incoming, columns.size());
    if (eras > 0) return unchanged(local, columns.size());
    if (local.is_alive() && incoming_lives) return merged_columns(local, incoming, columns, order);
    return incoming_lives ? replaced(local, incoming, columns.size()) : unchanged(local, columns.size());
}

}  // namespace strandline::engine
