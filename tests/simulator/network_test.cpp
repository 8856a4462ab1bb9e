#include "simulator/network.h"

#include <memory>
#include <string>

#include <catch2/catch.hpp>

using namespace strandline;
using namespace strandline::simulator;
namespace {

/// Notes what it hears.
struct Notebook final : Network::End {
    void connected() override { is_connected = true; }
    void arrived(std::string_view bytes) override {
        text += bytes;
        ++pieces;
    }
    void has_room() override { ++rooms; }
    void ended(const std::string& why) override { end = why; }

    std::string text;
    std::string end;
    int pieces = 0;
    int rooms = 0;
    bool is_connected = false;
};

/// Two devices and a pipe between them, which is open.
struct Wire {
    Schedule schedule;
    Chronicle chronicle{schedule, 0};
    Network network{schedule, chronicle, Random(1)};
    std::shared_ptr<Notebook> near = std::make_shared<Notebook>();
    std::shared_ptr<Notebook> far = std::make_shared<Notebook>();
    Network::Port near_port;
    Network::Port far_port;

    Wire() {
        network.listen(1, [this](Network::Port port, std::size_t) {
            far_port = port;
            return far;
        });
        near_port = network.dial(0, 1, near);
        pass(kUsPerSecond);
    }
    void pass(std::int64_t us) {
        const Moment end = after(schedule.now(), us);
        while (schedule.run_next(end)) {
        }
    }
};

TEST_CASE("bytes arrive whole, in order, and after the link's latency") {
    Wire wire;
    REQUIRE(wire.near->is_connected);
    wire.network.send(wire.near_port, "one ");
    wire.network.send(wire.near_port, "two");
    wire.pass(4'000);
    CHECK(wire.far->text.empty());
    wire.pass(2'000);
    CHECK(wire.far->text == "one two");
    wire.network.send(wire.far_port, "back");
    wire.pass(10'000);
    CHECK(wire.near->text == "back");
    CHECK(wire.network.traffic(0, 1).bytes == 7);
}

TEST_CASE("a slow link takes its time, and holds back a sender that says too much") {
    Wire wire;
    wire.network.link(0, 1).bytes_per_second = 100'000;
    wire.network.send(wire.near_port, std::string(1'000'000, 'x'));
    CHECK(wire.network.unsent(wire.near_port) > 500'000);
    wire.pass(5 * kUsPerSecond);
    CHECK(wire.far->text.size() > 350'000);
    CHECK(wire.far->text.size() <= 500'000);
    wire.pass(6 * kUsPerSecond);
    CHECK(wire.far->text.size() == 1'000'000);
    CHECK(wire.near->rooms > 0);
    CHECK(wire.network.unsent(wire.near_port) == 0);
}

TEST_CASE("small pieces are small, and together they are what was sent") {
    Wire wire;
    wire.network.link(0, 1).is_in_small_pieces = true;
    wire.network.send(wire.near_port, std::string(50'000, 'x'));
    wire.pass(kUsPerSecond);
    CHECK(wire.far->text == std::string(50'000, 'x'));
    CHECK(wire.far->pieces > 35);
}

TEST_CASE("what a blocked way holds back arrives when it is open again, and the other way goes on") {
    Wire wire;
    wire.network.block(0, 1, true);
    wire.network.send(wire.near_port, "held");
    wire.network.send(wire.far_port, "free");
    wire.pass(60 * kUsPerSecond);
    CHECK(wire.far->text.empty());
    CHECK(wire.near->text == "free");
    wire.network.block(0, 1, false);
    wire.pass(kUsPerSecond);
    CHECK(wire.far->text == "held");
}

TEST_CASE("while a side is paused nothing arrives there, and nothing is lost") {
    Wire wire;
    wire.network.pause(wire.far_port, true);
    wire.network.send(wire.near_port, "later");
    wire.pass(kUsPerSecond);
    CHECK(wire.far->text.empty());
    wire.network.pause(wire.far_port, false);
    wire.pass(kUsPerSecond);
    CHECK(wire.far->text == "later");
}

TEST_CASE("who closes is heard after what was sent before") {
    Wire wire;
    wire.network.send(wire.near_port, "last words");
    wire.network.close(wire.near_port);
    wire.pass(kUsPerSecond);
    CHECK(wire.far->text == "last words");
    CHECK(wire.far->end == "the peer closed the connection");
}

TEST_CASE("a reset cuts what is on its way in the middle, and both sides hear of it") {
    Wire wire;
    wire.network.send(wire.near_port, "0123456789");
    REQUIRE(wire.network.reset_one());
    wire.pass(kUsPerSecond);
    CHECK(wire.far->text == "01234");
    CHECK(wire.far->end == "connection reset by peer");
    CHECK(wire.near->end == "connection reset by peer");
    CHECK_FALSE(wire.network.reset_one());
}

TEST_CASE("a half-open pipe swallows everything, and tells nobody until it is ended") {
    Wire wire;
    REQUIRE(wire.network.half_open_one());
    wire.network.send(wire.near_port, "into the void");
    wire.pass(60 * kUsPerSecond);
    CHECK(wire.far->text.empty());
    CHECK(wire.near->end.empty());
    wire.network.end_half_open();
    wire.pass(kUsPerSecond);
    CHECK_FALSE(wire.near->end.empty());
    CHECK_FALSE(wire.far->end.empty());
}

TEST_CASE("a flipped bit is one bit") {
    Wire wire;
    REQUIRE(wire.network.flip_bit_of_one());
    wire.network.send(wire.near_port, std::string(100, '\0'));
    wire.pass(kUsPerSecond);
    int bits = 0;
    for (const char c : wire.far->text) bits += __builtin_popcount(static_cast<unsigned char>(c));
    CHECK(bits == 1);
}

TEST_CASE("a device without power is silent, and when it is back it knows no pipe of before") {
    Wire wire;
    wire.network.power_off(1);
    wire.network.send(wire.near_port, "hello?");
    wire.pass(60 * kUsPerSecond);
    CHECK(wire.near->end.empty());
    wire.network.power_on(1);
    wire.pass(kUsPerSecond);
    CHECK(wire.near->end == "connection reset by peer");
}

TEST_CASE("a device whose processes died is heard of, and refuses until somebody listens") {
    Wire wire;
    wire.network.listen(1, {});
    wire.network.hang_up(1);
    const auto again = std::make_shared<Notebook>();
    wire.network.dial(0, 1, again);
    wire.pass(kUsPerSecond);
    CHECK(wire.near->end == "connection reset by peer");
    CHECK(again->end == "connection refused");
    CHECK_FALSE(again->is_connected);
}

}  // namespace
