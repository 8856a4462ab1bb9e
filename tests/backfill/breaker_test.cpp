#include "backfill/breaker.h"

#include <catch2/catch.hpp>

using namespace strandline;
using namespace strandline::backfill;

namespace {

Now at(std::int64_t ms) {
    return {WallMs{0}, SteadyMs{ms}};
}

constexpr std::uint64_t kLongest = kFirstWaitMs;  // As a chance: the longest wait after a first failure.

}  // namespace

TEST_CASE(
    "a peer that failed is asked again when its time is up, and is trusted again when it brings something") {
    Breaker breaker;
    CHECK(breaker.may_ask(at(0)));
    CHECK_FALSE(breaker.retry_at());
    breaker.failed(at(100), kLongest);
    CHECK(breaker.state() == Breaker::State::open);
    CHECK_FALSE(breaker.may_ask(at(100 + kFirstWaitMs - 1)));
    CHECK(breaker.retry_at() == SteadyMs{100 + kFirstWaitMs});
    CHECK(breaker.may_ask(at(100 + kFirstWaitMs)));
    CHECK(breaker.state() == Breaker::State::half_open);
    CHECK_FALSE(breaker.retry_at());
    breaker.brought();
    CHECK(breaker.state() == Breaker::State::closed);
}

TEST_CASE("each failure in a row doubles the longest wait, up to a bound, and one success forgives them") {
    Breaker breaker;
    std::int64_t longest_ms = kFirstWaitMs;
    for (int i = 0; i < 10; ++i) {
        breaker.failed(at(0), static_cast<std::uint64_t>(longest_ms));
        CHECK(breaker.retry_at() == SteadyMs{longest_ms});
        longest_ms = std::min(2 * longest_ms, kLastWaitMs);
    }
    CHECK(longest_ms == kLastWaitMs);
    breaker.brought();
    breaker.failed(at(0), kLongest + 1);
    CHECK(breaker.retry_at() == SteadyMs{0});  // Chance alone decides where between none and the longest.
}

TEST_CASE("a peer that was left and brings something late is asked again at once") {
    Breaker breaker;
    breaker.failed(at(0), kLongest);
    breaker.brought();
    CHECK(breaker.may_ask(at(1)));
}
