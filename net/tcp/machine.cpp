#include "net/tcp/machine.h"

#include <sys/random.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace strandline::net::tcp {

Now now() {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    const auto steady = std::chrono::steady_clock::now().time_since_epoch();
    return {WallMs{duration_cast<milliseconds>(wall).count()},
            SteadyMs{duration_cast<milliseconds>(steady).count()}};
}

std::int64_t now_us() {
    using std::chrono::duration_cast;
    return duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

std::array<std::uint8_t, 32> random_seed() {
    std::array<std::uint8_t, 32> seed{};
    // A request of up to 256 bytes is never cut short once the kernel's pool is seeded (getrandom(2)).
    if (getrandom(seed.data(), seed.size(), 0) != static_cast<ssize_t>(seed.size())) {
        std::fputs("strandline: the kernel gives no random bytes, and without them no key is safe\n", stderr);
        std::abort();
    }
    return seed;
}

std::uint64_t system_entropy() {
    const auto seed = random_seed();
    std::uint64_t value = 0;
    std::memcpy(&value, seed.data(), sizeof value);
    return value;
}

}  // namespace strandline::net::tcp
