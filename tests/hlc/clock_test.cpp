#include "hlc/clock.h"

#include <cstdint>
#include <limits>
#include <random>

#include <catch2/catch.hpp>

#include "tests/stops.h"

using namespace strandline;
using namespace strandline::hlc;

namespace {

constexpr WallMs kNoon{1'795'262'400'000};  // 2026-11-21T12:00:00Z

Hlc at(WallMs wall, std::int64_t counter = 0) {
    return {wall.value * 65536 + counter};
}
WallMs later(WallMs wall, std::int64_t milliseconds) {
    return {wall.value + milliseconds};
}

}  // namespace

TEST_CASE("a clock follows the wall clock while that goes on") {
    Clock clock(Hlc{});
    CHECK(clock.next(kNoon) == at(kNoon));
    CHECK(clock.next(later(kNoon, 1)) == at(later(kNoon, 1)));
    CHECK(clock.last() == at(later(kNoon, 1)));
}

TEST_CASE("a clock counts within one millisecond, and past it when the counter is used up") {
    Clock clock(Hlc{});
    (void)clock.next(kNoon);
    CHECK(clock.next(kNoon) == at(kNoon, 1));
    clock.observe(at(kNoon, 65535));
    CHECK(clock.next(kNoon) == at(later(kNoon, 1)));
}

TEST_CASE("a clock never repeats or goes back, even when the wall clock does") {
    std::mt19937_64 random(1);
    Clock clock(Hlc{});
    WallMs wall = kNoon;
    for (int i = 0; i < 10'000; ++i) {
        wall.value += static_cast<std::int64_t>(random() % 2001) - 1000;
        const Hlc before = clock.last();
        const Hlc stamp = clock.next(wall);
        REQUIRE(stamp > before);
        REQUIRE(stamp >= at(wall));
        REQUIRE(clock.last() == stamp);
    }
}

TEST_CASE("a clock goes on after a restart from the reading that was persisted") {
    Clock before(Hlc{});
    const Hlc last = before.next(kNoon);
    Clock after(last);
    CHECK(after.next(later(kNoon, -60'000)) == Hlc{last.value + 1});
}

TEST_CASE("a write made after reading a foreign one has the larger stamp") {
    Clock clock(at(kNoon));
    const Hlc foreign = at(later(kNoon, 1000), 7);
    clock.observe(foreign);
    CHECK(clock.next(kNoon) == Hlc{foreign.value + 1});
}

TEST_CASE("an older reading from elsewhere does not put a clock back") {
    Clock clock(at(kNoon));
    clock.observe(at(later(kNoon, -1)));
    CHECK(clock.last() == at(kNoon));
}

TEST_CASE("a broken wall clock is clamped, and stamps stay positive") {
    Clock early(Hlc{});
    CHECK(early.next(WallMs{-1}) == Hlc{1});
    CHECK(early.next(WallMs{std::numeric_limits<std::int64_t>::min()}) == Hlc{2});
    Clock late(Hlc{});
    CHECK(late.next(WallMs{std::numeric_limits<std::int64_t>::max()}) == at({kMillisecondsMax}));
    CHECK(late.next(WallMs{kMillisecondsMax + 1}) == at({kMillisecondsMax}, 1));
}

TEST_CASE("a clock at its end stops the program instead of repeating a stamp") {
    const auto words = tests::last_words_of([] {
        Clock clock(Hlc{std::numeric_limits<std::int64_t>::max()});
        (void)clock.next(kNoon);
    });
    CHECK_THAT(words, Catch::Contains("the clock has reached its end"));
}

TEST_CASE("the wall clock of a reading is its milliseconds alone") {
    CHECK(wall_of(at(kNoon, 65535)) == kNoon);
    CHECK(wall_of(Hlc{}) == WallMs{});
    CHECK(wall_of(Hlc{std::numeric_limits<std::int64_t>::max()}) == WallMs{kMillisecondsMax});
    CHECK(wall_of(Hlc{-1}) == WallMs{});
}

TEST_CASE("a reading is ahead only past the drift bound") {
    const Hlc at_the_bound = at(later(kNoon, kDriftMs), 65535);
    const Hlc past_the_bound = at(later(kNoon, kDriftMs + 1));
    CHECK_FALSE(is_ahead(at_the_bound, kNoon, Hlc{}, kDriftMs));
    CHECK(is_ahead(past_the_bound, kNoon, Hlc{}, kDriftMs));
    CHECK_FALSE(is_ahead(past_the_bound, later(kNoon, 1), Hlc{}, kDriftMs));
}

TEST_CASE("a device that boots in 1970 still takes what its own last reading has seen") {
    CHECK_FALSE(is_ahead(at(later(kNoon, 1000)), WallMs{}, at(kNoon), kDriftMs));
    CHECK(is_ahead(at(later(kNoon, 1000)), WallMs{}, Hlc{}, kDriftMs));
}

TEST_CASE("a broken wall clock lets nothing overflow the drift bound") {
    const Hlc newest{std::numeric_limits<std::int64_t>::max()};
    CHECK(is_ahead(newest, WallMs{std::numeric_limits<std::int64_t>::min()}, Hlc{}, kDriftMs));
    CHECK_FALSE(is_ahead(newest, WallMs{std::numeric_limits<std::int64_t>::max()}, Hlc{}, kDriftMs));
    CHECK(is_ahead(at({10}), WallMs{-1000}, Hlc{}, 9));
}
