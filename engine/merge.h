#pragma once

#include <vector>

#include <strandline/status.h>

#include "engine/record.h"

namespace strandline::engine {

/// What the app's own row has to become once a record was joined.
enum class RowAction {
    none,    ///< it stays: what came in was older, or known
    insert,  ///< there is none; the incoming values are the row
    update,  ///< some columns take the incoming values
    remove,
};

/// Why an incoming record does not enter the state at all.
enum class Refusal {
    no,
    not_owner,    ///< device-owned: it was stamped by a device that has no right to this row
    row_missing,  ///< cells of a row that is not here: it is held, or still to come
};

struct Merge {
    Record record;  ///< the join; when refused, the local record as it was
    RowAction action = RowAction::none;
    std::vector<bool> takes;  ///< for each incoming column: its value replaces ours
    Refusal refusal = Refusal::no;

    [[nodiscard]] bool changes(const Record& local) const { return !(record == local); }
};

/// THE join (DESIGN 3): the later era wins; within one era alive beats deleted, and each column takes
/// its larger stamp. Commutative, associative, idempotent, and pure. In a device-owned resource a row
/// belongs to the device of its row stamp: of two devices' rows in one era the smaller stamp stays,
/// and what another device stamped is refused.
///
/// `columns` are those that the incoming record brings values for, in the order of `takes`.
[[nodiscard]] Merge merge(const Record& local, const Record& incoming, const std::vector<ColumnId>& columns,
                          const StampOrder& order, Ownership ownership);

/// The stamp that a column of a living or partial record bears; empty: none (a partial without that cell).
[[nodiscard]] std::optional<Stamp> effective(const Record& record, ColumnId column);

}  // namespace strandline::engine
