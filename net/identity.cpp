#include "net/identity.h"

#include <string>
#include <string_view>
#include <utility>

#include "net/bytes.h"

namespace strandline::net {
namespace {

// What is derived and what is signed says what it is for, so that neither serves for anything else.
constexpr std::string_view kNoiseKeyPurpose = "strandline/1 noise static key";
constexpr std::string_view kSignaturePurpose = "strandline/1 this noise static key is mine: ";

}  // namespace

Identity::Identity(const Secret<32>& seed) {
    Secret<32> noise_secret;
    crypto_generichash_blake2b(noise_secret.data(), 32, bytes_of(kNoiseKeyPurpose), kNoiseKeyPurpose.size(),
                               seed.data(), 32);
    noise_keys_ = key_pair_of(std::move(noise_secret));
    Secret<crypto_sign_SECRETKEYBYTES> signing_key;
    crypto_sign_seed_keypair(device_.bytes.data(), signing_key.data(), seed.data());
    std::string claim(kSignaturePurpose);
    claim += view_of(noise_keys_.public_key);
    crypto_sign_detached(noise_signature_.data(), nullptr, bytes_of(claim), claim.size(), signing_key.data());
}

bool has_signed(const DeviceId& device, const PublicKey& noise_key, const Signature& signature) {
    std::string claim(kSignaturePurpose);
    claim += view_of(noise_key);
    return crypto_sign_verify_detached(signature.data(), bytes_of(claim), claim.size(),
                                       device.bytes.data()) == 0;
}

}  // namespace strandline::net
