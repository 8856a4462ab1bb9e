#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include <strandline/time.h>

namespace strandline::backfill {

/// How far a backfill is, for people. The total is what a peer said as it began: rows come and go there while we read.
///
/// Invariant: rows_done() never falls and never passes rows_total(), which grows with it; fraction() never falls, and
///            is 1 only after finish().
/// Pure: time is handed in. A rate is that of the last ten seconds.
class Progress {
public:
    /// What bytes_done() and bytes_total() said of a backfill that goes on.
    struct Bytes {
        std::uint64_t done;
        std::uint64_t total;
    };
    /// `rows_done` were there before (a resumed backfill); `rows_total` is what the peer says it has.
    Progress(std::uint64_t rows_done, std::uint64_t rows_total, SteadyMs now, const Bytes& bytes = {0, 0});

    /// A page brought that many rows of a range that was not fetched before, and bytes of keys and values.
    void add(std::uint64_t rows, std::uint64_t bytes, SteadyMs now);
    /// Every range is fetched: what has come is the total.
    void finish();

    [[nodiscard]] std::uint64_t rows_done() const { return rows_done_; }
    [[nodiscard]] std::uint64_t rows_total() const { return rows_total_; }
    /// 0 to 1.
    [[nodiscard]] double fraction() const { return fraction_; }
    /// Of rows that came in this backfill; those that were there before it are not counted.
    [[nodiscard]] std::uint64_t bytes_done() const { return came_.bytes; }
    /// As much again as the rows that are still to come will have, by those that came.
    [[nodiscard]] std::uint64_t bytes_total() const;

    struct Rate {
        double rows_per_second = 0;
        double bytes_per_second = 0;
    };
    [[nodiscard]] Rate rate() const;
    /// At that rate; empty: nobody knows yet.
    [[nodiscard]] std::optional<std::int64_t> seconds_left() const;

private:
    void update();

    struct Came {
        SteadyMs at;
        std::uint64_t rows = 0;
        std::uint64_t bytes = 0;
    };
    Came came_;  ///< until now, in this backfill; rows by the bytes that they had, when it goes on
    std::deque<Came> earlier_;  ///< what came_ was, twice a second, oldest first
    std::uint64_t rows_done_;
    std::uint64_t rows_total_;
    double fraction_ = 0;
};

}  // namespace strandline::backfill
