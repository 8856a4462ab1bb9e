#include "backfill/share.h"

#include <algorithm>
#include <numeric>

namespace strandline::backfill {

void Pace::count(std::size_t bytes, std::size_t rows, std::int64_t ms) {
    constexpr double kRememberedMs = 4'000;
    if (ms_ > kRememberedMs) {
        bytes_ /= 2;
        rows_ /= 2;
        ms_ /= 2;
    }
    bytes_ += static_cast<double>(bytes);
    rows_ += static_cast<double>(rows);
    ms_ += static_cast<double>(std::max<std::int64_t>(0, ms));
}

std::optional<double> Pace::bytes_per_ms() const {
    if (bytes_ == 0) return std::nullopt;
    return bytes_ / std::max(1.0, ms_);
}

std::optional<double> Pace::bytes_per_row() const {
    if (rows_ == 0) return std::nullopt;
    return bytes_ / rows_;
}

std::vector<Slice> sliced(std::int64_t resource, const watermarks::Piece& piece,
                          const std::vector<std::string>& cuts, double rows) {
    std::vector<Slice> slices{{resource, piece, rows}};
    for (const std::string& cut : cuts) {
        if (cut <= piece.range.low || !piece.range.contains(cut)) continue;
        slices.back().piece.range.high = cut;
        slices.push_back({resource, {{cut, piece.range.high}, piece.vector}, rows});
    }
    return slices;
}

std::vector<std::size_t> taken_over(const std::vector<Slice>& slices, double rows_in_hand, double pace) {
    double rows_before = std::accumulate(slices.begin(), slices.end(), 0.0,
                                         [](double sum, const Slice& slice) { return sum + slice.rows; });
    const double fair = rows_before * pace / (1 + pace);
    double taken_rows = 0;
    std::vector<std::size_t> taken;
    for (std::size_t i = slices.size(); i-- > 0;) {
        rows_before -= slices[i].rows;
        if (!slices[i].is_held) continue;
        if (rows_before < rows_in_hand || taken_rows + slices[i].rows / 2 > fair) break;
        taken_rows += slices[i].rows;
        taken.push_back(i);
    }
    if (taken_rows < kTakenRowsMin) return {};
    std::ranges::reverse(taken);
    return taken;
}

}  // namespace strandline::backfill
