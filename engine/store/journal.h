#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <strandline/time.h>
#include <strandline/value.h>

#include "engine/store/connection.h"

namespace strandline::engine::store {

/// One thing that a local writer did: see the codes in triggers.h.
struct JournalRow {
    Hlc hlc;
    std::int64_t resource = 0;
    std::int64_t what = 0;
    Values key;  ///< as many columns as the journal has; a resource uses the first ones
};

/// What the triggers wrote, and the clock that they and the engine share.
class Journal {
public:
    explicit Journal(Connection& connection) : connection_(connection) {}

    [[nodiscard]] bool is_empty() { return !is_longer_than(0); }
    [[nodiscard]] bool is_longer_than(std::size_t rows);
    /// The oldest rows, in HLC order.
    [[nodiscard]] std::vector<JournalRow> read(std::size_t most);
    /// Removes all rows up to here.
    void drop(Hlc last);

    /// The larger of the clock's floor and the newest journal row.
    [[nodiscard]] Hlc clock();
    void set_floor(Hlc floor);
    /// The journal is empty, and the clock stood far ahead: it goes on from here.
    void put_back(Hlc floor);
    /// Makes the triggers silent for the rest of the transaction; unset before it ends.
    void set_applying(bool applying);

private:
    Connection& connection_;
};

}  // namespace strandline::engine::store
