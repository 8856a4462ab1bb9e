#pragma once

#include <cstdint>

namespace strandline::backfill {

/// How far a backfill of one resource is, for people. The total is a peer's word and moves while we read:
/// rows come and go there, and another peer may go on with another count.
///
/// Invariant: rows_done() never falls and never passes rows_total(); fraction() never falls, and is 1
///            only after finish(). When the total grows, the fraction waits until the rows catch up.
class Progress {
public:
    /// `rows_done` were there before (a resumed backfill); `rows_total` is what the peer says it has.
    Progress(std::uint64_t rows_done, std::uint64_t rows_total);

    /// A page brought that many rows of a range that was not fetched before.
    void add(std::uint64_t rows);
    /// A newer word about the total.
    void expect(std::uint64_t rows_total);
    /// Every range is fetched: what has come is the total.
    void finish();

    [[nodiscard]] std::uint64_t rows_done() const { return rows_done_; }
    [[nodiscard]] std::uint64_t rows_total() const { return rows_total_; }
    /// 0 to 1.
    [[nodiscard]] double fraction() const { return fraction_; }

private:
    void update();

    std::uint64_t rows_done_;
    std::uint64_t rows_total_;
    double fraction_ = 0;
};

}  // namespace strandline::backfill
