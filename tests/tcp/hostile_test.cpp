#include <string>
#include <vector>

#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <catch2/catch.hpp>

#include "net/tcp/limits.h"
#include "tests/tcp/device.h"
#include "tests/tcp/folder.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

/// Somebody who connects and says what a device would not.
class Stranger {
public:
    explicit Stranger(int port) {
        socket_.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)});
    }
    void say(const std::string& bytes) {
        asio::error_code ignored;  // The node may have hung up in the middle, as it should.
        asio::write(socket_, asio::buffer(bytes), ignored);
    }
    /// Waits until the node has hung up.
    bool is_refused() {
        std::vector<char> answer(4096);
        asio::error_code trouble;
        while (!trouble) socket_.read_some(asio::buffer(answer), trouble);
        return true;
    }

    bool is_still_connected() {
        char answer = 0;
        asio::error_code trouble;
        socket_.non_blocking(true);
        socket_.read_some(asio::buffer(&answer, 1), trouble);
        socket_.non_blocking(false);
        return trouble == asio::error::would_block;
    }

private:
    asio::io_context context_;
    asio::ip::tcp::socket socket_{context_};
};

}  // namespace

TEST_CASE("whatever a stranger says, the node hangs up on that stranger and lives") {
    const Folder folder;
    Device a(folder / "a.db");
    Device b(folder / "b.db");
    a.open("127.0.0.1:0", {}, {b.id});
    a.start();

    Stranger huge(a.node().port());
    huge.say("\xff\xff\xff\xff");
    CHECK(huge.is_refused());
    Stranger web(a.node().port());
    web.say("GET /status HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(web.is_refused());
    for (unsigned seed = 1; seed <= 50; ++seed) {
        // A fixed sequence of bytes that look like anything, half of them in frames of a plausible length.
        std::string garbage;
        for (unsigned i = 0, x = seed * 2654435761U; i < 500; ++i, x = x * 1664525U + 1013904223U) {
            garbage += static_cast<char>(x >> 24U);
        }
        Stranger stranger(a.node().port());
        stranger.say(seed % 2 == 0 ? garbage
                                   : std::string("\0\x20", 2) + garbage.substr(0, 32) + "\x01" + garbage);
        stranger.say(std::string(600, '\0'));
        CHECK(stranger.is_refused());
    }
    CHECK(soon([&] { return a.noticed("was refused"); }));

    b.open("", {a.address()}, {a.id});
    b.start();
    b.app().write("1", "still there");
    CHECK(alike(a, b, 1));
}

TEST_CASE(
    "a crowd that connects and says nothing does not keep a device out, and the longest idle go first") {
    const Folder folder;
    Device a(folder / "a.db");
    Device b(folder / "b.db");
    a.open("127.0.0.1:0", {}, {b.id});
    a.start();
    std::vector<std::unique_ptr<Stranger>> crowd;
    for (std::size_t i = 0; i < net::tcp::kStrangersMost + 10; ++i) {
        crowd.push_back(std::make_unique<Stranger>(a.node().port()));
    }
    for (std::size_t i = 0; i < 10; ++i) CHECK(crowd[i]->is_refused());
    CHECK(a.noticed("the oldest had to go"));
    CHECK(crowd.back()->is_still_connected());
    crowd.back()->say(std::string(1, '\0'));  // One drips.

    b.open("", {a.address()}, {a.id});
    b.start();
    b.app().write("1", "made it");
    CHECK(alike(a, b, 1));
}
