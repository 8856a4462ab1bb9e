#include "net/packing.h"

#include <random>
#include <string>

#include <catch2/catch.hpp>

#include "net/codec.h"
#include "net/cursor.h"
#include "net/limits.h"
#include "tests/net/same.h"
#include "tests/net/samples.h"

using namespace strandline;
using namespace strandline::net;
namespace {

using namespace tests;

std::string text_of(std::size_t bytes) {
    std::string text;
    for (int i = 0; text.size() < bytes; ++i) text += "line " + std::to_string(i) + " of a long letter, ";
    text.resize(bytes);
    return text;
}

std::string noise_of(std::size_t bytes) {
    std::mt19937_64 chance(bytes);
    std::string noise(bytes, '\0');
    for (char& byte : noise) byte = static_cast<char>(chance());
    return noise;
}

/// Time goes on between messages, and while something is packed.
struct World {
    std::int64_t now_us = 1'000'000;
    std::int64_t packing_us = 10;
    int asked = 0;
    Packer packer{[this] {
        if (++asked == 2) now_us += packing_us;  // When packing is over.
        return now_us;
    }};

    /// Whether it is packed; then some time passes.
    bool packs(const std::string& bytes, std::int64_t pause_us = 10'000) {
        asked = 0;
        const bool is_packed = packer.pack(bytes).has_value();
        now_us += pause_us;
        return is_packed;
    }
};

TEST_CASE("what is packed comes back as it was, of whatever size") {
    for (const std::size_t size : {0UL, 1UL, 255UL, 256UL, 65'791UL, 65'792UL, 300'000UL, 5'000'000UL}) {
        INFO(size);
        const auto packed = pack(text_of(size), size + 100);
        REQUIRE(packed);
        CHECK(unpack(*packed) == text_of(size));
    }
}

TEST_CASE("packed bytes that would be more than wanted are not given") {
    CHECK_FALSE(pack(noise_of(5'000), 5'000));
    const auto packed = pack(text_of(5'000), 5'000);
    REQUIRE(packed);
    CHECK(pack(text_of(5'000), packed->size() - 1) == std::nullopt);
}

TEST_CASE("pages that are packed are the same pages, and fewer bytes") {
    World world;
    Pages pages = all_forms();
    pages.pages[0].entries[0].values[0] = text_of(20'000);
    const std::string plain = encode(Message(pages));
    const std::string packed = encode(Message(pages), world.packer);
    CHECK(packed.size() < plain.size() / 3);
    const auto decoded = decode(packed);
    REQUIRE(decoded);
    CHECK(same(*decoded, Message(pages)));
}

TEST_CASE("what is small, what is huge, and what is no page is never packed") {
    World world;
    CHECK_FALSE(world.packs(text_of(kPackedBytesMin - 1)));
    CHECK(world.packs(text_of(kPackedBytesMin)));
    CHECK(world.packs(text_of(kPackedBytesMax)));
    CHECK_FALSE(world.packs(text_of(kPackedBytesMax + 1)));
    for (const Sample& sample : samples()) {
        if (std::holds_alternative<Pages>(sample.message)) continue;
        CHECK(encode(sample.message, world.packer) == encode(sample.message));
    }
}

TEST_CASE("where packing spares nothing it is tried less and less, and again at once when it does") {
    World world;
    std::size_t tries = 0;
    for (int i = 0; i < 1'000; ++i) {
        const std::int64_t before_us = world.now_us;
        CHECK_FALSE(world.packs(noise_of(2'000), 0));
        if (world.now_us - before_us >= world.packing_us) ++tries;
    }
    CHECK(tries > 1'000 / kPackingRestMost);
    CHECK(tries < 30);
    std::size_t until_packed = 0;
    while (!world.packs(text_of(2'000))) ++until_packed;
    CHECK(until_packed <= kPackingRestMost);
    for (int i = 0; i < 100; ++i) CHECK(world.packs(text_of(2'000)));
}

TEST_CASE("where packing is most of the work it rests, and goes on when there is time for it") {
    World world;
    world.packing_us = 1'000;
    std::size_t packed = 0;
    for (int i = 0; i < 1'000; ++i) packed += world.packs(text_of(2'000), 200) ? 1U : 0U;
    CHECK(packed < 250);
    CHECK(packed > 8);
    for (std::size_t i = 0; i < kPackingRestMost; ++i) (void)world.packs(text_of(2'000), 10'000);
    for (int i = 0; i < 100; ++i) CHECK(world.packs(text_of(2'000), 10'000));
}

}  // namespace
