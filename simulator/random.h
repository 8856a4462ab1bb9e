#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strandline::simulator {

/// A stream of chance that follows from a seed alone: SplitMix64 (Steele, Lea, Flood, "Fast splittable
/// pseudorandom number generators", 2014), the same on every machine. No floating point, for that reason.
class Random {
public:
    explicit Random(std::uint64_t seed) : seed_(seed), state_(seed) {}

    /// A stream of its own. It depends on our seed and the name, not on what we have drawn: so one more
    /// draw in one part of the world does not shift another.
    [[nodiscard]] Random fork(std::string_view name, std::uint64_t number = 0) const {
        std::uint64_t seed = mixed(seed_ ^ mixed(number + 1));
        for (const char c : name) seed = mixed(seed ^ static_cast<unsigned char>(c));
        return Random(seed);
    }

    std::uint64_t next() { return mixed(state_ += 0x9E3779B97F4A7C15U); }
    /// From 0 up to, but not, `count`, which is not 0. The modulo's bias is below 2^-32 for all that we ask.
    std::uint64_t below(std::uint64_t count) { return next() % count; }
    /// Both included.
    std::int64_t between(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
    }
    bool one_in(std::uint64_t count) { return below(count) == 0; }
    bool percent(std::uint64_t chance) { return below(100) < chance; }
    template <typename T>
    const T& pick(const std::vector<T>& from) {
        return from[below(from.size())];
    }
    std::string bytes(std::size_t size) {
        std::string out;
        while (out.size() < size) {
            std::uint64_t bits = next();
            for (int i = 0; i < 8 && out.size() < size; ++i, bits >>= 8) out += static_cast<char>(bits);
        }
        return out;
    }

private:
    static std::uint64_t mixed(std::uint64_t bits) {
        bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9U;
        bits = (bits ^ bits >> 27) * 0x94D049BB133111EBU;
        return bits ^ bits >> 31;
    }

    std::uint64_t seed_;
    std::uint64_t state_;
};

}  // namespace strandline::simulator
