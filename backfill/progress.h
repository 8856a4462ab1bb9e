#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include <strandline/time.h>

namespace strandline::backfill {

/// How far a backfill is, for people. The total is what a peer said as it began: rows come and go there while we read.
///
/// Large values count by their bytes, part by part, and before their rows do. What rows that nobody has told of yet will
/// have is expected by those that came last: tables differ.
///
/// Invariant: rows_done() never falls and never passes rows_total(), which grows with it; fraction() never falls, and
///            is 1 only after finish().
/// Pure: time is handed in. A rate is that of the last ten seconds.
class Progress {
public:
    /// What bytes_done(), bytes_total() and fraction() said of a backfill that goes on.
    struct Before {
        std::uint64_t bytes_done;
        std::uint64_t bytes_total;
        double fraction;
    };
    /// `rows_done` were there before (a resumed backfill); `rows_total` is what the peer says it has.
    Progress(std::uint64_t rows_done, std::uint64_t rows_total, SteadyMs now,
             const Before& before = {0, 0, 0});

    /// Rows that were told of without their large values, and how many bytes of those are still to come.
    struct Awaited {
        std::uint64_t rows = 0;
        std::uint64_t bytes = 0;
    };
    /// As it is now, with all that is added next.
    void await(const Awaited& awaited) { awaited_ = awaited; }
    /// A page brought that many rows of a range that was not fetched before, and bytes of keys and values; or part of a
    /// large value came, and no row.
    void add(std::uint64_t rows, std::uint64_t bytes, SteadyMs now);
    /// Every range is fetched: what has come is the total.
    void finish();

    [[nodiscard]] std::uint64_t rows_done() const { return rows_done_; }
    [[nodiscard]] std::uint64_t rows_total() const { return rows_total_; }
    /// 0 to 1.
    [[nodiscard]] double fraction() const { return fraction_; }
    /// Of what came in this backfill; what was there before it is not counted.
    [[nodiscard]] std::uint64_t bytes_done() const { return came_.bytes; }
    /// With what is awaited, and as much as the rows beside that will have, by those that came.
    [[nodiscard]] std::uint64_t bytes_total() const;

    struct Rate {
        double rows_per_second = 0;
        double bytes_per_second = 0;
    };
    [[nodiscard]] Rate rate() const;
    /// At that rate; empty: nobody knows yet.
    [[nodiscard]] std::optional<std::int64_t> seconds_left() const;

private:
    void update(std::uint64_t bytes);
    /// Of which nobody has told yet.
    [[nodiscard]] double rows_unknown() const;
    [[nodiscard]] double bytes_per_row() const;

    struct Came {
        SteadyMs at;
        std::uint64_t rows = 0;
        std::uint64_t bytes = 0;
    };
    Came came_;                 ///< until now, in this backfill; of one that goes on, rows since then
    std::deque<Came> earlier_;  ///< what came_ was, twice a second, oldest first
    Awaited awaited_;
    // The more rows came since, and the fewer are to come, the less a row counts in these.
    double rows_lately_ = 0;
    double bytes_lately_ = 0;
    std::uint64_t rows_done_;
    std::uint64_t rows_total_;
    double fraction_ = 0;
    // When it began, or went on.
    double fraction_then_ = 0;
    double rows_left_then_ = 0;
};

}  // namespace strandline::backfill
