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

Progress::Progress(std::uint64_t rows_done, std::uint64_t rows_total, SteadyMs now, const Bytes& bytes)
    : came_{now, 0, bytes.done}, rows_done_(rows_done), rows_total_(rows_total) {
    update();
    // So many rows as make bytes_total() what it was.
    if (bytes.total > bytes.done) {
        const double rows_per_byte =
            static_cast<double>(rows_total_ - rows_done_) / static_cast<double>(bytes.total - bytes.done);
        came_.rows = static_cast<std::uint64_t>(std::lround(rows_per_byte * static_cast<double>(bytes.done)));
    }
    earlier_.push_back(came_);
}

void Progress::add(std::uint64_t rows, std::uint64_t bytes, SteadyMs now) {
    rows_done_ += rows;
    came_ = {now, came_.rows + rows, came_.bytes + bytes};
    if (now.value - earlier_.back().at.value >= kSampleMs) earlier_.push_back(came_);
    while (earlier_.size() > 2 && now.value - earlier_[1].at.value >= kRateMs) earlier_.pop_front();
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

std::uint64_t Progress::bytes_total() const {
    if (came_.rows == 0) return came_.bytes;
    const double bytes_per_row = static_cast<double>(came_.bytes) / static_cast<double>(came_.rows);
    return came_.bytes +
           static_cast<std::uint64_t>(bytes_per_row * static_cast<double>(rows_total_ - rows_done_));
}

Progress::Rate Progress::rate() const {
    const Came& since = earlier_.front();
    const auto seconds = static_cast<double>(came_.at.value - since.at.value) / 1'000;
    if (seconds <= 0) return {};
    return {static_cast<double>(came_.rows - since.rows) / seconds,
            static_cast<double>(came_.bytes - since.bytes) / seconds};
}

std::optional<std::int64_t> Progress::seconds_left() const {
    const double rows_per_second = rate().rows_per_second;
    if (rows_per_second <= 0) return std::nullopt;
    return static_cast<std::int64_t>(
        std::ceil(static_cast<double>(rows_total_ - rows_done_) / rows_per_second));
}

}  // namespace strandline::backfill
