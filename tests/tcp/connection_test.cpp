#include "net/tcp/connection.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <asio/write.hpp>
#include <catch2/catch.hpp>

#include "net/tcp/machine.h"

using namespace strandline;
using namespace strandline::net;
using namespace strandline::net::tcp;
using Socket = asio::ip::tcp::socket;

namespace {

/// Notes what it is told, and does as the test says.
class Notebook : public Connection::Owner {
public:
    std::optional<Error> objection(const Connection&, const DeviceId&) override { return objects; }
    void proven(Connection&) override { ++proofs; }
    void received(Connection&, const std::string& frame) override { frames.push_back(frame); }
    bool takes_input() override { return may_take; }
    void has_room(Connection&) override { ++rooms; }
    void moved_bytes(std::size_t sent, std::size_t received) override {
        bytes_sent += sent, bytes_received += received;
    }
    void gone(Connection&, const Error& why) override { ends.push_back(why); }

    std::optional<Error> objects;
    bool may_take = true;
    int proofs = 0, rooms = 0;
    std::size_t bytes_sent = 0, bytes_received = 0;
    std::vector<std::string> frames;
    std::vector<Error> ends;
};

Identity new_identity() {
    return Identity(Secret<32>(random_seed()));
}

/// Two ends of a loopback connection: `near` is always ours, the far end either another Connection or a
/// bare socket that speaks as the test likes.
struct Wire {
    asio::io_context context;
    Identity near_identity = new_identity();
    Identity far_identity = new_identity();
    asio::ip::tcp::acceptor acceptor{context, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    SteadyMs began = now().steady;
    Notebook near_notes, far_notes;
    std::shared_ptr<Connection> near, far;

    /// Runs until `done`, which comes soon or never: the limit only keeps a failing test from hanging.
    template <typename Condition>
    bool until(Condition done) {
        context.restart();
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!done() && std::chrono::steady_clock::now() < limit)
            context.run_one_for(std::chrono::seconds(1));
        return done();
    }
    /// Lets happen what is under way on this machine.
    void settle() {
        context.restart();
        while (context.run_one_for(std::chrono::milliseconds(20)) > 0) {
        }
    }
    void meet() {
        far = std::make_shared<Connection>(context, far_identity, far_notes, began);
        far->dial({acceptor.local_endpoint()});
        near = std::make_shared<Connection>(acceptor.accept(), near_identity, near_notes, began);
        near->greet();
        REQUIRE(until([&] { return near->is_proven() || !near_notes.ends.empty(); }));
    }
    Socket meet_a_stranger() {
        Socket stranger(context);
        stranger.connect(acceptor.local_endpoint());
        near = std::make_shared<Connection>(acceptor.accept(), near_identity, near_notes, began);
        near->greet();
        return stranger;
    }
    [[nodiscard]] SteadyMs later(std::int64_t ms) const { return {now().steady.value + ms}; }
};

}  // namespace

TEST_CASE("two connections prove themselves, and frames go both ways in order and are counted") {
    Wire wire;
    wire.meet();
    CHECK(wire.near->peer() == wire.far_identity.device());
    CHECK(wire.near->inbound());
    CHECK_FALSE(wire.far->inbound());
    CHECK(wire.far_notes.proofs == 0);  // Nothing yet shows that the other side lets it in.

    wire.near->send("hello");
    REQUIRE(wire.until([&] { return wire.far_notes.frames.size() == 1; }));
    CHECK(wire.far_notes.proofs == 1);
    for (int i = 0; i < 100; ++i) wire.far->send(std::to_string(i));
    wire.far->send(std::string(300'000, 'x'));
    REQUIRE(wire.until([&] { return wire.near_notes.frames.size() == 101; }));
    for (int i = 0; i < 100; ++i)
        CHECK(wire.near_notes.frames[static_cast<std::size_t>(i)] == std::to_string(i));
    CHECK(wire.near_notes.frames[100].size() == 300'000);
    CHECK(wire.near_notes.bytes_received == wire.far_notes.bytes_sent);
    CHECK(wire.near_notes.bytes_received > 300'000);
}

TEST_CASE("who is objected to never becomes proven, and the objection is the reason") {
    Wire wire;
    wire.near_notes.objects = Error{Category::auth, "not on the list"};
    wire.meet();
    REQUIRE(wire.near_notes.ends.size() == 1);
    CHECK(wire.near_notes.ends[0].message == "not on the list");
    CHECK(wire.near_notes.proofs == 0);
    REQUIRE(wire.until([&] { return !wire.far_notes.ends.empty(); }));
    CHECK(wire.far_notes.proofs == 0);
    CHECK(wire.far_notes.ends[0].category == Category::network);
}

TEST_CASE("who dials and objects leaves the other side without a proof") {
    Wire wire;
    wire.far_notes.objects = Error{Category::busy, "connected already"};
    wire.meet();
    CHECK(wire.near_notes.proofs == 0);
    CHECK(wire.far_notes.ends.at(0).message == "connected already");
}

TEST_CASE("garbage ends the connection, and nothing of it reaches the owner") {
    Wire wire;
    auto stranger = wire.meet_a_stranger();
    SECTION("another protocol") {
        asio::write(stranger, asio::buffer(std::string("GET / HTTP/1.1\r\n\r\n")));
    }
    SECTION("noise of the right length") {
        asio::write(stranger, asio::buffer(std::string("\0\x20", 2) + std::string(32, '\0')));
        asio::write(stranger, asio::buffer(std::string("\0\x80", 2) + std::string(128, 'z')));
    }
    SECTION("a huge length") {
        asio::write(stranger, asio::buffer(std::string(4, '\xff')));
    }
    REQUIRE(wire.until([&] { return !wire.near_notes.ends.empty(); }));
    CHECK(wire.near_notes.ends[0].category == Category::protocol);
    CHECK(wire.near_notes.proofs == 0);
    CHECK(wire.near_notes.frames.empty());
}

TEST_CASE("a handshake that drips byte by byte is over when its time is, however busy it looks") {
    Wire wire;
    auto stranger = wire.meet_a_stranger();
    asio::write(stranger, asio::buffer("\0", 1));
    wire.settle();
    wire.near->check_deadlines(wire.later(kHandshakeMs / 2));
    CHECK(wire.near_notes.ends.empty());
    asio::write(stranger, asio::buffer("\x20", 1));
    wire.settle();
    wire.near->check_deadlines({wire.began.value + kHandshakeMs});
    REQUIRE(wire.near_notes.ends.size() == 1);
    CHECK(wire.near_notes.ends[0].category == Category::timeout);
}

TEST_CASE("a dial that nobody answers is over when its time is, and is told once") {
    Wire wire;
    wire.far = std::make_shared<Connection>(wire.context, wire.far_identity, wire.far_notes, wire.began);
    wire.far->dial({wire.acceptor.local_endpoint()});  // Connects, and then nobody speaks.
    wire.settle();
    wire.far->check_deadlines({wire.began.value + kHandshakeMs});
    wire.settle();
    wire.far->check_deadlines({wire.began.value + 2 * kHandshakeMs});
    REQUIRE(wire.far_notes.ends.size() == 1);
    CHECK(wire.far_notes.ends[0].category == Category::timeout);
}

TEST_CASE("nothing is read while the owner takes no input, and all of it comes after") {
    Wire wire;
    wire.meet();
    wire.near->send("first");
    REQUIRE(wire.until([&] { return wire.far->is_proven(); }));
    wire.near_notes.may_take = false;
    std::size_t said = 0;
    for (; wire.far->wants_output() && said < 1000; ++said) {
        wire.far->send(std::string(100'000, 'x'));
        wire.settle();
    }
    CHECK(said < 1000);  // The kernel's buffers and ours are full, and then it stops.
    CHECK(wire.near_notes.frames.empty());
    CHECK(wire.near_notes.bytes_received < 4 * kReadBytesMax);

    wire.near_notes.may_take = true;
    wire.near->resume();
    REQUIRE(wire.until([&] { return wire.near_notes.frames.size() == said; }));
    CHECK(wire.far_notes.rooms > 0);
}

TEST_CASE("a handshake that comes while the owner takes no input is finished once it does") {
    Wire wire;
    wire.far_notes.may_take = false;
    wire.meet();
    wire.near->send("hello");
    wire.settle();
    CHECK(wire.far_notes.proofs == 0);
    wire.far_notes.may_take = true;
    wire.far->resume();
    REQUIRE(wire.until([&] { return wire.far_notes.frames.size() == 1; }));
    CHECK(wire.far_notes.proofs == 1);
}

TEST_CASE("a peer that takes nothing for half a minute is gone, one that takes a little is not") {
    Wire wire;
    wire.meet();
    wire.near->send("first");
    REQUIRE(wire.until([&] { return wire.far->is_proven(); }));
    wire.near->check_deadlines(wire.later(10 * kWriteStallMs));
    CHECK(wire.near_notes.ends.empty());  // Nothing is waiting to be sent: that is silence, not a stall.

    wire.far_notes.may_take = false;
    for (int i = 0; i < 4; ++i) wire.near->send(std::string(8'000'000, 'x'));
    CHECK_FALSE(wire.near->wants_output());
    wire.settle();
    wire.near->check_deadlines(wire.later(kWriteStallMs - 5000));
    CHECK(wire.near_notes.ends.empty());

    const auto stalled = wire.later(1);
    REQUIRE(wire.until([&] { return now().steady > stalled; }));
    const auto sent = wire.near_notes.bytes_sent;
    wire.far_notes.may_take = true;
    wire.far->resume();
    REQUIRE(wire.until([&] { return wire.near_notes.bytes_sent > sent; }));
    wire.near->check_deadlines({stalled.value + kWriteStallMs});
    CHECK(wire.near_notes.ends.empty());
    wire.near->check_deadlines(wire.later(kWriteStallMs));
    REQUIRE(wire.near_notes.ends.size() == 1);
    CHECK(wire.near_notes.ends[0].category == Category::timeout);
}

TEST_CASE("who leaves is heard to the last byte, and both ends close") {
    Wire wire;
    wire.meet();
    wire.near->send("first");
    REQUIRE(wire.until([&] { return wire.far->is_proven(); }));
    wire.far->send(std::string(500'000, 'x'));  // On its way to one who no longer listens.
    for (int i = 0; i < 9; ++i) wire.near->send(std::string(100'000, 'y'));
    wire.near->leave(now().steady, "done here");
    wire.near->send("too late");
    REQUIRE(wire.until([&] { return !wire.near_notes.ends.empty() && !wire.far_notes.ends.empty(); }));
    CHECK(wire.far_notes.frames.size() == 10);
    CHECK(wire.near_notes.ends.size() == 1);
    CHECK(wire.near_notes.ends[0].message == "done here");
    CHECK(wire.near_notes.frames.empty());
}

TEST_CASE("a peer that does not leave in turn is left behind") {
    Wire wire;
    wire.meet();
    wire.near->send("first");
    REQUIRE(wire.until([&] { return wire.far->is_proven(); }));
    wire.far_notes.may_take = false;
    while (wire.near->wants_output()) {
        wire.near->send(std::string(100'000, 'x'));
        wire.settle();
    }
    const auto since = now().steady;
    wire.near->leave(since, "done here");
    wire.near->check_deadlines({since.value + kGoodbyeMs - 1});
    CHECK(wire.near_notes.ends.empty());
    wire.near->check_deadlines({since.value + kGoodbyeMs});
    CHECK(wire.near_notes.ends.size() == 1);
}
