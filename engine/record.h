#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
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

/// By origin: stamps above it count as it, in their order, as their device's clock stood far ahead when it gave them
/// (docs/decisions/0009-*.md). Of most origins there is none.
using Ceilings = std::map<Origin, Hlc>;

/// The total order of stamps: by HLC, then by the origin's full id, which is the same on every device.
class StampOrder {
public:
    /// `ids[i]` is the full id of origin i.
    StampOrder(const std::vector<OriginId>& ids, const Ceilings& ceilings)
        : ids_(&ids), ceilings_(&ceilings) {}

    [[nodiscard]] bool less(const Stamp& a, const Stamp& b) const {
        const Hlc left = counts_as(a);
        const Hlc right = counts_as(b);
        if (left != right || is_planted(planted::Bug::tie_by_arrival)) return left < right;
        return a.origin != b.origin ? id(a.origin) < id(b.origin) : a.hlc < b.hlc;
    }
    /// As the stamps were given, whatever was said of their origins since.
    [[nodiscard]] bool was_less(const Stamp& a, const Stamp& b) const {
        return a.hlc != b.hlc ? a.hlc < b.hlc : a.origin != b.origin && id(a.origin) < id(b.origin);
    }
    [[nodiscard]] Hlc counts_as(const Stamp& stamp) const {
        if (ceilings_->empty()) return stamp.hlc;
        const auto ceiling = ceilings_->find(stamp.origin);
        return ceiling != ceilings_->end() ? std::min(stamp.hlc, ceiling->second) : stamp.hlc;
    }
    [[nodiscard]] const Stamp& larger(const Stamp& a, const Stamp& b) const { return less(a, b) ? b : a; }
    [[nodiscard]] const OriginId& id(Origin origin) const {
        return (*ids_)[static_cast<std::size_t>(origin)];
    }

private:
    const std::vector<OriginId>* ids_;
    const Ceilings* ceilings_;
};

}  // namespace strandline::engine
