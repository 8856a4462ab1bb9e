#include "net/tcp/rivals.h"

#include <algorithm>
#include <array>
#include <optional>

#include <catch2/catch.hpp>

#include "net/tcp/limits.h"

using strandline::DeviceId;
using strandline::SteadyMs;
using strandline::net::tcp::kTurnMs;
using strandline::net::tcp::kTurnRestMs;
using strandline::net::tcp::Rival;
using strandline::net::tcp::takes_over;

namespace {

const DeviceId kSmall{{1}};
const DeviceId kLarge{{2}};

/// Nothing comes on it any more.
Rival inbound(std::int64_t began, std::int64_t heard) {
    return {true, SteadyMs{began}, SteadyMs{heard}, SteadyMs{heard - kTurnRestMs}};
}
Rival outbound(std::int64_t began, std::int64_t heard) {
    return {false, SteadyMs{began}, SteadyMs{heard}, SteadyMs{heard - kTurnRestMs}};
}

/// One of two devices that dial each other: which of the two connections it has, by who dialled it.
struct Side {
    DeviceId self, peer;
    std::optional<Rival> session;

    void prove(const DeviceId& dialled_by, std::int64_t when) {
        const Rival newcomer{dialled_by == peer, SteadyMs{0}, SteadyMs{when}, SteadyMs{when}};
        if (!session || takes_over(newcomer, *session, self, peer)) session = newcomer;
    }
    [[nodiscard]] DeviceId dialled_by() const { return session->inbound ? peer : self; }
};

}  // namespace

TEST_CASE(
    "two devices that dial each other at one moment keep the same connection, in whatever order things "
    "arrive") {
    // Four moments: either connection is proven first where it came in, then where it was dialled.
    enum Moment { small_came_in, small_answered, large_came_in, large_answered };
    std::array<int, 4> order = {small_came_in, small_answered, large_came_in, large_answered};
    int orders = 0;
    do {
        const auto place = [&](int moment) { return std::find(order.begin(), order.end(), moment); };
        if (place(small_came_in) > place(small_answered) || place(large_came_in) > place(large_answered))
            continue;
        Side small{kSmall, kLarge, {}};
        Side large{kLarge, kSmall, {}};
        std::int64_t when = 0;
        for (const int moment : order) {
            ++when;
            if (moment == small_came_in) large.prove(kSmall, when);
            if (moment == small_answered) small.prove(kSmall, when);
            if (moment == large_came_in) small.prove(kLarge, when);
            if (moment == large_answered) large.prove(kLarge, when);
        }
        CHECK(small.dialled_by() == kSmall);
        CHECK(large.dialled_by() == kSmall);
        ++orders;
    } while (std::next_permutation(order.begin(), order.end()));
    CHECK(orders == 6);
}

TEST_CASE("a peer that dials again has lost its old connection, so the new one takes its place") {
    CHECK(takes_over(inbound(50, 51), inbound(10, 11), kSmall, kLarge));
    CHECK(takes_over(inbound(50, 51), inbound(10, 11), kLarge, kSmall));
    SECTION("also when the two overlapped") {
        CHECK(takes_over(inbound(10, 51), inbound(10, 11), kSmall, kLarge));
        CHECK(takes_over(inbound(10, 51), inbound(10, 11), kLarge, kSmall));
    }
    SECTION("also when the old one was dialled from here, by the smaller device even") {
        CHECK(takes_over(inbound(50, 51), outbound(10, 11), kSmall, kLarge));
        CHECK(takes_over(inbound(50, 51), outbound(10, 11), kLarge, kSmall));
    }
}

TEST_CASE("two devices with one key take turns, and neither is turned out in the middle of its own") {
    const auto takes_over_at = [](std::int64_t when, std::int64_t last) {
        const Rival existing{true, SteadyMs{0}, SteadyMs{1'000}, SteadyMs{last}};
        return takes_over({true, SteadyMs{when - 1}, SteadyMs{when}, SteadyMs{when}}, existing, kSmall,
                          kLarge);
    };
    CHECK_FALSE(takes_over_at(5'000, 4'999));
    CHECK_FALSE(takes_over_at(1'000 + kTurnMs - 1, kTurnMs));
    CHECK(takes_over_at(1'000 + kTurnMs, 1'000 + kTurnMs));
    CHECK(takes_over_at(5'000, 5'000 - kTurnRestMs));
    CHECK_FALSE(takes_over_at(5'000, 5'001 - kTurnRestMs));
    // Also where the existing one was dialled from here.
    const Rival dialled{false, SteadyMs{0}, SteadyMs{1'000}, SteadyMs{4'999}};
    CHECK_FALSE(
        takes_over({true, SteadyMs{4'998}, SteadyMs{5'000}, SteadyMs{5'000}}, dialled, kSmall, kLarge));
}

TEST_CASE("of two that we dialled ourselves, the first stays") {
    CHECK_FALSE(takes_over(outbound(20, 21), outbound(10, 11), kSmall, kLarge));
    CHECK_FALSE(takes_over(outbound(20, 21), outbound(10, 11), kLarge, kSmall));
}
