#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "backfill/plan.h"
#include "hlc/clock.h"
#include "watermarks/coverage.h"

namespace strandline::backfill::toy {

constexpr std::size_t kPiecesMax = 2;  // So few that short runs already join what differs.

struct Stamp {
    Hlc hlc;
    Origin origin{};
    friend auto operator<=>(const Stamp&, const Stamp&) = default;
};

/// What is kept of one key; a value is its stamp, nothing else is needed.
struct Row {
    std::optional<Stamp> era;    ///< of the last delete that was known; of a deleted row its own
    std::optional<Stamp> stamp;  ///< of the write that set the whole row
    std::map<int, Stamp> cells;  ///< of columns written since
    bool cells_only = false;     ///< a part on its way: cells of a row that the receiver holds
    friend bool operator==(const Row&, const Row&) = default;

    [[nodiscard]] bool is_deleted() const { return !stamp && !cells_only; }
    [[nodiscard]] std::optional<Stamp> effective(int column) const {
        const auto cell = cells.find(column);
        return cell == cells.end() ? stamp : std::max(stamp, std::optional(cell->second));
    }
};

/// The later era wins; in one era alive beats deleted, and each column takes its larger stamp.
inline Row join(const Row& a, const Row& b) {
    if (a.era != b.era) return a.era > b.era ? a : b;
    if (a.is_deleted() || b.is_deleted()) return a.is_deleted() ? b : a;
    Row joined{a.era, std::max(a.stamp, b.stamp), {}, a.cells_only && b.cells_only};
    for (const auto* cells : {&a.cells, &b.cells}) {
        for (const auto& [column, stamp] : *cells) {
            const auto larger = std::max(a.effective(column), b.effective(column));
            if (larger > joined.stamp) joined.cells.insert_or_assign(column, *larger);
        }
    }
    return joined;
}

inline bool covers(const watermarks::Vector& vector, const Stamp& stamp) {
    return vector.covers(stamp.origin, stamp.hlc);
}

/// What of a row a holder of the vector lacks: all of it, some cells, or nothing.
inline std::optional<Row> missing_from(const watermarks::Vector& vector, const Row& row) {
    if (!covers(vector, row.stamp ? *row.stamp : *row.era)) return row;
    Row part{row.era, std::nullopt, {}, true};
    for (const auto& [column, stamp] : row.cells) {
        if (!covers(vector, stamp)) part.cells.emplace(column, stamp);
    }
    return part.cells.empty() ? std::nullopt : std::optional(part);
}

/// One device: rows, a clock and a coverage, with a pull that may be cut off after any page.
class Device {
public:
    explicit Device(Origin self) : self_(self), clock_(Hlc{}) {}

    [[nodiscard]] const watermarks::Coverage& coverage() const { return coverage_; }
    [[nodiscard]] const std::map<std::string, Row>& rows() const { return rows_; }
    /// How often the cap on pieces lowered a watermark.
    [[nodiscard]] std::size_t joins() const { return joins_; }
    [[nodiscard]] bool is_alive(const std::string& key) const {
        return rows_.contains(key) && !rows_.at(key).is_deleted();
    }

    enum class Kind { put, set, remove };

    /// A local write. Only put may come to a key that is not alive.
    std::pair<Stamp, Row> write(const std::string& key, Kind kind, int column, WallMs wall) {
        const Stamp stamp{clock_.next(wall), self_};
        const auto era = rows_.contains(key) ? rows_.at(key).era : std::nullopt;
        Row change{era, stamp, {}, false};
        if (kind == Kind::set) change = {era, std::nullopt, {{column, stamp}}, true};
        if (kind == Kind::remove) change = {stamp, std::nullopt, {}, false};
        apply(key, change);
        coverage_.raise_all(self_, stamp.hlc);
        return {stamp, change};
    }

    /// Pulls what the plan says, page by page, until `pages` are used up. Returns how many rows came.
    std::size_t pull(const Device& peer, std::size_t pages, std::size_t page_rows) {
        std::size_t came = 0;
        for (const auto& wanted : lacking(coverage_, peer.coverage_, self_)) {
            for (const auto& held : peer.coverage_.pieces()) {
                auto rest = watermarks::intersect(wanted.range, held.range);
                while (rest && pages > 0) {
                    --pages;
                    came += take_page(peer, rest, wanted.vector, held.vector, page_rows);
                }
            }
        }
        if (coverage_.join_past(kPiecesMax, self_)) ++joins_;
        return came;
    }

    /// A live push: everything that the whole coverage of `to` lacks, at once.
    void push(Device& to) const {
        if (!coverage_.is_whole() || !to.coverage_.is_whole()) return;
        std::optional<watermarks::Range> all = watermarks::Range{};
        const auto base = to.coverage_.floor();
        while (all) to.take_page(*this, all, base, coverage_.floor(), rows_.size() + 1);
    }

private:
    /// Takes the next rows of `rest`, which shrinks to what follows the page.
    std::size_t take_page(const Device& peer, std::optional<watermarks::Range>& rest,
                          const watermarks::Vector& base, const watermarks::Vector& brought,
                          std::size_t page_rows);

    void apply(const std::string& key, const Row& change) {
        const auto found = rows_.find(key);
        rows_[key] = found == rows_.end() ? change : join(found->second, change);
        if (change.era) clock_.observe(change.era->hlc);
        if (change.stamp) clock_.observe(change.stamp->hlc);
        for (const auto& [column, stamp] : change.cells) clock_.observe(stamp.hlc);
    }

    Origin self_;
    hlc::Clock clock_;
    std::map<std::string, Row> rows_;
    watermarks::Coverage coverage_;
    std::size_t joins_ = 0;
};

inline std::size_t Device::take_page(const Device& peer, std::optional<watermarks::Range>& rest,
                                     const watermarks::Vector& base, const watermarks::Vector& brought,
                                     std::size_t page_rows) {
    watermarks::Range page = *rest;
    std::size_t came = 0;
    rest.reset();
    for (auto row = peer.rows_.lower_bound(page.low); row != peer.rows_.end(); ++row) {
        if (!page.contains(row->first)) break;
        const auto part = missing_from(base, row->second);
        if (!part) continue;
        if (came == page_rows) {
            rest = watermarks::Range{row->first, page.high};
            page.high = row->first;
            break;
        }
        apply(row->first, *part);
        ++came;
    }
    coverage_.raise(page, brought);
    return came;
}

}  // namespace strandline::backfill::toy
