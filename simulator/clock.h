#pragma once

#include <algorithm>
#include <cstdint>

#include <strandline/time.h>

#include "simulator/schedule.h"

namespace strandline::simulator {

/// One device's two clocks: a wall clock that can be wrong in every way, and a monotonic one beside it that
/// cannot.
class Clock {
public:
    /// What right clocks show when the world begins: a day in November 2023.
    static constexpr std::int64_t kBeginMs = 1'700'000'000'000;

    explicit Clock(const Schedule& schedule) : schedule_(schedule) {}

    [[nodiscard]] Now now() const { return {wall(), steady()}; }
    [[nodiscard]] SteadyMs steady() const { return {schedule_.now().us / kUsPerMs}; }
    [[nodiscard]] WallMs wall() const;

    /// The latest that it has ever shown.
    [[nodiscard]] WallMs latest() const { return {std::max(latest_ms_, wall().value)}; }

    /// Somebody sets the wall clock: so much later, or earlier.
    void step(std::int64_t ms) { set(wall().value + ms); }
    void set(std::int64_t wall_ms);
    /// From now on it runs fast by so many parts in a million; slow when negative.
    void drift(std::int64_t ppm);
    /// It stands still until it runs again.
    void freeze();
    void run();

private:
    const Schedule& schedule_;
    std::int64_t set_ms_ = kBeginMs;  ///< what it showed when it was last touched
    Moment set_at_;
    std::int64_t latest_ms_ = kBeginMs;
    std::int64_t ppm_ = 0;
    bool is_frozen_ = false;
};

}  // namespace strandline::simulator
