#include "engine/merge.h"

#include <algorithm>

#include "planted/planted.h"

namespace strandline::engine {
namespace {

const DeviceId& device_of(const Stamp& stamp, const StampOrder& order) {
    return order.id(stamp.origin).device;
}

/// -1, 0, 1: which era is earlier. No era is before every era.
int compare_eras(const std::optional<Stamp>& a, const std::optional<Stamp>& b, const StampOrder& order) {
    if (a == b) return 0;
    if (!a) return -1;
    if (!b) return 1;
    return order.less(*a, *b) ? -1 : 1;
}

/// -1, 0, 1: which of two lives of a key gives way. Who inserted first stays the owner, also when the other's clock turns out
/// to have been wrong: the other row is gone by then where both were known.
int compare_lives(const Life& a, const Life& b, const StampOrder& order) {
    const int eras = compare_eras(a.era, b.era, order);
    if (eras != 0 || a.row == b.row) return eras;
    return order.was_less(b.row, a.row) ? -1 : 1;
}

/// Whether all that a record says of its life was said by that life's device.
bool is_of_one_device(const Record& record, const StampOrder& order) {
    const auto life = record.known_life();
    if (!life) return false;
    const DeviceId& owner = device_of(life->row, order);
    if (!record.is_alive() && !record.is_partial() && device_of(*record.era, order) != owner) return false;
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

/// The join of a device-owned resource. Lives are totally ordered, and within one deleting is final: so it does not
/// matter in which order, or how grouped, records come.
Merge merged_lives(const Record& local, const Record& incoming, const std::vector<ColumnId>& columns,
                   const StampOrder& order) {
    if (!is_of_one_device(incoming, order)) return unchanged(local, columns.size(), Refusal::not_owner);
    const auto known = local.known_life();
    const int lives = known ? compare_lives(*known, *incoming.known_life(), order) : -1;
    if (lives < 0) return replaced(local, incoming, columns.size());
    if (lives > 0) {
        const bool is_lost = gives_way(incoming, local, order);
        return unchanged(local, columns.size(), is_lost ? Refusal::not_owner : Refusal::no);
    }
    const bool incoming_lives = incoming.is_alive() || incoming.is_partial();
    if (local.is_alive())
        return incoming_lives ? merged_columns(local, incoming, columns, order)
                              : replaced(local, incoming, columns.size());
    const bool deleted_again = !incoming_lives && order.less(*local.era, *incoming.era);
    return deleted_again ? replaced(local, incoming, columns.size()) : unchanged(local, columns.size());
}

}  // namespace

bool gives_way(const Record& row, const Record& to, const StampOrder& order) {
    const auto from = row.known_life();
    const auto into = to.known_life();
    if ((!row.is_alive() && !row.is_partial()) || !into || from == into) return false;
    // Deleted by its own device, and whoever inserted again knew of that.
    const bool was_deleted = into->era && order.less(from->row, *into->era) &&
                             device_of(*into->era, order) == device_of(from->row, order);
    return !was_deleted;
}

std::optional<Stamp> effective(const Record& record, ColumnId column) {
    const auto at = std::ranges::lower_bound(record.cells, column, {}, &CellStamp::column);
    if (at != record.cells.end() && at->column == column) return at->stamp;
    return record.row;
}

Merge merge(const Record& local, const Record& incoming, const std::vector<ColumnId>& columns,
            const StampOrder& order, Ownership ownership) {
    if (incoming.is_none()) return unchanged(local, columns.size());
    if (ownership == Ownership::device_owned) return merged_lives(local, incoming, columns, order);
    if (local.is_none()) return replaced(local, incoming, columns.size());
    const int eras = compare_eras(local.era, incoming.era, order);
    const bool incoming_lives = incoming.is_alive() || incoming.is_partial();
    if (is_planted(planted::Bug::delete_loses) && !incoming_lives && !local.cells.empty())
        return unchanged(local, columns.size());
    if (eras < 0) return replaced(local, incoming, columns.size());
    if (eras > 0) return unchanged(local, columns.size());
    if (local.is_alive() && incoming_lives) return merged_columns(local, incoming, columns, order);
    return incoming_lives ? replaced(local, incoming, columns.size()) : unchanged(local, columns.size());
}

}  // namespace strandline::engine
