#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "net/bytes.h"
#include "net/channel.h"
#include "net/codec.h"
#include "net/limits.h"
#include "net/packing.h"
#include "tests/net/allocations.h"
#include "tests/net/devices.h"
#include "tests/net/raw_peer.h"
#include "tests/net/same.h"
#include "tests/net/samples.h"

/// Bytes that nobody honest sends: nothing may crash, and nothing may take memory that was only announced.

using namespace strandline;
using namespace strandline::net;
namespace {

using namespace tests;

/// An error, or a message that the same bytes would give again.
void check_error_or_sound(std::string_view bytes) {
    const auto decoded = decode(bytes);
    if (!decoded) {
        CHECK(decoded.error().category == Category::protocol);
        return;
    }
    const auto again = decode(encode(*decoded));
    REQUIRE(again);
    CHECK(same(*again, *decoded));
}

TEST_CASE("a message that is cut short anywhere is refused") {
    for (const Sample& sample : samples()) {
        const std::string bytes = encode(sample.message);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            INFO(sample.name << " cut to " << size);
            CHECK_FALSE(decode(bytes.substr(0, size)));
        }
    }
}

TEST_CASE("a message in which one bit was changed is refused or is another sound message") {
    for (const Sample& sample : samples()) {
        const std::string bytes = encode(sample.message);
        for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
            std::string changed = bytes;
            changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
            INFO(sample.name << " changed at bit " << bit);
            check_error_or_sound(changed);
        }
    }
}

TEST_CASE("random bytes are refused or are a sound message") {
    std::mt19937_64 chance(20261121);
    for (int round = 0; round < 20000; ++round) {
        std::string bytes(chance() % 200, '\0');
        for (char& byte : bytes) byte = static_cast<char>(chance());
        if (round % 2 == 0)
            bytes.insert(0, 1, static_cast<char>(0x92 + chance() % 5))
                .insert(1, 1, static_cast<char>(chance() % 9));
        INFO(to_hex(bytes));
        check_error_or_sound(bytes);
    }
}

TEST_CASE("pieces of sound messages in a random order are refused or are a sound message") {
    std::mt19937_64 chance(4711);
    const auto all = samples();
    for (int round = 0; round < 20000; ++round) {
        std::string bytes = encode(all[chance() % all.size()].message);
        const std::string other = encode(all[chance() % all.size()].message);
        const std::size_t from = chance() % other.size();
        bytes.replace(chance() % bytes.size(), chance() % 12, other, from, chance() % 12);
        INFO(to_hex(bytes));
        check_error_or_sound(bytes);
    }
}

TEST_CASE("the measure of memory that other tests rely on sees it") {
    largest_allocation = 0;
    std::string text;
    text.reserve(12345);
    CHECK(largest_allocation >= 12345);
    CHECK(largest_allocation < 20000);
}

TEST_CASE("a list that is announced and never comes takes no memory") {
    const std::string list = "dd";
    const std::string origin = "c428" + std::string(80, '1');
    // A list's first byte, where each kind of list stands; the most that may stand there; and beyond.
    const std::vector<std::pair<std::string, std::size_t>> places{
        {"", 1},                                                                // a message's fields
        {"9402c2", kOriginsMax},                                                // origins
        {"9402c290", kResourcesMax},                                            // holdings
        {"9502c39090", kMembersMax},                                            // members
        {"940301909192a174", kPiecesMax},                                       // pieces
        {"96040000c291" + origin + "9197a174c400c0", 2},                        // a vector
        {"96040000c290", kPagesMax},                                            // pages
        {"96040000c2909197a174c400c090", kColumnsMax},                          // columns
        {"96040000c2909197a174c400c0909000", kEntriesPerPageMax},               // entries
        {"96040000c2909197a174c400c09090009196c4016b", kColumnsMax},            // a key's values
        {"96040000c2909197a174c400c09091a163009196c4016bc0c0c0", 3},            // cells
        {"96040000c2909197a174c400c09090009196c4016bc0c0c090", kColumnsMax},    // values
        {"96040000c2909197a174c400c09091a163009197c4016bc0c0920000c091c0", 1},  // what is withheld
        {"96040000c2909198a174c400c09091a1630090", 1},                          // what was dropped
        {"96040000c291" + origin + "919aa174c400c09090009090", 2},              // what was forgotten
        {"930500", 0},                                                          // a field that we do not know
    };
    for (const auto& [place, count_max] : places) {
        for (const std::uint64_t count : {std::uint64_t{count_max}, std::uint64_t{0xffffffff}}) {
            std::string bytes = from_hex(place + list);
            append_big_endian(bytes, count, 4);
            INFO(to_hex(bytes));
            largest_allocation = 0;
            const auto decoded = decode(bytes);
            const std::size_t largest = largest_allocation;
            CHECK((decoded.has_value() == (count == 0)));
            CHECK(largest < 1024);
        }
    }
}

TEST_CASE("a text that is announced and never comes takes no memory") {
    for (const char* bytes :
         {"9207dbffffffff", "9402c291c6ffffffff", "930500c9ffffffff", "930500dfffffffff"}) {
        largest_allocation = 0;
        const auto decoded = decode(from_hex(bytes));
        const std::size_t largest = largest_allocation;
        CHECK_FALSE(decoded);
        CHECK(largest < 1024);
    }
}

/// Pages whose list of pages is this, packed or not.
std::string pages_with(const std::string& packed) {
    std::string bytes = from_hex("96040000c290c6");
    append_big_endian(bytes, packed.size(), 4);
    return bytes + packed;
}

/// A zstd frame of one segment that states this size, and repeats one byte so often as its blocks say, 128 KiB each.
std::string repeating(std::uint64_t stated, std::size_t blocks) {
    std::string frame = from_hex("28b52ffde0");
    for (int i = 0; i < 8; ++i) frame += static_cast<char>(stated >> (8 * i));
    for (std::size_t i = 0; i < blocks; ++i) {
        const std::uint32_t header = (128U * 1024) << 3U | 1U << 1U | (i + 1 == blocks ? 1U : 0U);
        for (int byte = 0; byte < 3; ++byte) frame += static_cast<char>(header >> (8 * byte));
        frame += '\x90';
    }
    return frame;
}

TEST_CASE("what is packed takes no memory before it is known that so few bytes may hold so much") {
    constexpr std::uint64_t kBlock = 128 * 1024;
    // The same frame, when it is honest, is unpacked: what is refused below is refused for what it states.
    CHECK(unpack(repeating(2 * kBlock, 2)) == std::string(2 * kBlock, '\x90'));
    for (const auto& [stated, blocks] :
         {std::pair<std::uint64_t, std::size_t>{kFrameBytesMax + 1, 1},
          {kFrameBytesMax, 3},     // It cannot be that much.
          {~std::uint64_t{0}, 1},  // Which is how zstd says inside that it does not know.
          {~std::uint64_t{0} - 2, 1}}) {
        INFO(stated);
        largest_allocation = 0;
        const bool is_taken = decode(pages_with(repeating(stated, blocks))).has_value();
        const std::size_t largest = largest_allocation;
        CHECK_FALSE(is_taken);
        CHECK(largest < 1024);
    }
}

TEST_CASE("what unpacks to more or less than it states is refused, and never takes more than it states") {
    constexpr std::uint64_t kBlock = 128 * 1024;
    for (const auto& [stated, blocks] : {std::pair<std::uint64_t, std::size_t>{10, 1},
                                         {kBlock - 1, 1},
                                         {kBlock, 600},  // 75 MiB
                                         {2 * kBlock, 1}}) {
        INFO(stated << " bytes in " << blocks << " blocks");
        const std::string bytes = pages_with(repeating(stated, blocks));
        largest_allocation = 0;
        const bool is_taken = decode(bytes).has_value();
        const std::size_t largest = largest_allocation;
        CHECK_FALSE(is_taken);
        CHECK(largest <=
              std::max<std::size_t>(stated + 1, 256 * 1024));  // zstd's own memory is a part of it.
    }
}

TEST_CASE("pages that are packed are refused when they are cut short, changed or followed by more") {
    Pages none;
    none.origins = two_origins();
    std::string head = encode(Message(none));
    head.pop_back();  // The list of pages, which is empty.
    const std::string list = encode(Message(all_forms())).substr(head.size());
    const std::string packed = *pack(list, 4096);
    const auto with = [&](const std::string& body) {
        std::string message = head + '\xc6';
        append_big_endian(message, body.size(), 4);
        return message + body;
    };
    const auto decoded = decode(with(packed));
    REQUIRE(decoded);
    CHECK(same(*decoded, Message(all_forms())));
    for (std::size_t size = 0; size < packed.size(); ++size)
        CHECK_FALSE(decode(with(packed.substr(0, size))));
    CHECK_FALSE(decode(with(packed + '\0')));
    CHECK_FALSE(decode(with(packed + packed)));
    CHECK_FALSE(decode(with(*pack(list + '\xc0', 4096))));
    CHECK_FALSE(decode(with(*pack("", 4096))));
    CHECK_FALSE(decode(with(*pack(with(packed), 4096))));
    for (std::size_t bit = 0; bit < 8 * packed.size(); ++bit) {
        std::string changed = packed;
        changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
        INFO("changed at bit " << bit);
        check_error_or_sound(with(changed));
    }
}

TEST_CASE("lists that are nested without end are passed over without a stack") {
    const std::string deep(5'000'000, '\x91');
    check_error_or_sound(from_hex("930500") + deep + '\xc0');
    CHECK(decode(from_hex("930500") + deep + '\xc0'));
    CHECK_FALSE(decode(from_hex("930500") + deep));
    CHECK_FALSE(decode(deep));
    CHECK_FALSE(decode(from_hex("930500") + std::string(1'000'000, '\xdd')));
}

TEST_CASE("a frame that is announced and never comes takes no memory") {
    const Identity& own = identity_of(bytes32('o'));
    const Identity& ours = identity_of(bytes32('u'));
    RawPeer peer(Role::initiator, own, greeting_of(own));
    Channel right(
        Role::responder, ours, [](const DeviceId& /*device*/) { return true; }, secret_of(bytes32('2')));
    REQUIRE(right.receive(peer.say()));
    peer.hear(right.take_output());
    REQUIRE(right.receive(peer.say()));
    std::string announced;
    append_big_endian(announced, kFrameBytesMax, 4);
    const std::string sealed = peer.seal(announced + "five!");
    largest_allocation = 0;
    const bool received = right.receive(sealed).has_value();
    const std::size_t largest = largest_allocation;
    CHECK(received);
    CHECK(largest < 1024);
    CHECK_FALSE(right.next_frame()->has_value());
}

TEST_CASE("a channel takes random bytes of a handshake, and never opens") {
    std::mt19937_64 chance(99);
    const Identity& ours = identity_of(bytes32('u'));
    for (int round = 0; round < 300; ++round) {
        for (const Role role : {Role::initiator, Role::responder}) {
            Channel channel(
                role, ours, [](const DeviceId& /*device*/) { return true; }, secret_of(bytes32('2')));
            std::string bytes;
            while (bytes.size() < 2000) {
                std::string message(chance() % 300, '\0');
                for (char& byte : message) byte = static_cast<char>(chance());
                append_big_endian(bytes, message.size(), 2);
                bytes += message;
            }
            CHECK_FALSE(channel.receive(bytes));
            CHECK_FALSE(channel.is_open());
            CHECK(channel.output_size() == 0);
        }
    }
}

}  // namespace
