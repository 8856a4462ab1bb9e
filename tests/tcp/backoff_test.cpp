#include "net/tcp/backoff.h"

#include <cstdint>
#include <limits>

#include <catch2/catch.hpp>

#include "net/tcp/dialer.h"
#include "net/tcp/limits.h"

using strandline::DeviceId;
using strandline::SteadyMs;
using strandline::net::tcp::backoff_ms;
using strandline::net::tcp::Dialer;
using strandline::net::tcp::kBackoffBaseMs;
using strandline::net::tcp::kBackoffCapMs;
using strandline::net::tcp::kSessionProvenMs;

namespace {

/// The draw that waits longest under a ceiling.
std::uint64_t longest(std::int64_t ceiling) {
    return static_cast<std::uint64_t>(ceiling);
}

}  // namespace

TEST_CASE("the wait before dialling again doubles its ceiling from 200 ms up to 30 s and stays there") {
    const std::int64_t ceilings[] = {200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
    for (unsigned failures = 0; failures < std::size(ceilings); ++failures) {
        CAPTURE(failures);
        CHECK(backoff_ms(failures, longest(ceilings[failures])) == ceilings[failures]);
        CHECK(backoff_ms(failures, longest(ceilings[failures]) + 1) == 0);
    }
    CHECK(backoff_ms(std::numeric_limits<unsigned>::max(), longest(kBackoffCapMs)) == kBackoffCapMs);
}

TEST_CASE("jitter is full: from no wait at all to the ceiling, each as likely") {
    std::int64_t sum = 0;
    for (std::uint64_t random = 0; random <= longest(kBackoffBaseMs); ++random) {
        const auto wait = backoff_ms(0, random);
        CHECK(wait == static_cast<std::int64_t>(random));
        sum += wait;
    }
    CHECK(sum / (kBackoffBaseMs + 1) == kBackoffBaseMs / 2);
}

TEST_CASE("a dialer is due at once, not while it is busy, and later the more often it failed") {
    Dialer dialer({"peer", 7100});
    CHECK(dialer.due() == SteadyMs{0});
    dialer.started();
    CHECK(dialer.due() == std::nullopt);
    CHECK_FALSE(dialer.is_resting());
    dialer.ended(0, SteadyMs{1000}, 200);
    CHECK(dialer.due() == SteadyMs{1200});
    dialer.started();
    dialer.ended(0, SteadyMs{2000}, 400);
    CHECK(dialer.due() == SteadyMs{2400});
}

TEST_CASE("only a session that lasted starts the backoff from its base") {
    Dialer dialer({"peer", 7100});
    for (int i = 0; i < 3; ++i) dialer.ended(0, SteadyMs{0}, 0);
    dialer.ended(kSessionProvenMs - 1, SteadyMs{0}, 1600);
    CHECK(dialer.due() == SteadyMs{1600});
    dialer.ended(kSessionProvenMs, SteadyMs{0}, 201);  // One more than the base allows.
    CHECK(dialer.due() == SteadyMs{0});
    dialer.ended(0, SteadyMs{0}, 401);
    CHECK(dialer.due() == SteadyMs{0});
}

TEST_CASE("a dialer told to hurry is due now and has forgotten its failures, but remembers the device") {
    Dialer dialer({"peer", 7100});
    dialer.found(DeviceId{{7}});
    for (int i = 0; i < 9; ++i) dialer.ended(0, SteadyMs{0}, 30000);
    dialer.hurry(SteadyMs{5});
    CHECK(dialer.due() == SteadyMs{5});
    CHECK(dialer.failures() == 0);
    CHECK(dialer.device() == DeviceId{{7}});
}
