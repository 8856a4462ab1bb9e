#include "net/channel.h"

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/net/devices.h"
#include "tests/net/raw_peer.h"
#include "tests/stops.h"

using namespace strandline;
using namespace strandline::net;
namespace {

using tests::bytes32;
using tests::identity_of;
using tests::RawPeer;
using tests::secret_of;

bool trust_all(const DeviceId& /*device*/) {
    return true;
}
bool trust_none(const DeviceId& /*device*/) {
    return false;
}

/// Two devices and a wire between them.
struct Wire {
    const Identity& left_identity = identity_of(bytes32('l'));
    const Identity& right_identity = identity_of(bytes32('r'));
    Channel left;
    Channel right;

    explicit Wire(Trust left_trusts = trust_all, Trust right_trusts = trust_all)
        : left(Role::initiator, left_identity, std::move(left_trusts), secret_of(bytes32('1'))),
          right(Role::responder, right_identity, std::move(right_trusts), secret_of(bytes32('2'))) {}

    void shake_hands() {
        REQUIRE(right.receive(left.take_output()));
        REQUIRE(left.receive(right.take_output()));
        REQUIRE(right.receive(left.take_output()));
        REQUIRE(left.is_open());
        REQUIRE(right.is_open());
    }
};

std::string next_of(Channel& channel) {
    auto frame = channel.next_frame();
    REQUIRE(frame);
    REQUIRE(frame->has_value());
    return std::move(**frame);
}

/// Bytes that differ from place to place.
std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
    return bytes;
}

void check_dead_of(Channel& channel, Category category, const std::string& sentence) {
    const auto received = channel.receive("more");
    REQUIRE_FALSE(received);
    CHECK(received.error().category == category);
    CHECK_THAT(received.error().message, Catch::Contains(sentence));
    const auto frame = channel.next_frame();
    REQUIRE_FALSE(frame);
    CHECK(frame.error().message == received.error().message);
    CHECK_FALSE(channel.is_open());
    CHECK(channel.output_size() == 0);
    CHECK(channel.take_output().empty());
}

constexpr const char* kAnotherProtocol = "does not speak strandline/1";

TEST_CASE("two devices that trust each other know each other and exchange frames") {
    Wire wire;
    CHECK_FALSE(wire.left.is_open());
    wire.shake_hands();
    CHECK(wire.left.peer() == wire.right_identity.device());
    CHECK(wire.right.peer() == wire.left_identity.device());
    wire.left.send("a question");
    wire.right.send("an answer");
    REQUIRE(wire.right.receive(wire.left.take_output()));
    REQUIRE(wire.left.receive(wire.right.take_output()));
    CHECK(next_of(wire.right) == "a question");
    CHECK(next_of(wire.left) == "an answer");
    CHECK_FALSE(wire.left.next_frame()->has_value());
}

TEST_CASE("every byte on the wire is what an implementation that is not ours says") {
    std::ifstream file(tests::project_folder() / "tests/golden/noise_xx.json");
    const auto golden = nlohmann::json::parse(file)["channel"];
    const auto bytes = [&](const char* name) { return tests::from_hex(golden[name].get<std::string>()); };
    const auto said = [&](std::size_t i) { return golden["wire"][i].get<std::string>(); };
    const Identity& init = identity_of(bytes("init_seed"));
    const Identity& resp = identity_of(bytes("resp_seed"));
    CHECK(to_hex(init.device()) == golden["init_device"]);
    Channel left(Role::initiator, init, trust_all, secret_of(bytes("init_ephemeral")));
    Channel right(Role::responder, resp, trust_all, secret_of(bytes("resp_ephemeral")));
    for (std::size_t turn = 0; turn < 3; ++turn) {
        const std::string sent = (turn % 2 == 0 ? left : right).take_output();
        CHECK(tests::to_hex(sent) == said(turn));
        REQUIRE((turn % 2 == 0 ? right : left).receive(sent));
    }
    right.send(bytes("resp_frame"));
    CHECK(tests::to_hex(right.take_output()) == said(3));
    left.send(bytes("init_frame"));
    CHECK(tests::to_hex(left.take_output()) == said(4));
}

TEST_CASE("bytes may come in pieces of any size, one at a time too") {
    for (const std::size_t size : {1UL, 2UL, 3UL, 7UL, 1000UL, 65536UL}) {
        Wire wire;
        const auto carry = [size](Channel& from, Channel& to) {
            const std::string bytes = from.take_output();
            for (std::size_t at = 0; at < bytes.size(); at += size)
                REQUIRE(to.receive(bytes.substr(at, size)));
        };
        carry(wire.left, wire.right);
        carry(wire.right, wire.left);
        REQUIRE(wire.left.is_open());
        wire.left.send(pattern(70000));  // Joined to the last message of the handshake.
        wire.left.send("x");
        carry(wire.left, wire.right);
        CHECK(next_of(wire.right) == pattern(70000));
        CHECK(next_of(wire.right) == "x");
    }
}

TEST_CASE("frames of every size come out whole and in order") {
    Wire wire;
    wire.shake_hands();
    const std::vector<std::size_t> sizes{1,      2,      65514,  65515,           65516,         65519,
                                         65520,  131033, 131034, 131035,          1024 * 1024,   1,
                                         300000, 65515,  3,      5 * 1024 * 1024, kFrameBytesMax};
    for (const std::size_t size : sizes) wire.left.send(pattern(size));
    REQUIRE(wire.right.receive(wire.left.take_output()));
    for (const std::size_t size : sizes) CHECK((next_of(wire.right) == pattern(size)));
    CHECK_FALSE(wire.right.next_frame()->has_value());
}

TEST_CASE("a frame is sealed in Noise messages that are as long as the protocol allows") {
    Wire wire;
    wire.shake_hands();
    wire.left.send(pattern(65515));
    CHECK(wire.left.output_size() == 2 + 65535);
    wire.left.send("x");
    CHECK(wire.left.output_size() == 2 + 65535 + 2 + 4 + 1 + 16);
}

TEST_CASE("a device that is not trusted is named, and learns nothing after the second message") {
    Wire wire(trust_all, trust_none);
    REQUIRE(wire.right.receive(wire.left.take_output()));
    REQUIRE(wire.left.receive(wire.right.take_output()));
    REQUIRE(wire.left.is_open());
    wire.left.send("let me in");
    CHECK_FALSE(wire.right.receive(wire.left.take_output()));
    check_dead_of(wire.right, Category::auth,
                  "device " + short_hex(wire.left_identity.device()) + " is not trusted");
}

TEST_CASE("a device that we dial and do not trust never hears who we are") {
    Wire wire(trust_none, trust_all);
    REQUIRE(wire.right.receive(wire.left.take_output()));
    CHECK_FALSE(wire.left.receive(wire.right.take_output()));
    check_dead_of(wire.left, Category::auth,
                  "device " + short_hex(wire.right_identity.device()) + " is not trusted");
}

TEST_CASE("trust is asked about the device that has proved itself, once") {
    std::vector<DeviceId> asked;
    Wire wire([&](const DeviceId& device) {
        asked.push_back(device);
        return true;
    });
    wire.shake_hands();
    CHECK(asked == std::vector<DeviceId>{wire.right_identity.device()});
}

TEST_CASE("a device that shows another one's greeting is refused before trust is asked") {
    const Identity& own = identity_of(bytes32('o'));
    const Identity& victim = identity_of(bytes32('v'));
    const Identity& ours = identity_of(bytes32('u'));
    const auto never = [](const DeviceId& /*device*/) -> bool { throw std::logic_error("trust was asked"); };
    const std::string sentence = "device " + short_hex(victim.device()) + " and cannot prove it";

    RawPeer dialling(Role::initiator, own, tests::greeting_of(victim));
    Channel right(Role::responder, ours, never, secret_of(bytes32('2')));
    REQUIRE(right.receive(dialling.say()));
    dialling.hear(right.take_output());
    CHECK_FALSE(right.receive(dialling.say()));
    check_dead_of(right, Category::auth, sentence);

    RawPeer answering(Role::responder, own, tests::greeting_of(victim));
    Channel left(Role::initiator, ours, never, secret_of(bytes32('1')));
    answering.hear(left.take_output());
    CHECK_FALSE(left.receive(answering.say()));
    check_dead_of(left, Category::auth, sentence);
}

TEST_CASE("a greeting of another version or size is refused with a sentence") {
    const Identity& own = identity_of(bytes32('o'));
    const Identity& ours = identity_of(bytes32('u'));
    const std::string sound = tests::greeting_of(own);
    std::string newer = sound;
    newer[0] = 2;
    for (const std::string& greeting :
         {std::string(), newer, sound + 'x', sound.substr(0, 96), newer + pattern(100)}) {
        RawPeer answering(Role::responder, own, greeting);
        Channel left(Role::initiator, ours, trust_all, secret_of(bytes32('1')));
        answering.hear(left.take_output());
        CHECK_FALSE(left.receive(answering.say()));
        check_dead_of(left, Category::protocol, "another version");
    }
}

TEST_CASE("what speaks something else is told apart at its first bytes") {
    const Identity& ours = identity_of(bytes32('u'));
    const std::string not_a_point = std::string("\0\x20", 2) + std::string(32, '\0');
    const std::string with_payload = std::string("\0\x21", 2) + std::string(33, 'x');
    for (const std::string& bytes :
         {std::string("GET / HTTP/1.1\r\n"), std::string("\x16\x03\x01\x02"), std::string("SSH-2.0-OpenSSH"),
          std::string("\x02\x01"), std::string(2, '\0'), std::string("\0\x1f", 2) + std::string(31, 'x'),
          not_a_point, with_payload}) {
        INFO(tests::to_hex(bytes));
        Channel right(Role::responder, ours, trust_all, secret_of(bytes32('2')));
        CHECK_FALSE(right.receive(bytes));
        check_dead_of(right, Category::protocol, kAnotherProtocol);
        Channel left(Role::initiator, ours, trust_all, secret_of(bytes32('1')));
        CHECK_FALSE(left.receive(bytes));
        check_dead_of(left, Category::protocol, kAnotherProtocol);
    }
}

TEST_CASE("a peer with another prologue is refused by both sides") {
    const Identity& own = identity_of(bytes32('o'));
    const Identity& ours = identity_of(bytes32('u'));
    RawPeer answering(Role::responder, own, tests::greeting_of(own), "strandline/2");
    Channel left(Role::initiator, ours, trust_all, secret_of(bytes32('1')));
    answering.hear(left.take_output());
    CHECK_FALSE(left.receive(answering.say()));
    check_dead_of(left, Category::protocol, kAnotherProtocol);

    RawPeer dialling(Role::initiator, own, tests::greeting_of(own), "strandline/2");
    Channel right(Role::responder, ours, trust_all, secret_of(bytes32('2')));
    REQUIRE(right.receive(dialling.say()));
    dialling.hear(right.take_output());  // It cannot read this, and goes on all the same.
    CHECK_FALSE(right.receive(dialling.say()));
    check_dead_of(right, Category::protocol, kAnotherProtocol);
}

TEST_CASE("a handshake in which any one bit was changed never opens on both sides") {
    for (int message = 0; message < 3; ++message) {
        const std::size_t bits = message == 0 ? 8 * 34 : message == 1 ? 8 * 195 : 8 * 163;
        for (std::size_t bit = 0; bit < bits; ++bit) {
            // X25519 ignores the highest bit of a key; the hash of the handshake does not.
            Wire wire;
            for (int turn = 0; turn < 3; ++turn) {
                std::string bytes = (turn % 2 == 0 ? wire.left : wire.right).take_output();
                if (turn == message) {
                    REQUIRE(bytes.size() * 8 == bits);
                    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
                }
                if (!(turn % 2 == 0 ? wire.right : wire.left).receive(bytes)) break;
            }
            CHECK_FALSE((wire.left.is_open() && wire.right.is_open()));
        }
    }
}

TEST_CASE("bytes that were changed, said twice or left out end the connection") {
    const auto broken_by = [](auto change) {
        Wire wire;
        wire.shake_hands();
        wire.left.send("one");
        const std::string one = wire.left.take_output();
        wire.left.send("two");
        const std::string two = wire.left.take_output();
        CHECK_FALSE(wire.right.receive(change(one, two)));
        check_dead_of(wire.right, Category::protocol, "cannot be decrypted");
    };
    for (std::size_t i = 2; i < 25; ++i) {
        broken_by([i](std::string one, const std::string& two) {
            one[i] = static_cast<char>(one[i] ^ 1);
            return one + two;
        });
    }
    broken_by([](const std::string& one, const std::string& /*two*/) { return one + one; });
    broken_by([](const std::string& /*one*/, const std::string& two) { return two; });
    broken_by([](const std::string& /*one*/, const std::string& /*two*/) { return std::string(2, '\0'); });
}

TEST_CASE("a frame of no bytes or of too many is refused by its size alone") {
    for (const std::uint64_t size :
         {std::uint64_t{0}, std::uint64_t{kFrameBytesMax} + 1, std::uint64_t{0xffffffff}}) {
        const Identity& own = identity_of(bytes32('o'));
        const Identity& ours = identity_of(bytes32('u'));
        RawPeer peer(Role::initiator, own, tests::greeting_of(own));
        Channel right(Role::responder, ours, trust_all, secret_of(bytes32('2')));
        REQUIRE(right.receive(peer.say()));
        peer.hear(right.take_output());
        REQUIRE(right.receive(peer.say()));
        std::string announced;
        append_big_endian(announced, size, 4);
        REQUIRE(right.receive(peer.seal(announced.substr(0, 3))));
        CHECK_FALSE(right.receive(peer.seal(announced.substr(3))));
        check_dead_of(right, Category::protocol, "announced a frame of " + std::to_string(size) + " bytes");
    }
}

TEST_CASE("a Noise message without content is refused, as it would cost us and not its sender") {
    const Identity& own = identity_of(bytes32('o'));
    const Identity& ours = identity_of(bytes32('u'));
    RawPeer peer(Role::initiator, own, tests::greeting_of(own));
    Channel right(Role::responder, ours, trust_all, secret_of(bytes32('2')));
    REQUIRE(right.receive(peer.say()));
    peer.hear(right.take_output());
    REQUIRE(right.receive(peer.say()));
    CHECK_FALSE(right.receive(peer.seal("")));
}

TEST_CASE("a frame on a channel that is not open, or of no size, is our own fault and stops the program") {
    Wire wire;
    CHECK(tests::last_words_of([&] { wire.left.send("too early"); }) ==
          "strandline: a frame was sent on a channel that is not open\n");
    CHECK(tests::last_words_of([&] { (void)wire.left.peer(); }) ==
          "strandline: a channel was asked for its peer before it was open\n");
    wire.shake_hands();
    CHECK(tests::last_words_of([&] { wire.left.send(""); }) ==
          "strandline: a frame of a size was sent that no peer takes\n");
}

}  // namespace
