#include "backfill/progress.h"

#include <algorithm>
#include <cmath>

namespace strandline::backfill {

namespace {

// Rows may have come there since the total was told, so the last hundredth is given by finish() alone.
constexpr double kUnfinishedMax = 0.99;

/// A rate looks back so far: long enough to be calm, short enough that a change is seen.
constexpr std::int64_t kRateMs = 10'000;
constexpr std::int64_t kSampleMs = 500;

}  // namespace

Progress::Progress(std::uint64_t rows_done, std::uint64_t rows_total, SteadyMs now, const Before& before)
    : came_{now, 0, before.bytes_done}, rows_done_(rows_done), rows_total_(std::max(rows_total, rows_done)) {
    earlier_.push_back(came_);
    rows_left_then_ = rows_unknown();
    if (rows_total_ > 0) fraction_ = 1 - rows_left_then_ / static_cast<double>(rows_total_);
    fraction_ = fraction_then_ = std::min(std::max(fraction_, before.fraction), kUnfinishedMax);
    // What is to come is expected as it was.
    if (before.bytes_total <= before.bytes_done) return;
    rows_lately_ = rows_left_then_;
    bytes_lately_ = static_cast<double>(before.bytes_total - before.bytes_done);
}

void Progress::add(std::uint64_t rows, std::uint64_t bytes, SteadyMs now) {
    rows_done_ += rows;
    rows_total_ = std::max(rows_total_, rows_done_);
    came_ = {now, came_.rows + rows, came_.bytes + bytes};
    if (now.value - earlier_.back().at.value >= kSampleMs) earlier_.push_back(came_);
    while (earlier_.size() > 2 && now.value - earlier_[1].at.value >= kRateMs) earlier_.pop_front();
    // A row's parts came before it: so all of it is there when it is counted for less.
    const double to_come = std::max(1.0, rows_unknown());
    const double kept = to_come / (to_come + static_cast<double>(rows));
    rows_lately_ = kept * (rows_lately_ + static_cast<double>(rows));
    bytes_lately_ = kept * (bytes_lately_ + static_cast<double>(bytes));
    update(bytes);
}

void Progress::finish() {
    rows_total_ = rows_done_;
    awaited_ = {};
    fraction_ = 1;
}

void Progress::update(std::uint64_t bytes) {
    double rows_left = rows_unknown();
    if (awaited_.bytes > 0) rows_left += static_cast<double>(awaited_.bytes) / bytes_per_row();
    const double reached =
        rows_left_then_ > 0 ? 1 - (1 - fraction_then_) * rows_left / rows_left_then_ : fraction_then_;
    if (reached >= fraction_) {
        fraction_ = std::min(reached, kUnfinishedMax);
    } else if (bytes > 0) {
        // Large values were told of late: what is left of the bar is theirs, and all that is to come beside them.
        const auto left = static_cast<double>(bytes_total() - came_.bytes + bytes);
        fraction_ += (kUnfinishedMax - fraction_) * static_cast<double>(bytes) / left;
    }
}

double Progress::rows_unknown() const {
    return static_cast<double>(rows_total_ - std::min(rows_total_, rows_done_ + awaited_.rows));
}

double Progress::bytes_per_row() const {
    const double rows = rows_lately_ + static_cast<double>(awaited_.rows);
    return rows > 0 ? (bytes_lately_ + static_cast<double>(awaited_.bytes)) / rows : 0;
}

std::uint64_t Progress::bytes_total() const {
    return came_.bytes + awaited_.bytes +
           static_cast<std::uint64_t>(std::llround(bytes_per_row() * rows_unknown()));
}

Progress::Rate Progress::rate() const {
    const Came& since = earlier_.front();
    const auto seconds = static_cast<double>(came_.at.value - since.at.value) / 1'000;
    if (seconds <= 0) return {};
    return {static_cast<double>(came_.rows - since.rows) / seconds,
            static_cast<double>(came_.bytes - since.bytes) / seconds};
}

std::optional<std::int64_t> Progress::seconds_left() const {
    // While large values come rows do not.
    const bool is_by_bytes = awaited_.rows > 0;
    const double per_second = is_by_bytes ? rate().bytes_per_second : rate().rows_per_second;
    if (per_second <= 0) return std::nullopt;
    const std::uint64_t left = is_by_bytes ? bytes_total() - came_.bytes : rows_total_ - rows_done_;
    return static_cast<std::int64_t>(std::ceil(static_cast<double>(left) / per_second));
}

}  // namespace strandline::backfill
