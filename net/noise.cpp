#include "net/noise.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "net/bytes.h"
#include "net/check.h"
#include "net/limits.h"

namespace strandline::net {
namespace {

constexpr std::string_view kProtocolName = "Noise_XX_25519_ChaChaPoly_BLAKE2b";
constexpr std::size_t kBlockBytes = 128;  // BLAKE2b's block, which HMAC pads its key to.

using HashInput = crypto_generichash_blake2b_state;

void begin(HashInput& input) {
    crypto_generichash_blake2b_init(&input, nullptr, 0, sizeof(Hash));
}

void add(HashInput& input, const std::uint8_t* bytes, std::size_t size) {
    crypto_generichash_blake2b_update(&input, bytes, size);
}

/// HMAC (RFC 2104) with BLAKE2b in the place of the hash, of two pieces one after the other.
Secret<64> hmac(const Secret<64>& key, std::string_view first, std::string_view second) {
    Secret<kBlockBytes> inner_pad;
    Secret<kBlockBytes> outer_pad;
    for (std::size_t i = 0; i < kBlockBytes; ++i) {
        const std::uint8_t byte = i < 64 ? key.data()[i] : std::uint8_t{0};
        inner_pad.data()[i] = byte ^ 0x36;
        outer_pad.data()[i] = byte ^ 0x5c;
    }
    Secret<64> digest;
    HashInput input;
    begin(input);
    add(input, inner_pad.data(), kBlockBytes);
    add(input, bytes_of(first), first.size());
    add(input, bytes_of(second), second.size());
    crypto_generichash_blake2b_final(&input, digest.data(), 64);
    begin(input);
    add(input, outer_pad.data(), kBlockBytes);
    add(input, digest.data(), 64);
    crypto_generichash_blake2b_final(&input, digest.data(), 64);
    sodium_memzero(&input, sizeof input);
    return digest;
}

std::string_view view_of(const Secret<64>& secret) {
    return {reinterpret_cast<const char*>(secret.data()), 64};
}

/// HKDF with two outputs, section 4.3.
std::pair<Secret<64>, Secret<64>> derive(const Secret<64>& chaining_key, std::string_view input) {
    const Secret<64> temporary = hmac(chaining_key, input, {});
    Secret<64> first = hmac(temporary, "\x01", {});
    Secret<64> second = hmac(temporary, view_of(first), "\x02");
    return {std::move(first), std::move(second)};
}

/// A hash is longer than a cipher's key: the key is its beginning.
Secret<32> cipher_key_of(const Secret<64>& derived) {
    return Secret<32>(std::span<const std::uint8_t, 32>(derived.data(), 32));
}

}  // namespace

KeyPair key_pair_of(Secret<32> secret) {
    // Idempotent, and picks the fast implementations; every use of a key comes through here first.
    check(sodium_init() >= 0, "libsodium cannot be set up on this machine");
    KeyPair pair{std::move(secret), {}};
    crypto_scalarmult_base(pair.public_key.data(), pair.secret.data());
    return pair;
}

std::array<std::uint8_t, 12> CipherState::nonce_bytes() const {
    std::array<std::uint8_t, 12> bytes{};  // Section 12.3: four zero bytes, then the nonce, low byte first.
    for (std::size_t i = 0; i < 8; ++i) bytes[4 + i] = static_cast<std::uint8_t>(nonce_ >> (8 * i));
    return bytes;
}

bool CipherState::encrypt(std::string_view associated, std::string_view plain, std::string& out) {
    if (!key_) {
        out += plain;
        return true;
    }
    if (nonce_ == std::numeric_limits<std::uint64_t>::max()) return false;
    const std::size_t before = out.size();
    out.resize(before + plain.size() + kNoiseTagBytes);
    crypto_aead_chacha20poly1305_ietf_encrypt(bytes_of(out) + before, nullptr, bytes_of(plain), plain.size(),
                                              bytes_of(associated), associated.size(), nullptr,
                                              nonce_bytes().data(), key_->data());
    ++nonce_;
    return true;
}

bool CipherState::decrypt(std::string_view associated, std::string_view sealed, std::string& out) {
    if (!key_) {
        out += sealed;
        return true;
    }
    if (nonce_ == std::numeric_limits<std::uint64_t>::max() || sealed.size() < kNoiseTagBytes) return false;
    const std::size_t before = out.size();
    out.resize(before + sealed.size() - kNoiseTagBytes);
    const int failed = crypto_aead_chacha20poly1305_ietf_decrypt(
        bytes_of(out) + before, nullptr, nullptr, bytes_of(sealed), sealed.size(), bytes_of(associated),
        associated.size(), nonce_bytes().data(), key_->data());
    if (failed != 0) {
        out.resize(before);
        return false;
    }
    ++nonce_;
    return true;
}

SymmetricState::SymmetricState(std::string_view protocol_name) {
    check(protocol_name.size() <= sizeof(Hash), "a longer protocol name would have to be hashed first");
    std::copy(protocol_name.begin(), protocol_name.end(), hash_.begin());
    std::copy(hash_.begin(), hash_.end(), chaining_key_.data());
}

void SymmetricState::mix_key(const Secret<32>& input) {
    auto derived = derive(chaining_key_, {reinterpret_cast<const char*>(input.data()), 32});
    chaining_key_ = std::move(derived.first);
    cipher_ = CipherState(cipher_key_of(derived.second));
}

void SymmetricState::mix_hash(std::string_view bytes) {
    HashInput input;
    begin(input);
    add(input, hash_.data(), hash_.size());
    add(input, bytes_of(bytes), bytes.size());
    crypto_generichash_blake2b_final(&input, hash_.data(), hash_.size());
}

bool SymmetricState::encrypt_and_hash(std::string_view plain, std::string& out) {
    const std::size_t before = out.size();
    if (!cipher_.encrypt(view_of(hash_), plain, out)) return false;
    mix_hash(std::string_view(out).substr(before));
    return true;
}

bool SymmetricState::decrypt_and_hash(std::string_view sealed, std::string& out) {
    if (!cipher_.decrypt(view_of(hash_), sealed, out)) return false;
    mix_hash(sealed);
    return true;
}

Transport SymmetricState::split() const {
    const auto derived = derive(chaining_key_, {});
    return {CipherState(cipher_key_of(derived.first)), CipherState(cipher_key_of(derived.second))};
}

HandshakeState::HandshakeState(Role role, std::string_view prologue, const KeyPair& own_static,
                               KeyPair own_ephemeral)
    : role_(role), symmetric_(kProtocolName), static_(own_static), ephemeral_(std::move(own_ephemeral)) {
    symmetric_.mix_hash(prologue);
}

bool HandshakeState::is_ours_to_write() const {
    return (messages_ % 2 == 0) == (role_ == Role::initiator);
}

// The first two messages bring "e", the last two "s", and the one that brings both mixes "ee" between
// them. With "s" goes "es" or "se": for its writer the own static key with the other's ephemeral one.
bool HandshakeState::write_message(std::string_view payload, std::string& out) {
    check(!finished() && is_ours_to_write(), "a Noise message was written out of turn");
    const int message = messages_++;
    if (message < 2) {
        out += view_of(ephemeral_.public_key);
        symmetric_.mix_hash(view_of(ephemeral_.public_key));
    }
    if (message == 1 && !mix_shared_secret(ephemeral_, remote_ephemeral_)) return false;
    if (message > 0) {
        if (!symmetric_.encrypt_and_hash(view_of(static_.public_key), out)) return false;
        if (!mix_shared_secret(static_, remote_ephemeral_)) return false;
    }
    return symmetric_.encrypt_and_hash(payload, out);
}

std::optional<std::string> HandshakeState::read_message(std::string_view message) {
    check(!finished() && !is_ours_to_write(), "a Noise message was read out of turn");
    const int number = messages_++;
    if (number < 2) {
        if (message.size() < remote_ephemeral_.size()) return std::nullopt;
        std::copy_n(message.begin(), remote_ephemeral_.size(), remote_ephemeral_.begin());
        symmetric_.mix_hash(message.substr(0, remote_ephemeral_.size()));
        message.remove_prefix(remote_ephemeral_.size());
    }
    if (number == 1 && !mix_shared_secret(ephemeral_, remote_ephemeral_)) return std::nullopt;
    if (number > 0) {
        constexpr std::size_t kSealedBytes = sizeof(PublicKey) + kNoiseTagBytes;
        if (message.size() < kSealedBytes || !read_static(message.substr(0, kSealedBytes)))
            return std::nullopt;
        message.remove_prefix(kSealedBytes);
        if (!mix_shared_secret(ephemeral_, remote_static_)) return std::nullopt;
    }
    std::string payload;
    if (!symmetric_.decrypt_and_hash(message, payload)) return std::nullopt;
    return payload;
}

bool HandshakeState::read_static(std::string_view sealed) {
    std::string key;
    if (!symmetric_.decrypt_and_hash(sealed, key)) return false;
    std::copy(key.begin(), key.end(), remote_static_.begin());
    return true;
}

bool HandshakeState::mix_shared_secret(const KeyPair& ours, const PublicKey& theirs) {
    Secret<32> shared;
    // Fails for keys of small order, where the secret would be all zeros whoever we are.
    if (crypto_scalarmult(shared.data(), ours.secret.data(), theirs.data()) != 0) return false;
    symmetric_.mix_key(shared);
    return true;
}

Transport HandshakeState::split() const {
    check(finished(), "a Noise handshake was split before its end");
    return symmetric_.split();
}

}  // namespace strandline::net
