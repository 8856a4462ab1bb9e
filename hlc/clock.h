#pragma once

#include <cstdint>

#include <strandline/time.h>

/// The hybrid logical clock of Kulkarni et al., "Logical Physical Clocks" (2014), in one integer:
/// milliseconds above, a counter below. The triggers that capture writes compute the same `next`.
namespace strandline::hlc {

constexpr int kCounterBits = 16;
/// The sign bit stays clear, so 47 of the 48 bits for milliseconds count: until the year 6429.
constexpr std::int64_t kMillisecondsMax = (std::int64_t{1} << 47) - 1;
/// Phones and laptops that ask a time server are seconds apart; minutes mean a clock that somebody set wrong.
constexpr std::int64_t kDriftMs = 5 * 60 * 1000;

/// One device's clock. It never repeats a reading and never goes back, whatever the wall clock does.
///
/// Invariant: last() is at least everything that next() returned and observe() was given.
/// Durable:   the caller persists last() with the write that it stamps, and hands it back after a restart.
/// Threads:   one at a time.
class Clock {
public:
    explicit Clock(Hlc last) : last_(last) {}

    /// The reading for a new write: max(last + 1, now << 16). A wall clock before 1970 counts as 1970, one
    /// past kMillisecondsMax as just that: the machine's clock is broken then, and the counter goes on alone.
    /// Stops the program when no reading is left, which is when the whole range of 63 bits is used up.
    [[nodiscard]] Hlc next(WallMs now);
    /// What came from elsewhere is past for us: the next reading is larger. Ask is_ahead() first.
    void observe(Hlc received);
    [[nodiscard]] Hlc last() const { return last_; }

private:
    Hlc last_;
};

/// The milliseconds of a reading, without the counter; zero for a reading below zero, which no clock gives.
[[nodiscard]] WallMs wall_of(Hlc reading);

/// Whether `incoming` is more than `drift_ms` milliseconds ahead of the larger of our wall clock and our
/// own last reading: then it must not enter the state yet. The last reading counts because a device that
/// boots in 1970 must still take everything.
[[nodiscard]] bool is_ahead(Hlc incoming, WallMs now, Hlc last, std::int64_t drift_ms);

}  // namespace strandline::hlc
