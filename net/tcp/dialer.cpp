#include "net/tcp/dialer.h"

#include "net/tcp/backoff.h"
#include "net/tcp/limits.h"

namespace strandline::net::tcp {

std::optional<SteadyMs> Dialer::due() const {
    if (busy_) return std::nullopt;
    return due_;
}

void Dialer::ended(std::int64_t session_ms, SteadyMs now, std::uint64_t random) {
    busy_ = false;
    if (session_ms >= kSessionProvenMs) failures_ = 0;
    due_ = SteadyMs{now.value + backoff_ms(failures_, random)};
    ++failures_;
}

void Dialer::hurry(SteadyMs now) {
    failures_ = 0;
    due_ = now;
}

}  // namespace strandline::net::tcp
