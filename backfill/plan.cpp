#include "backfill/plan.h"

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

Way choose(std::uint64_t changed_keys, std::uint64_t rows) {
    return changed_keys <= kIndexKeysMax && changed_keys <= rows / kScanShare ? Way::index : Way::scan;
}

}  // namespace strandline::backfill
