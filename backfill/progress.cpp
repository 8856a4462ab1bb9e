#include "backfill/progress.h"

#include <algorithm>

namespace strandline::backfill {

namespace {

// Rows may have come there since the total was told, so the last hundredth is given by finish() alone.
constexpr double kUnfinishedMax = 0.99;

}  // namespace

Progress::Progress(std::uint64_t rows_done, std::uint64_t rows_total)
    : rows_done_(rows_done), rows_total_(rows_total) {
    update();
}

void Progress::add(std::uint64_t rows) {
    rows_done_ += rows;
    update();
}

void Progress::expect(std::uint64_t rows_total) {
    rows_total_ = rows_total;
    update();
}

void Progress::finish() {
    rows_total_ = rows_done_;
    fraction_ = 1;
}

void Progress::update() {
    rows_total_ = std::max(rows_total_, rows_done_);
    if (rows_total_ == 0) return;
    const double reached = static_cast<double>(rows_done_) / static_cast<double>(rows_total_);
    fraction_ = std::max(fraction_, std::min(reached, kUnfinishedMax));
}

}  // namespace strandline::backfill
