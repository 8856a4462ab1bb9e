#include "backfill/progress.h"

#include <cstdint>
#include <random>

#include <catch2/catch.hpp>

using namespace strandline;
using namespace strandline::backfill;

TEST_CASE("progress says what part of the rows has come") {
    Progress progress(0, 200);
    CHECK(progress.fraction() == 0.0);
    progress.add(50);
    CHECK(progress.rows_done() == 50);
    CHECK(progress.rows_total() == 200);
    CHECK(progress.fraction() == 0.25);
}

TEST_CASE("a resumed backfill begins with the rows that came before") {
    CHECK(Progress(150, 200).fraction() == 0.75);
}

TEST_CASE("a total that grows does not take progress back, and one that shrinks is not passed") {
    Progress progress(100, 200);
    progress.expect(1'000);
    CHECK(progress.rows_total() == 1'000);
    CHECK(progress.fraction() == 0.5);
    progress.add(500);
    CHECK(progress.fraction() == 0.6);
    progress.expect(300);
    CHECK(progress.rows_total() == 600);
}

TEST_CASE("progress is whole only when the backfill is finished") {
    Progress progress(0, 200);
    progress.add(200);
    CHECK(progress.fraction() < 1.0);
    progress.finish();
    CHECK(progress.fraction() == 1.0);
}

TEST_CASE("rows that were deleted meanwhile are missing from the total in the end") {
    Progress progress(90, 200);
    progress.finish();
    CHECK(progress.rows_total() == 90);
    CHECK(progress.fraction() == 1.0);
}

TEST_CASE("an empty table is nothing done until it is finished") {
    Progress progress(0, 0);
    CHECK(progress.fraction() == 0.0);
    progress.finish();
    CHECK(progress.fraction() == 1.0);
}

TEST_CASE("progress never goes back and never passes the whole, whatever a peer says") {
    std::mt19937_64 random(6);
    for (int round = 0; round < 500; ++round) {
        Progress progress(random() % 100, random() % 100);
        for (int step = 0; step < 30; ++step) {
            const double fraction = progress.fraction();
            const std::uint64_t done = progress.rows_done();
            if (random() % 2 == 0) {
                progress.add(random() % 50);
            } else {
                progress.expect(random() % 1'000);
            }
            REQUIRE(progress.fraction() >= fraction);
            REQUIRE(progress.fraction() < 1.0);
            REQUIRE(progress.rows_done() >= done);
            REQUIRE(progress.rows_done() <= progress.rows_total());
        }
    }
}
