#include "net/identity.h"

#include <catch2/catch.hpp>

#include "tests/net/devices.h"

using namespace strandline;
using namespace strandline::net;
namespace {

TEST_CASE("one seed is one device, whoever makes it") {
    const std::string seed = tests::bytes32('1');
    const Identity again(Secret<32>(std::span<const std::uint8_t, 32>(bytes_of(std::string_view(seed)), 32)));
    const Identity& one = tests::identity_of(seed);
    CHECK(again.device() == one.device());
    CHECK(again.noise_keys().public_key == one.noise_keys().public_key);
    CHECK(again.noise_signature() == one.noise_signature());
    CHECK(tests::identity_of(tests::bytes32('2')).device() != one.device());
}

TEST_CASE("a device vouches for its own Noise key, and for no other") {
    const Identity& one = tests::identity_of(tests::bytes32('1'));
    const Identity& two = tests::identity_of(tests::bytes32('2'));
    CHECK(has_signed(one.device(), one.noise_keys().public_key, one.noise_signature()));
    CHECK_FALSE(has_signed(one.device(), two.noise_keys().public_key, one.noise_signature()));
    CHECK_FALSE(has_signed(two.device(), one.noise_keys().public_key, one.noise_signature()));
    Signature changed = one.noise_signature();
    changed[0] ^= 1;
    CHECK_FALSE(has_signed(one.device(), one.noise_keys().public_key, changed));
}

}  // namespace
