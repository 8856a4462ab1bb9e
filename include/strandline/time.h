#pragma once

#include <compare>
#include <cstdint>

namespace strandline {

/// A hybrid logical clock reading: 48 bits of Unix milliseconds, 16 bits of counter. Zero is
/// before every write. The sign bit stays clear, so SQLite stores and orders it as an INTEGER.
struct Hlc {
    std::int64_t value = 0;

    friend auto operator<=>(const Hlc&, const Hlc&) = default;
};

/// Unix milliseconds as the machine's wall clock tells them; may jump, either way.
struct WallMs {
    std::int64_t value = 0;
    friend auto operator<=>(const WallMs&, const WallMs&) = default;
};

/// Milliseconds of a clock that never goes back; its zero means nothing.
struct SteadyMs {
    std::int64_t value = 0;
    friend auto operator<=>(const SteadyMs&, const SteadyMs&) = default;
};

/// Both clocks, read by the host at one moment and handed in: nothing below reads a clock.
struct Now {
    WallMs wall;
    SteadyMs steady;
};

}  // namespace strandline
