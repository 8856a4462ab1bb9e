#include "backfill/breaker.h"

#include <algorithm>

namespace strandline::backfill {

void Breaker::failed(Now now, std::uint64_t chance) {
    std::int64_t longest_ms = kFirstWaitMs;
    for (std::uint32_t i = 0; i < failures_ && longest_ms < kLastWaitMs; ++i) longest_ms *= 2;
    longest_ms = std::min(longest_ms, kLastWaitMs);
    ++failures_;
    retry_at_ = SteadyMs{now.steady.value +
                         static_cast<std::int64_t>(chance % static_cast<std::uint64_t>(longest_ms + 1))};
    state_ = State::open;
}

void Breaker::brought() {
    state_ = State::closed;
    failures_ = 0;
}

bool Breaker::may_ask(Now now) {
    if (state_ == State::open && now.steady >= retry_at_) state_ = State::half_open;
    return state_ != State::open;
}

std::optional<SteadyMs> Breaker::retry_at() const {
    if (state_ != State::open) return std::nullopt;
    return retry_at_;
}

}  // namespace strandline::backfill
