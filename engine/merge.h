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
    not_owner,  ///< device-owned: stamped by a device without a right to the row, or the key is another row's
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
/// its larger stamp. Commutative, associative, idempotent, and pure.
///
/// In a device-owned resource a key has lives (message::Life), and each belongs to the device that inserted the
/// row: what says nothing of its life, or was stamped by another device, is refused. Of two lives the one with
/// the later era stays, of one era the one that began first, as stamped; within one life deleted beats alive, of two
/// deletes the later stays, and each column takes its larger stamp.
///
/// `columns` are those that the incoming record brings values for, in the order of `takes`.
[[nodiscard]] Merge merge(const Record& local, const Record& incoming, const std::vector<ColumnId>& columns,
                          const StampOrder& order, Ownership ownership);

/// Device-owned: whether a living row makes room for another life although its own device did not delete it.
[[nodiscard]] bool gives_way(const Record& row, const Record& to, const StampOrder& order);

/// The stamp that a column of a living or partial record bears; empty: none (a partial without that cell).
[[nodiscard]] std::optional<Stamp> effective(const Record& record, ColumnId column);

}  // namespace strandline::engine
