#pragma once

namespace strandline::tests {

/// How often a case tries again with other chances. Sanitizers need to see each path, and make it five times as slow:
/// there a fifth will do.
constexpr unsigned times(unsigned count) {
#ifdef __SANITIZE_ADDRESS__
    return (count + 4) / 5;
#else
    return count;
#endif
}

}  // namespace strandline::tests
