#include "simulator/schedule.h"

#include <string>

#include <catch2/catch.hpp>

#include "simulator/check.h"
#include "simulator/clock.h"

using namespace strandline;
using namespace strandline::simulator;
namespace {

TEST_CASE("things happen in order of time, and what is due at one moment as it was planned") {
    Schedule schedule;
    std::string order;
    schedule.after(20, [&] { order += 'c'; });
    schedule.after(10, [&] {
        order += 'a';
        schedule.after(0, [&] { order += 'x'; });
    });
    schedule.after(10, [&] { order += 'b'; });
    while (schedule.run_next({15})) {
    }
    CHECK(order == "abx");
    CHECK(schedule.now() == Moment{15});
    while (schedule.run_next({30})) {
    }
    CHECK(order == "abxc");
    CHECK(schedule.now() == Moment{30});
}

TEST_CASE("nothing can be planned for the past") {
    Schedule schedule;
    CHECK_THROWS_AS(schedule.after(-1, [] {}), WorldBroken);
}

TEST_CASE("a wall clock goes wrong in every way, and the monotonic one in none") {
    Schedule schedule;
    Clock clock(schedule);
    const auto pass = [&](std::int64_t us) {
        while (schedule.run_next(after(schedule.now(), us))) {
        }
    };
    CHECK(clock.wall() == WallMs{Clock::kBeginMs});
    pass(kUsPerSecond);
    CHECK(clock.wall() == WallMs{Clock::kBeginMs + 1'000});
    clock.step(-5'000);
    CHECK(clock.wall() == WallMs{Clock::kBeginMs - 4'000});
    CHECK(clock.latest() == WallMs{Clock::kBeginMs + 1'000});
    clock.freeze();
    pass(kUsPerSecond);
    CHECK(clock.wall() == WallMs{Clock::kBeginMs - 4'000});
    clock.run();
    clock.drift(100'000);
    pass(10 * kUsPerSecond);
    CHECK(clock.wall() == WallMs{Clock::kBeginMs - 4'000 + 11'000});
    CHECK(clock.steady() == SteadyMs{12'000});
    clock.step(-3'000'000'000'000);
    CHECK(clock.wall() == WallMs{0});
}

}  // namespace
