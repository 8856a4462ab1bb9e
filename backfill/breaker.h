#pragma once

#include <cstdint>
#include <optional>

#include <strandline/time.h>

namespace strandline::backfill {

/// Whether a peer that failed us is asked again yet: retries with exponential backoff and full jitter (Brooker,
/// Exponential Backoff And Jitter, 2015), so that devices which were let down together do not come back together.
///
///              failed()                      time is up
///   closed ──────────────▶ open{retry_at} ───────────────▶ half_open
///     ▲                       ▲   │                            │
///     │                       └───│──── failed(), longer ──────┤
///     └────────── brought() ──────┴──────── brought() ─────────┘
class Breaker {
public:
    enum class State { closed, open, half_open };

    /// It stalled, or sent what it must not. `chance`: 64 random bits.
    void failed(Now now, std::uint64_t chance);
    /// What it brought is durable: all is forgiven.
    void brought();

    /// Asked again whenever it matters: this is where time is up.
    [[nodiscard]] bool may_ask(Now now);
    [[nodiscard]] State state() const { return state_; }
    /// When it may be asked again; empty: it is not open.
    [[nodiscard]] std::optional<SteadyMs> retry_at() const;

private:
    State state_ = State::closed;
    std::uint32_t failures_ = 0;  ///< in a row
    SteadyMs retry_at_;
};

/// The longest wait after a first failure; it doubles with each one more in a row, up to the last.
constexpr std::int64_t kFirstWaitMs = 2'000;
constexpr std::int64_t kLastWaitMs = 60'000;

}  // namespace strandline::backfill
