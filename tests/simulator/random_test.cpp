#include "simulator/random.h"

#include <catch2/catch.hpp>

using namespace strandline;
using namespace strandline::simulator;
namespace {

TEST_CASE("a seed is one stream, on every machine") {
    Random random(1);
    // SplitMix64 as its paper has it: state 1, first output.
    CHECK(random.next() == 0x910A2DEC89025CC1U);
    CHECK(Random(2).next() != Random(3).next());
}

TEST_CASE("a fork depends on its name and the seed, and not on what was drawn before") {
    Random random(7);
    const std::uint64_t first = random.fork("disk").next();
    random.next();
    CHECK(random.fork("disk").next() == first);
    CHECK(random.fork("network").next() != first);
    CHECK(random.fork("disk", 1).next() != first);
    CHECK(Random(8).fork("disk").next() != first);
}

TEST_CASE("both ends of a range are drawn, and nothing beyond") {
    Random random(3);
    bool low = false;
    bool high = false;
    for (int i = 0; i < 1'000; ++i) {
        const std::int64_t drawn = random.between(-2, 2);
        REQUIRE(drawn >= -2);
        REQUIRE(drawn <= 2);
        low = low || drawn == -2;
        high = high || drawn == 2;
    }
    CHECK(low);
    CHECK(high);
}

}  // namespace
