#pragma once

#include <cstdint>
#include <functional>

namespace strandline::simulator::disk {

/// Draws 64 random bits. The owner's own stream: the same draws give the same disk, byte for byte.
using Chance = std::function<std::uint64_t()>;

/// What becomes of a write that was not synced when the power went, by relative weights; each write is
/// drawn for itself. At least one weight must not be zero.
struct Survival {
    std::uint32_t kept = 0;
    std::uint32_t dropped = 0;
    std::uint32_t torn = 0;     ///< each sector of 512 bytes kept or dropped for itself
    std::uint32_t garbled = 0;  ///< kept, but one sector of it holds random bytes
};
constexpr Survival kKeepAll{1, 0, 0, 0};
constexpr Survival kDropAll{0, 1, 0, 0};
constexpr Survival kMixed{4, 4, 2, 1};

enum class Fate { kept, dropped, torn, garbled };
[[nodiscard]] Fate draw_fate(const Survival& survival, const Chance& chance);

}  // namespace strandline::simulator::disk
