#include "hlc/bytes.h"

#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include <catch2/catch.hpp>

using namespace strandline;
using namespace strandline::hlc;

TEST_CASE("a reading is eight bytes, the most significant first") {
    CHECK(to_bytes(Hlc{0x0102030405060708}) == "\x01\x02\x03\x04\x05\x06\x07\x08");
    CHECK(to_bytes(Hlc{}) == std::string(8, '\0'));
    CHECK(to_bytes(Hlc{std::numeric_limits<std::int64_t>::max()}) == "\x7f\xff\xff\xff\xff\xff\xff\xff");
}

TEST_CASE("bytes sort as the readings do, and come back exactly") {
    std::mt19937_64 random(3);
    Hlc before;
    for (int i = 0; i < 10'000; ++i) {
        const Hlc reading{static_cast<std::int64_t>(random() >> 1)};
        REQUIRE(from_bytes(to_bytes(reading)) == reading);
        REQUIRE((to_bytes(before) < to_bytes(reading)) == (before < reading));
        before = reading;
    }
}

TEST_CASE("bytes that are no reading are an error that says why") {
    for (const auto& bytes : {std::string(), std::string(7, '\1'), std::string(9, '\1')}) {
        const auto result = from_bytes(bytes);
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error().category == Category::protocol);
        CHECK_THAT(result.error().message, Catch::Contains("these are " + std::to_string(bytes.size())));
    }
    const auto negative = from_bytes("\x80" + std::string(7, '\0'));
    REQUIRE_FALSE(negative.has_value());
    CHECK_THAT(negative.error().message, Catch::Contains("never negative"));
}
