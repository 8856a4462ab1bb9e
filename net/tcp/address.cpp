#include "net/tcp/address.h"

#include <charconv>

namespace strandline::net::tcp {
namespace {

tl::unexpected<Error> bad(std::string_view text, const std::string& why) {
    return failure(Category::usage, "'" + std::string(text) + "' is not an address: " + why +
                                        "; write HOST:PORT, such as 192.168.1.7:7100 or [::1]:7100");
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return bad(text, "it has no port");
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);

    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host.empty())
        return bad(text, "it has no host (0.0.0.0 listens on every IPv4 interface, [::] on all)");
    if (!bracketed && host.find(':') != std::string_view::npos) {
        return bad(text, "an IPv6 address needs brackets");
    }
    if (host.find_first_of("[] \t/@") != std::string_view::npos) return bad(text, "the host is malformed");

    std::uint16_t port = 0;
    const auto [end, trouble] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (trouble != std::errc{} || end != digits.data() + digits.size()) {
        return bad(text, "the port is not a number from 0 to 65535");
    }
    return Address{std::string(host), port};
}

std::string to_text(const Address& address) {
    const bool v6 = address.host.find(':') != std::string::npos;
    return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace strandline::net::tcp
