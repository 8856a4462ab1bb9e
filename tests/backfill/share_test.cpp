#include "backfill/share.h"

#include <random>

#include <catch2/catch.hpp>

using namespace strandline;
using namespace strandline::backfill;
using watermarks::Piece;

namespace {

std::vector<Slice> slices_of(std::size_t count, double rows) {
    std::vector<Slice> slices(count);
    for (Slice& slice : slices) {
        slice.rows = rows;
        slice.is_held = true;
    }
    return slices;
}

std::vector<std::size_t> last(std::size_t count, std::size_t of) {
    std::vector<std::size_t> indexes;
    for (std::size_t i = of - count; i < of; ++i) indexes.push_back(i);
    return indexes;
}

}  // namespace

TEST_CASE("a piece is cut at the keys inside it, and only there") {
    const Piece piece{{"d", "q"}, {}};
    const auto slices = sliced(7, piece, {"a", "d", "g", "m", "q", "x"}, 100);
    REQUIRE(slices.size() == 3);
    CHECK(slices[0].piece == Piece{{"d", "g"}, {}});
    CHECK(slices[1].piece == Piece{{"g", "m"}, {}});
    CHECK(slices[2].piece == Piece{{"m", "q"}, {}});
    for (const Slice& slice : slices) {
        CHECK(slice.resource == 7);
        CHECK(slice.rows == 100);
    }
    CHECK(sliced(7, piece, {}, 100).size() == 1);
    CHECK(sliced(7, {{"", std::nullopt}, {}}, {"g"}, 100).back().piece.range.high == std::nullopt);
}

TEST_CASE("who has nothing to do takes half of the rest, from its end") {
    CHECK(taken_over(slices_of(10, 1'000), 0, 1) == last(5, 10));
}

TEST_CASE("a slower taker takes less, a faster one more") {
    CHECK(taken_over(slices_of(12, 1'000), 0, 0.5) == last(4, 12));
    CHECK(taken_over(slices_of(12, 1'000), 0, 2) == last(8, 12));
    CHECK(taken_over(slices_of(12, 1'000), 0, 0.001).empty());
}

TEST_CASE("what is on its way already stays where it is") {
    CHECK(taken_over(slices_of(10, 1'000), 7'000, 1) == last(3, 10));
    CHECK(taken_over(slices_of(10, 1'000), 10'000, 1).empty());
}

TEST_CASE("what the taker does not hold stays where it is") {
    auto slices = slices_of(10, 1'000);
    slices[9].is_held = slices[7].is_held = false;
    CHECK(taken_over(slices, 0, 1) == std::vector<std::size_t>{3, 4, 5, 6, 8});
}

TEST_CASE("a few rows are not worth a round trip") {
    CHECK(taken_over(slices_of(10, 20), 0, 1).empty());
    CHECK(taken_over(slices_of(10, 100), 0, 1) == last(5, 10));
}

TEST_CASE("whoever takes over, nothing is asked of two, and the ends meet within a slice") {
    std::mt19937_64 random(3);
    for (int run = 0; run < 500; ++run) {
        std::vector<Slice> slices = slices_of(1 + random() % 60, 1'000);
        const double pace = 0.1 + static_cast<double>(random() % 40) / 10;
        const auto taken = taken_over(slices, 0, pace);
        const auto left = static_cast<double>(slices.size() - taken.size());
        const auto took = static_cast<double>(taken.size());
        // Times of both, in slices of the slower one's work.
        CHECK(std::abs(left - took / pace) <= 1 + 1 / pace);
        CHECK(std::ranges::is_sorted(taken));
    }
}

TEST_CASE("a pace is that of the last seconds of work") {
    Pace pace;
    CHECK_FALSE(pace.bytes_per_ms());
    CHECK_FALSE(pace.bytes_per_row());
    pace.count(10'000, 100, 10);
    CHECK(*pace.bytes_per_ms() == 1'000);
    CHECK(*pace.bytes_per_row() == 100);
    pace.count(10'000, 100, 0);
    CHECK(*pace.bytes_per_ms() == 2'000);
    for (int i = 0; i < 100; ++i) pace.count(1'000, 10, 500);
    CHECK(*pace.bytes_per_ms() < 5);
}
