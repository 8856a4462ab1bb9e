#include "hlc/clock.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace strandline::hlc {

Hlc Clock::next(WallMs now) {
    if (last_.value == std::numeric_limits<std::int64_t>::max()) {
        // Going on would repeat a stamp with other content, which no device could ever tell apart.
        std::fputs("strandline: the clock has reached its end (the year 6429); no write can be stamped\n",
                   stderr);
        std::abort();
    }
    const auto wall = std::clamp<std::int64_t>(now.value, 0, kMillisecondsMax);
    last_.value = std::max(last_.value + 1, wall << kCounterBits);
    return last_;
}

void Clock::observe(Hlc received) {
    last_ = std::max(last_, received);
}

WallMs wall_of(Hlc reading) {
    return {std::max<std::int64_t>(reading.value, 0) >> kCounterBits};
}

bool is_ahead(Hlc incoming, WallMs now, Hlc last, std::int64_t drift_ms) {
    // A wall clock before 1970 drops out against the reading, so nothing here can overflow.
    return wall_of(incoming).value - std::max(now.value, wall_of(last).value) > drift_ms;
}

}  // namespace strandline::hlc
