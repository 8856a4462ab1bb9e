#include "simulator/clock.h"

#include <algorithm>

namespace strandline::simulator {

WallMs Clock::wall() const {
    if (is_frozen_) return {set_ms_};
    const std::int64_t passed_ms = (schedule_.now().us - set_at_.us) / kUsPerMs;
    return {set_ms_ + passed_ms + passed_ms * ppm_ / 1'000'000};
}

void Clock::set(std::int64_t wall_ms) {
    latest_ms_ = latest().value;

    set_ms_ = std::max<std::int64_t>(0, wall_ms);  // No wall clock goes back before 1970.
    set_at_ = schedule_.now();
}

void Clock::drift(std::int64_t ppm) {
    set(wall().value);
    ppm_ = ppm;
}

void Clock::freeze() {
    set(wall().value);
    is_frozen_ = true;
}

void Clock::run() {
    set(wall().value);
    is_frozen_ = false;
}

}  // namespace strandline::simulator
