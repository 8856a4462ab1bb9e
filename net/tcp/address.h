#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <strandline/result.h>

namespace strandline::net::tcp {

/// A place to dial or to listen at: a host name or a numeric address, and a port.
struct Address {
    std::string host;  ///< without the brackets that an IPv6 address has in text
    std::uint16_t port = 0;

    friend bool operator==(const Address&, const Address&) = default;
};

/// Reads "HOST:PORT"; an IPv6 address stands in brackets, "[::1]:7100".
/// Error (usage): no host, no port, a port that is not 0 to 65535, an IPv6 address without brackets.
[[nodiscard]] Result<Address> parse_address(std::string_view text);
/// The form that parse_address() reads.
[[nodiscard]] std::string to_text(const Address& address);

}  // namespace strandline::net::tcp
