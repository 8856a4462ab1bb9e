#pragma once

#include <cstdint>
#include <optional>

#include <strandline/ids.h>
#include <strandline/time.h>

#include "net/tcp/address.h"

namespace strandline::net::tcp {

/// One named address: when it is due to be dialled, and which device was found there.
///
///     resting ── started() ──▶ busy        (looking up the name, connecting, connected)
///        ▲                      │
///        └────── ended() ───────┘          with a delay that grows while it fails
///
/// Holds no socket, reads no clock: the host asks due() and does the rest.
class Dialer {
public:
    explicit Dialer(Address address) : address_(std::move(address)) {}

    [[nodiscard]] const Address& address() const { return address_; }
    /// The device that answered here last; none until one has.
    [[nodiscard]] const std::optional<DeviceId>& device() const { return device_; }
    [[nodiscard]] bool is_resting() const { return !busy_; }
    /// When to dial; none while busy. A host waits longer while it is connected with device() anyway.
    [[nodiscard]] std::optional<SteadyMs> due() const;
    [[nodiscard]] unsigned failures() const { return failures_; }

    void started() { busy_ = true; }
    void found(const DeviceId& device) { device_ = device; }
    /// The try is over: after `session_ms` of a session (0: it never came to one) and with `random` for
    /// the jitter. A session of kSessionProvenMs or more starts the backoff from its base.
    void ended(std::int64_t session_ms, SteadyMs now, std::uint64_t random);
    /// Something changed that may make the next try succeed: try at once.
    void hurry(SteadyMs now);

private:
    Address address_;
    std::optional<DeviceId> device_;
    SteadyMs due_;
    unsigned failures_ = 0;
    bool busy_ = false;
};

}  // namespace strandline::net::tcp
