#include "hlc/text.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "hlc/clock.h"

using namespace strandline;
using namespace strandline::hlc;

namespace {

struct BadText {
    std::string text;
    std::string reason;
};

std::string reason_of(const Result<Hlc>& result) {
    return result ? "it was taken" : result.error().message;
}
std::string reason_of(const Result<WallMs>& result) {
    return result ? "it was taken" : result.error().message;
}

}  // namespace

TEST_CASE("a reading as text is RFC 3339 with milliseconds, and the counter in hex") {
    CHECK(to_text(Hlc{1'795'262'400'123 * 65536 + 4}) == "2026-11-21T12:00:00.123Z-0004");
    CHECK(to_text(Hlc{}) == "1970-01-01T00:00:00.000Z-0000");
    CHECK(to_text(Hlc{std::numeric_limits<std::int64_t>::max()}) == "6429-10-17T02:45:55.327Z-ffff");
    CHECK(to_text(Hlc{-5}) == "1970-01-01T00:00:00.000Z-0000");
}

TEST_CASE("wall clocks as text know leap years, and clamp what is out of range") {
    CHECK(to_rfc3339({951'782'400'000}) == "2000-02-29T00:00:00.000Z");
    CHECK(to_rfc3339({4'107'542'399'999}) == "2100-02-28T23:59:59.999Z");
    CHECK(to_rfc3339({4'107'542'400'000}) == "2100-03-01T00:00:00.000Z");
    CHECK(to_rfc3339({-1}) == "1970-01-01T00:00:00.000Z");
    CHECK(to_rfc3339({std::numeric_limits<std::int64_t>::max()}) == "6429-10-17T02:45:55.327Z");
}

TEST_CASE("texts sort exactly as the readings do, and parse back exactly") {
    std::mt19937_64 random(2);
    std::vector<Hlc> readings;
    for (int i = 0; i < 5'000; ++i) {
        const auto any = static_cast<std::int64_t>(random() >> 1);
        // Neighbours differ in the counter, then in the milliseconds, then in years.
        for (const std::int64_t step : {0, 1, 15, 65535, 65536, 999 * 65536}) {
            readings.push_back({std::min(any, std::numeric_limits<std::int64_t>::max() - step) + step});
        }
    }
    std::sort(readings.begin(), readings.end());
    std::string before;
    for (const Hlc reading : readings) {
        const std::string text = to_text(reading);
        REQUIRE(text.size() == 29);
        REQUIRE(before <= text);
        const auto back = from_text(text);
        REQUIRE(back.has_value());
        REQUIRE(*back == reading);
        before = text;
    }
}

TEST_CASE("times are read with seconds or with milliseconds") {
    CHECK(from_rfc3339("2026-11-21T12:00:00Z") == WallMs{1'795'262'400'000});
    CHECK(from_rfc3339("2026-11-21T12:00:00.123Z") == WallMs{1'795'262'400'123});
    CHECK(from_rfc3339("2000-02-29T23:59:59Z") == WallMs{951'868'799'000});
    CHECK(from_rfc3339("6429-10-17T02:45:55.327Z") == WallMs{kMillisecondsMax});
}

TEST_CASE("a bad time is an error that says why") {
    const std::vector<BadText> bad = {
        {"", "has 0"},
        {"yesterday", "'yesterday' is not a time"},
        {"2026-11-21", "it must have 20 characters"},
        {"2026-11-21T12:00:00", "has 19"},
        {"2026-11-21T12:00:00.12Z", "has 23"},
        {"2026-11-21T12:00:00.1234Z", "has 25"},
        {"2026-11-21T12:00:00+01:00", "has 25"},
        {"2026-11-21 12:00:00Z", "'T'"},
        {"2026-11-21t12:00:00Z", "'T'"},
        {"2026-11-21T12:00:00z", "'Z'"},
        {"2026-11-21T12:00:00.123+", "'Z'"},
        {"2026/11/21T12:00:00Z", "no such day"},
        {"2026-13-01T12:00:00Z", "no such day"},
        {"2026-00-01T12:00:00Z", "no such day"},
        {"2026-02-29T12:00:00Z", "no such day"},
        {"2100-02-29T12:00:00Z", "no such day"},
        {"2026-11-00T12:00:00Z", "no such day"},
        {"-026-11-21T12:00:00Z", "no such day"},
        {"2026-1a-21T12:00:00Z", "no such day"},
        {"2026-11-0aT12:00:00Z", "no such day"},
        {"2026-11-21T0a:00:00Z", "no such time of day"},
        {"2026-11-21T24:00:00Z", "no such time of day"},
        {"2026-11-21T12:60:00Z", "no such time of day"},
        {"2026-11-21T12:00:60Z", "no such time of day"},
        {"2026-11-21T 2:00:00Z", "no such time of day"},
        {"2026-11-21T12.00.00Z", "no such time of day"},
        {"2026-11-21T12:00:00,123Z", "milliseconds"},
        {"2026-11-21T12:00:00.1 3Z", "milliseconds"},
        {"1969-12-31T23:59:59Z", "from 1970 to 6429-10-17"},
        {"6429-10-17T02:45:55.328Z", "from 1970 to 6429-10-17"},
        {"9999-12-31T23:59:59Z", "from 1970 to 6429-10-17"},
    };
    for (const auto& [text, reason] : bad) {
        const auto result = from_rfc3339(text);
        CHECK_THAT(reason_of(result), Catch::Contains(reason) && Catch::Contains("Write it like 2026-11-21"));
        if (!result) CHECK(result.error().category == Category::usage);
    }
}

TEST_CASE("a bad reading is an error that says why") {
    const std::vector<BadText> bad = {
        {"", "has 0"},
        {"2026-11-21T12:00:00.123Z", "29 characters"},
        {"2026-11-21T12:00:00.123Z-004", "29 characters"},
        {"2026-11-21T12:00:00.123Z-00004", "29 characters"},
        {"2026-11-21T12:00:00.123Z+0004", "dash"},
        {"2026-11-21T12:00:00.123Z-00AF", "lower-case hex"},
        {"2026-11-21T12:00:00.123Z-0x04", "lower-case hex"},
        {"2026-02-30T12:00:00.123Z-0004", "no such day"},
        {"2026-11-21T12:00:00.123z-0004", "'Z'"},
        {"6429-10-17T02:45:55.328Z-0000", "from 1970"},
    };
    for (const auto& [text, reason] : bad) {
        CHECK_THAT(reason_of(from_text(text)),
                   Catch::Contains(reason) && Catch::Contains("Write it like 2026"));
    }
}

TEST_CASE("an error quotes only the beginning of a long text") {
    const std::string long_text(100'000, 'x');
    CHECK(reason_of(from_text(long_text)).size() < 300);
    CHECK(reason_of(from_rfc3339(long_text)).size() < 300);
}
