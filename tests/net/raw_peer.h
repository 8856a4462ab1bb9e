#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch.hpp>

#include "net/bytes.h"
#include "net/identity.h"
#include "net/noise.h"
#include "tests/net/devices.h"

namespace strandline::tests {

inline std::string greeting_of(const net::Identity& identity) {
    std::string greeting(1, '\1');
    greeting += net::view_of(identity.device().bytes);
    greeting += net::view_of(identity.noise_signature());
    return greeting;
}

/// The other end of a channel, without the channel's good manners: it says whatever the test wants.
class RawPeer {
public:
    RawPeer(net::Role role, const net::Identity& identity, std::string greeting,
            std::string_view prologue = "strandline/1")
        : role_(role),
          greeting_(std::move(greeting)),
          handshake_(role, prologue, identity.noise_keys(), net::key_pair_of(secret_of(bytes32('p')))) {}

    /// The next message of the handshake, as it goes over the wire.
    std::string say() {
        std::string message;
        REQUIRE(handshake_.write_message(handshake_.messages() == 0 ? std::string() : greeting_, message));
        return with_size(message);
    }
    void hear(std::string_view wire) { (void)handshake_.read_message(wire.substr(2)); }

    /// Any plaintext as a transport message.
    std::string seal(std::string_view plain) {
        if (!transport_) transport_.emplace(handshake_.split());
        std::string sealed;
        REQUIRE((role_ == net::Role::initiator ? transport_->initiator : transport_->responder)
                    .encrypt({}, plain, sealed));
        return with_size(sealed);
    }

private:
    static std::string with_size(const std::string& message) {
        std::string wire;
        net::append_big_endian(wire, message.size(), 2);
        return wire + message;
    }

    net::Role role_;
    std::string greeting_;
    net::HandshakeState handshake_;
    std::optional<net::Transport> transport_;
};

}  // namespace strandline::tests
