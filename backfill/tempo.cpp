#include "backfill/tempo.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace strandline::backfill {

namespace {

/// How long a step may hold the write lock when nobody was seen to need it: what a person does not notice.
constexpr double kStepMsAlone = 50;
/// When somebody does: who finds the lock taken sleeps 1, 2, 5, 10 ms (SQLite's busy handler), so that a lock which is free
/// again after this is met free after 8 ms at most. Much of it goes into what any transaction costs, so less would make a
/// backfill many times as long.
constexpr double kStepMsBeside = 5;
/// The rest after such a step, in its own time: two of three find the lock free at once.
constexpr std::int64_t kRestShare = 2;
/// An app that wrote is taken to write again for so long.
constexpr std::int64_t kWriterMs = 1'000;

/// The least of a step: what any transaction costs is no more than half of it. Else, where that alone is all the time there is, a
/// backfill would end in steps of nothing, and the app would not wait less.
constexpr std::size_t kStepBytesMin = 64 * 1024;
/// Smaller ones tell nothing about larger ones.
constexpr std::size_t kTellingBytesMin = 16 * 1024;
/// Under a limit there are so many steps a second, which is smooth enough for people and links.
constexpr std::int64_t kStepsPerSecond = 10;
/// What a step counts when the next one is measured.
constexpr double kMemory = 0.75;

}  // namespace

void Tempo::is_now(SteadyMs now) {
    if (!step_) return;
    const std::int64_t took_ms = now.value - step_->began.value;
    if (step_->bytes >= kTellingBytesMin) {
        bytes_ = kMemory * bytes_ + static_cast<double>(step_->bytes);
        took_ms_ = kMemory * took_ms_ + static_cast<double>(took_ms);
    }
    if (has_writer(now)) rests_until_ = SteadyMs{now.value + kRestShare * took_ms};
    step_.reset();
}

bool Tempo::has_writer(SteadyMs now) const {
    return writer_at_ && now.value < writer_at_->value + kWriterMs;
}

SteadyMs Tempo::next_at() const {
    return std::max(rests_until_, SteadyMs{static_cast<std::int64_t>(std::ceil(paid_until_ms_))});
}

Tempo::Amount Tempo::step(SteadyMs now) const {
    Amount most{std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max()};
    const bool is_beside = has_writer(now);
    if (took_ms_ > 0) {
        const double ms = is_beside ? kStepMsBeside : kStepMsAlone;
        most.bytes = std::max(kStepBytesMin, static_cast<std::size_t>(bytes_ / took_ms_ * ms));
    } else if (is_beside) {
        most.bytes = kStepBytesMin;  // Nothing is known yet, so it begins with little.
    }
    const auto limit = [](std::size_t& amount, std::optional<std::int64_t> per_second) {
        if (per_second) amount = std::min(amount, static_cast<std::size_t>(*per_second / kStepsPerSecond));
    };
    limit(most.bytes, limits_.bytes_per_second);
    limit(most.rows, limits_.rows_per_second);
    return most;
}

void Tempo::stepped(const Amount& applied, SteadyMs now, bool is_limited) {
    if (!step_) step_ = Step{now, 0};
    step_->bytes += applied.bytes;
    if (!is_limited) return;
    const double began_ms = std::max(paid_until_ms_, static_cast<double>(now.value));
    const auto pay = [&](std::size_t amount, std::optional<std::int64_t> per_second) {
        if (!per_second) return;
        const double ms = 1'000 * static_cast<double>(amount) / static_cast<double>(*per_second);
        paid_until_ms_ = std::max(paid_until_ms_, began_ms + ms);
    };
    pay(applied.bytes, limits_.bytes_per_second);
    pay(applied.rows, limits_.rows_per_second);
}

}  // namespace strandline::backfill
