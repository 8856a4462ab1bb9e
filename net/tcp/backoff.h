#pragma once

#include <cstdint>

namespace strandline::net::tcp {

/// How long to wait before dialling again, in milliseconds: exponential backoff with full jitter, so
/// that devices which lost the same peer at one moment do not come back at one moment.
///
/// `failures` in a row so far, `random` 64 random bits. Somewhere between 0 and
/// min(kBackoffCapMs, kBackoffBaseMs * 2^failures), both included.
[[nodiscard]] std::int64_t backoff_ms(unsigned failures, std::uint64_t random);

}  // namespace strandline::net::tcp
