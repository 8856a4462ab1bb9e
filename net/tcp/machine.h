#pragma once

#include <array>
#include <cstdint>

#include <strandline/time.h>

/// What the machine gives: the time and chance. The only place in the product that reads them.
namespace strandline::net::tcp {

/// Both clocks, read at one moment.
[[nodiscard]] Now now();
/// Microseconds, on the steady one.
[[nodiscard]] std::int64_t now_us();
/// 64 bits of the kernel's randomness. Threads: any.
[[nodiscard]] std::uint64_t system_entropy();
/// 32 bytes of the same: a key's seed.
[[nodiscard]] std::array<std::uint8_t, 32> random_seed();

}  // namespace strandline::net::tcp
