#include "backfill/plan.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace strandline::backfill {

using watermarks::Coverage;
using watermarks::Piece;

namespace {

/// Whether the first of two pieces that run to the end of a range ends there before, or with, the second.
bool ends_first(const watermarks::Range& a, const watermarks::Range& b) {
    return a.high && (!b.high || *a.high <= *b.high);
}

void add(std::vector<Piece>& pieces, watermarks::Range range, const watermarks::Vector& vector) {
    if (!pieces.empty() && pieces.back().range.high == range.low && pieces.back().vector == vector) {
        pieces.back().range.high = std::move(range.high);
    } else {
        pieces.push_back({std::move(range), vector});
    }
}

}  // namespace

std::vector<Piece> lacking(const Coverage& mine, const Coverage& theirs, Origin self) {
    std::vector<Piece> fetched;
    std::vector<Piece> unfetched;
    // Both lists run from the first key to the end, so walking them side by side meets every overlap once.
    auto ours = mine.pieces().begin();
    auto peers = theirs.pieces().begin();
    while (ours != mine.pieces().end() && peers != theirs.pieces().end()) {
        if (!ours->vector.dominates(peers->vector)) {
            auto range = watermarks::intersect(ours->range, peers->range);
            auto& pieces = watermarks::is_unfetched(ours->vector, self) ? unfetched : fetched;
            if (range) add(pieces, std::move(*range), ours->vector);
        }
        (ends_first(ours->range, peers->range) ? ours : peers)++;
    }
    fetched.insert(fetched.end(), std::make_move_iterator(unfetched.begin()),
                   std::make_move_iterator(unfetched.end()));
    return fetched;
}

bool has_more(const Coverage& theirs, const Piece& mine) {
    return std::ranges::all_of(theirs.pieces(), [&](const Piece& piece) {
        return !intersect(piece.range, mine.range) || !mine.vector.dominates(piece.vector);
    });
}

std::vector<Piece> without(const std::vector<Piece>& pieces, const std::vector<watermarks::Range>& ranges) {
    std::vector<Piece> left = pieces;
    for (const watermarks::Range& range : ranges) {
        std::vector<Piece> outside;
        for (Piece& piece : left) {
            if (!intersect(piece.range, range)) {
                outside.push_back(std::move(piece));
                continue;
            }
            if (piece.range.low < range.low) outside.push_back({{piece.range.low, range.low}, piece.vector});
            if (range.high && (!piece.range.high || *range.high < *piece.range.high))
                outside.push_back({{*range.high, piece.range.high}, piece.vector});
        }
        left = std::move(outside);
    }
    return left;
}

namespace {

/// Tarjan, Depth-first search and linear graph algorithms (1972): a circle is complete, and so told, once all that
/// its members refer to has been told.
class ParentsFirst {
public:
    explicit ParentsFirst(const std::vector<std::vector<std::size_t>>& parents)
        : parents_(parents), met_(parents.size()), lowest_(parents.size()), is_open_(parents.size()) {}

    std::vector<std::size_t> order() {
        for (std::size_t i = 0; i < parents_.size(); ++i) {
            if (met_[i] == 0) visit(i);
        }
        return std::move(order_);
    }

private:
    void visit(std::size_t child) {
        met_[child] = lowest_[child] = ++count_;
        open_.push_back(child);
        is_open_[child] = true;
        for (const std::size_t parent : parents_[child]) {
            if (met_[parent] == 0) visit(parent);
            if (is_open_[parent]) lowest_[child] = std::min(lowest_[child], lowest_[parent]);
        }
        if (lowest_[child] != met_[child]) return;
        const auto circle = std::find(open_.begin(), open_.end(), child);
        std::sort(circle, open_.end());
        for (auto member = circle; member != open_.end(); ++member) is_open_[*member] = false;
        order_.insert(order_.end(), circle, open_.end());
        open_.erase(circle, open_.end());
    }

    const std::vector<std::vector<std::size_t>>& parents_;
    std::vector<std::size_t> met_;     // From 1 on, in the order of the search; 0: not yet.
    std::vector<std::size_t> lowest_;  // The first met that it reaches.
    std::vector<bool> is_open_;        // It may be of a circle that is not complete.
    std::vector<std::size_t> open_;
    std::vector<std::size_t> order_;
    std::size_t count_ = 0;
};

}  // namespace

std::vector<std::size_t> parents_first(const std::vector<std::vector<std::size_t>>& parents) {
    return ParentsFirst(parents).order();
}

Way choose(std::uint64_t changed_keys, std::uint64_t rows) {
    return changed_keys <= kIndexKeysMax && changed_keys <= rows / kScanShare ? Way::index : Way::scan;
}

}  // namespace strandline::backfill
