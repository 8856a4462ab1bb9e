#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <strandline/ids.h>
#include <strandline/message.h>
#include <strandline/time.h>

#include "planted/planted.h"

namespace strandline::engine {

using message::Life;
using message::Stamp;

/// A column that is not part of the key, by the number that it keeps for the resource's whole life.
enum class ColumnId : std::uint32_t {};

struct CellStamp {
    ColumnId column{};
    Stamp stamp;
    friend bool operator==(const CellStamp&, const CellStamp&) = default;
};

/// What is known of one key beside the app's own row (DESIGN 3).
///
///   none          nothing was ever known of the key: no era, no row
///   alive         `row` is the write that set the whole row; `cells`, by ascending column, are later ones
///   deleted       only `era`: the delete's own stamp
///   cells only    no `row`, some `cells`: a part of a row, as it arrives in a delta; never stored
///
/// In a device-owned resource the last two say in `life` which row they speak of; a living row's is its own era and
/// stamp. Shared resources know no lives.
struct Record {
    std::optional<Stamp> era;
    std::optional<Stamp> row;
    std::vector<CellStamp> cells;
    std::optional<Life> life = {};

    /// The life that the record speaks of; empty: it does not say.
    [[nodiscard]] std::optional<Life> known_life() const { return row ? Life{era, *row} : life; }
    [[nodiscard]] bool is_alive() const { return row.has_value(); }
    [[nodiscard]] bool is_partial() const { return !row && !cells.empty(); }
    /// Whether nothing was deleted or inserted between the two.
    [[nodiscard]] bool is_same_life(const Record& other) const {
        return row == other.row && era == other.era;
    }
    [[nodiscard]] bool is_none() const { return !row && !era && cells.empty(); }
    friend bool operator==(const Record&, const Record&) = default;
};

/// The total order of stamps: by HLC, then by the origin's full id, which is the same on every device.
class StampOrder {
public:
    /// `ids[i]` is the full id of origin i.
    explicit StampOrder(const std::vector<OriginId>& ids) : ids_(&ids) {}

    [[nodiscard]] bool less(const Stamp& a, const Stamp& b) const {
        if (a.hlc != b.hlc || is_planted(planted::Bug::tie_by_arrival)) return a.hlc < b.hlc;
        return a.origin != b.origin && id(a.origin) < id(b.origin);
    }
    [[nodiscard]] const Stamp& larger(const Stamp& a, const Stamp& b) const { return less(a, b) ? b : a; }
    [[nodiscard]] const OriginId& id(Origin origin) const {
        return (*ids_)[static_cast<std::size_t>(origin)];
    }

private:
    const std::vector<OriginId>* ids_;
};

}  // namespace strandline::engine
