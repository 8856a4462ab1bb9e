#include "net/tcp/backoff.h"

#include "net/tcp/limits.h"

namespace strandline::net::tcp {

std::int64_t backoff_ms(unsigned failures, std::uint64_t random) {
    std::int64_t ceiling = kBackoffBaseMs;
    for (unsigned i = 0; i < failures && ceiling < kBackoffCapMs; ++i) ceiling *= 2;
    if (ceiling > kBackoffCapMs) ceiling = kBackoffCapMs;
    // The modulo's bias is below 2^-48: nobody who waits can tell.
    return static_cast<std::int64_t>(random % (static_cast<std::uint64_t>(ceiling) + 1));
}

}  // namespace strandline::net::tcp
