#pragma once

#include <cstdint>

#include "engine/record.h"

/// How a record lies in a table: one row a stamp, each in a slot of its own (docs/schema.md).
namespace strandline::engine::store {

// Of what has no row in a device-owned resource: the life that it speaks of. All others are 0 or more.
constexpr std::int64_t kSlotLifeEra = -2;
constexpr std::int64_t kSlotLifeRow = -1;
constexpr std::int64_t kSlotRow = 0;
constexpr std::int64_t kSlotEra = 1;
constexpr std::int64_t kSlotCells = 2;  // Plus the column's number.

/// Slots come in ascending order.
inline void take_slot(Record& record, std::int64_t slot, const Stamp& stamp) {
    if (slot < kSlotRow && !record.life) record.life.emplace();
    if (slot == kSlotLifeEra) {
        record.life->era = stamp;
    } else if (slot == kSlotLifeRow) {
        record.life->row = stamp;
    } else if (slot == kSlotRow) {
        record.row = stamp;
    } else if (slot == kSlotEra) {
        record.era = stamp;
    } else {
        record.cells.push_back({static_cast<ColumnId>(slot - kSlotCells), stamp});
    }
}

}  // namespace strandline::engine::store
