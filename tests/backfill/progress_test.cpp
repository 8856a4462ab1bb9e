#include "backfill/progress.h"

#include <cstdint>
#include <random>

#include <catch2/catch.hpp>

using namespace strandline;
using namespace strandline::backfill;

namespace {

constexpr SteadyMs kStart{7'000};

}  // namespace

TEST_CASE("progress says what part of the rows has come") {
    Progress progress(0, 200, kStart);
    CHECK(progress.fraction() == 0.0);
    progress.add(50, 0, kStart);
    CHECK(progress.rows_done() == 50);
    CHECK(progress.rows_total() == 200);
    CHECK(progress.fraction() == 0.25);
}

TEST_CASE("a resumed backfill begins with the rows that came before") {
    CHECK(Progress(150, 200, kStart).fraction() == 0.75);
}

TEST_CASE("more rows than were told of raise the total, and are not the whole yet") {
    Progress progress(100, 200, kStart);
    progress.add(500, 0, kStart);
    CHECK(progress.rows_total() == 600);
    CHECK(progress.fraction() < 1.0);
}

TEST_CASE("progress is whole only when the backfill is finished") {
    Progress progress(0, 200, kStart);
    progress.add(200, 0, kStart);
    CHECK(progress.fraction() < 1.0);
    progress.finish();
    CHECK(progress.fraction() == 1.0);
}

TEST_CASE("rows that were deleted meanwhile are missing from the total in the end") {
    Progress progress(90, 200, kStart);
    progress.finish();
    CHECK(progress.rows_total() == 90);
    CHECK(progress.fraction() == 1.0);
}

TEST_CASE("an empty table is nothing done until it is finished") {
    Progress progress(0, 0, kStart);
    CHECK(progress.fraction() == 0.0);
    progress.finish();
    CHECK(progress.fraction() == 1.0);
}

TEST_CASE("progress never goes back and never passes the whole, whatever a peer says") {
    std::mt19937_64 random(6);
    for (int round = 0; round < 500; ++round) {
        Progress progress(random() % 100, random() % 100, kStart);
        for (int step = 0; step < 30; ++step) {
            const double fraction = progress.fraction();
            const std::uint64_t done = progress.rows_done();
            progress.add(random() % 50, 0, kStart);
            REQUIRE(progress.fraction() >= fraction);
            REQUIRE(progress.fraction() < 1.0);
            REQUIRE(progress.rows_done() >= done);
            REQUIRE(progress.rows_done() <= progress.rows_total());
        }
    }
}

TEST_CASE("a rate is that of the last seconds, and says how long the rest will take") {
    Progress progress(0, 100'000, kStart);
    CHECK(progress.rate().rows_per_second == 0);
    CHECK_FALSE(progress.seconds_left());
    std::int64_t now = kStart.value;
    const auto come = [&](int seconds, std::uint64_t rows_per_second) {
        for (int tenth = 0; tenth < 10 * seconds; ++tenth) {
            now += 100;
            progress.add(rows_per_second / 10, rows_per_second * 20, {now});
        }
    };
    come(1, 1'000);
    CHECK(progress.rate().rows_per_second == Approx(1'000));
    CHECK(progress.rate().bytes_per_second == Approx(200'000));
    CHECK(progress.seconds_left() == 99);
    come(20, 1'000);
    CHECK(progress.seconds_left() == 79);
    come(11, 4'000);
    CHECK(progress.rate().rows_per_second == Approx(4'000).epsilon(0.05));
    CHECK(progress.seconds_left() == 9);
}

TEST_CASE("a backfill that goes on has the bytes that it had, and expects as many as before") {
    Progress before(100, 1'000, kStart);
    before.add(300, 30'000, kStart);
    Progress after(before.rows_done(), before.rows_total(), kStart,
                   {before.bytes_done(), before.bytes_total()});
    CHECK(after.bytes_done() == 30'000);
    CHECK(after.bytes_total() == before.bytes_total());
    CHECK(after.rate().bytes_per_second == 0);
    after.add(100, 10'000, kStart);
    CHECK(after.bytes_done() == 40'000);
    CHECK(after.bytes_total() == 90'000);
}

TEST_CASE("bytes are expected as the rows that came have them") {
    Progress progress(500, 1'000, kStart);
    CHECK(progress.bytes_total() == 0);
    progress.add(100, 20'000, {kStart.value + 1});
    CHECK(progress.bytes_done() == 20'000);
    CHECK(progress.bytes_total() == 100'000);
    progress.finish();
    CHECK(progress.bytes_total() == progress.bytes_done());
    CHECK(progress.seconds_left() == 0);
}
