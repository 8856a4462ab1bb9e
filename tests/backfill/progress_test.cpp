#include "backfill/progress.h"

#include <algorithm>
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
            const std::uint64_t bytes = progress.bytes_done();
            if (random() % 2 == 0) progress.await({random() % 20, random() % 1'000'000});
            progress.add(random() % 50, random() % 3 * 1'000, kStart);
            REQUIRE(progress.fraction() >= fraction);
            REQUIRE(progress.fraction() < 1.0);
            REQUIRE(progress.bytes_done() >= bytes);
            REQUIRE(progress.bytes_done() <= progress.bytes_total());
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
                   {before.bytes_done(), before.bytes_total(), before.fraction()});
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

TEST_CASE("large values count part by part, and their rows add nothing to that") {
    Progress progress(0, 4, kStart);
    for (std::uint64_t row = 0; row < 4; ++row) {
        for (std::uint64_t left = 64'000; left > 0; left -= 1'000) {
            progress.await({1, left - 1'000});
            progress.add(0, 1'000, kStart);
            const std::uint64_t done = (row + 1) * 64'000 - left + 1'000;
            REQUIRE(progress.bytes_done() == done);
            REQUIRE(progress.bytes_total() == 256'000);
            REQUIRE(progress.fraction() ==
                    Approx(std::min(0.99, static_cast<double>(done) / 256'000)).margin(1e-9));
        }
        const double fraction = progress.fraction();
        progress.await({});
        progress.add(1, 0, kStart);
        CHECK(progress.fraction() == fraction);
        CHECK(progress.bytes_total() == 256'000);
    }
    CHECK(progress.rows_done() == 4);
}

TEST_CASE("large values that are told of behind many small rows move what is left, all the time") {
    Progress progress(0, 500, kStart);
    progress.add(400, 40'000, kStart);
    CHECK(progress.fraction() == 0.8);
    constexpr std::uint64_t kBytes = 10'000'000;
    for (std::uint64_t row = 0; row < 100; ++row) {
        const double fraction = progress.fraction();
        const std::uint64_t told = std::min<std::uint64_t>(16, 100 - row);
        progress.await({told, kBytes * told - kBytes / 2});
        progress.add(0, kBytes / 2, kStart);
        progress.await({told, kBytes * (told - 1)});
        progress.add(0, kBytes / 2, kStart);
        progress.await({told - 1, kBytes * (told - 1)});
        progress.add(1, 100, kStart);
        if (row < 90) CHECK(progress.fraction() > fraction);
        CHECK(progress.fraction() < fraction + 0.02);
        // What nobody has told of is soon expected to be as large.
        if (row > 60) CHECK(progress.bytes_total() > kBytes * 80);
    }
    CHECK(progress.fraction() <= 0.99);
    CHECK(progress.bytes_total() == progress.bytes_done());
}

TEST_CASE("rows of two sorts among each other are what they are by number") {
    Progress progress(0, 10'000, kStart);
    for (int i = 1; i <= 100; ++i) {
        progress.add(99, 9'900, kStart);
        progress.await({1, 1'000'000});
        progress.add(0, 0, kStart);
        progress.await({1, 0});
        progress.add(0, 1'000'000, kStart);
        progress.await({});
        progress.add(1, 100, kStart);
        CHECK(progress.fraction() == Approx(std::min(0.99, i / 100.0)).margin(0.02));
        CHECK(progress.bytes_total() == Approx(101'000'000).epsilon(0.1));
    }
}

TEST_CASE("while large values come, the time that is left is that of their bytes") {
    Progress progress(0, 1, kStart);
    std::int64_t now = kStart.value;
    for (std::uint64_t left = 100'000; left > 40'000; left -= 500) {
        progress.await({1, left - 500});
        progress.add(0, 500, {now += 100});
    }
    CHECK(progress.rate().rows_per_second == 0);
    CHECK(progress.rate().bytes_per_second == Approx(5'000));
    CHECK(progress.seconds_left() == 8);
    // All is here, and the row about to be written.
    progress.await({1, 0});
    progress.add(0, 40'000, {now += 100});
    CHECK(progress.seconds_left() == 0);
}

TEST_CASE("a backfill that goes on with a large value stands where it stood, and expects the rest of it") {
    Progress before(0, 4, kStart);
    before.await({1, 32'000});
    before.add(0, 32'000, kStart);
    REQUIRE(before.bytes_total() == 256'000);
    Progress after(0, 4, kStart, {before.bytes_done(), before.bytes_total(), before.fraction()});
    CHECK(after.fraction() == before.fraction());
    CHECK(after.bytes_total() == 256'000);
    after.await({4, 224'000});
    after.add(0, 0, kStart);
    CHECK(after.fraction() == before.fraction());
    CHECK(after.bytes_done() == 32'000);
    CHECK(after.bytes_total() == 256'000);
    after.await({4, 192'000});
    after.add(0, 32'000, kStart);
    CHECK(after.fraction() == Approx(0.25).margin(0.03));
}
