#pragma once

#include <compare>
#include <cstdint>

namespace strandline::simulator {

/// A moment of the simulated world, in microseconds since it began. Only the schedule moves it.
struct Moment {
    std::int64_t us = 0;
    friend auto operator<=>(const Moment&, const Moment&) = default;
};

constexpr std::int64_t kUsPerMs = 1'000;
constexpr std::int64_t kUsPerSecond = 1'000'000;

[[nodiscard]] inline Moment after(Moment moment, std::int64_t us) {
    return {moment.us + us};
}

}  // namespace strandline::simulator
