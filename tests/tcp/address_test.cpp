#include "net/tcp/address.h"

#include <catch2/catch.hpp>

using strandline::Category;
using strandline::net::tcp::Address;
using strandline::net::tcp::parse_address;
using strandline::net::tcp::to_text;

TEST_CASE("an address is a host and a port, and its text reads back as itself") {
    const std::pair<std::string, Address> cases[] = {
        {"127.0.0.1:7100", {"127.0.0.1", 7100}},
        {"[::1]:7100", {"::1", 7100}},
        {"notes.example:0", {"notes.example", 0}},
        {"[fe80::1%eth0]:1", {"fe80::1%eth0", 1}},
        {"h:65535", {"h", 65535}},
    };
    for (const auto& [text, address] : cases) {
        CAPTURE(text);
        const auto parsed = parse_address(text);
        REQUIRE(parsed);
        CHECK(*parsed == address);
        CHECK(to_text(*parsed) == text);
    }
}

TEST_CASE("what is not an address is refused with a sentence that shows one") {
    for (const std::string text :
         {"", "7100", "host", "host:", ":7100", "[]:7100", "host:65536", "host:-1", "host:+1", "host:71x",
          "host: 71", "::1:7100", "[::1]", "[::1:7100", "a b:1", "http://h:1", "u@h:1"}) {
        CAPTURE(text);
        const auto parsed = parse_address(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().category == Category::usage);
        CHECK_THAT(parsed.error().message, Catch::Contains("'" + text + "' is not an address"));
        CHECK_THAT(parsed.error().message, Catch::Contains("192.168.1.7:7100"));
    }
}
