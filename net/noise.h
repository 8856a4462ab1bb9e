#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/secret.h"

/// Noise_XX_25519_ChaChaPoly_BLAKE2b over libsodium: the Noise Protocol Framework, revision 34, as far as
/// the pattern XX needs it. Names and sections are those of that specification.
///
/// Chance is handed in as the ephemeral secret. Threads: one at a time for each object.
namespace strandline::net {

using PublicKey = std::array<std::uint8_t, 32>;
using Hash = std::array<std::uint8_t, 64>;

/// An X25519 key pair.
struct KeyPair {
    Secret<32> secret;
    PublicKey public_key{};
};
[[nodiscard]] KeyPair key_pair_of(Secret<32> secret);

/// Section 5.1. Without a key, bytes pass unchanged.
class CipherState {
public:
    CipherState() = default;
    explicit CipherState(Secret<32> key) : key_(std::move(key)) {}

    [[nodiscard]] bool has_key() const { return key_.has_value(); }
    void set_nonce(std::uint64_t nonce) { nonce_ = nonce; }

    /// Appends the ciphertext and its tag. False: the nonces are used up (2^64 - 1 is reserved); nothing is
    /// appended, and this key must not encrypt again.
    [[nodiscard]] bool encrypt(std::string_view associated, std::string_view plain, std::string& out);
    /// Appends the plaintext. False: somebody else encrypted or changed it, it is out of step, or the
    /// nonces are used up; nothing is appended.
    [[nodiscard]] bool decrypt(std::string_view associated, std::string_view sealed, std::string& out);

private:
    [[nodiscard]] std::array<std::uint8_t, 12> nonce_bytes() const;

    std::optional<Secret<32>> key_;
    std::uint64_t nonce_ = 0;
};

/// One cipher for each direction, named by who encrypts with it.
struct Transport {
    CipherState initiator;
    CipherState responder;
};

/// Section 5.2.
class SymmetricState {
public:
    explicit SymmetricState(std::string_view protocol_name);

    void mix_key(const Secret<32>& input);
    void mix_hash(std::string_view bytes);
    [[nodiscard]] bool encrypt_and_hash(std::string_view plain, std::string& out);
    [[nodiscard]] bool decrypt_and_hash(std::string_view sealed, std::string& out);
    [[nodiscard]] bool has_key() const { return cipher_.has_key(); }
    [[nodiscard]] Transport split() const;
    [[nodiscard]] const Hash& hash() const { return hash_; }

private:
    Secret<64> chaining_key_;
    Hash hash_{};
    CipherState cipher_;
};

enum class Role { initiator, responder };

/// Section 5.3, for XX alone:   -> e     <- e, ee, s, es     -> s, se
///
/// Each side calls write_message and read_message in turn until finished(), then split(). After a false
/// or an empty result the handshake has failed and must be thrown away.
class HandshakeState {
public:
    /// `own_static` must outlive the handshake.
    HandshakeState(Role role, std::string_view prologue, const KeyPair& own_static, KeyPair own_ephemeral);

    /// How many of the three messages are done.
    [[nodiscard]] int messages() const { return messages_; }
    [[nodiscard]] bool finished() const { return messages_ == 3; }

    /// Appends the message that is due. False: the other side's key is one that makes no secret.
    [[nodiscard]] bool write_message(std::string_view payload, std::string& out);
    /// The payload. Empty: too short, not meant for us, or changed on the way.
    [[nodiscard]] std::optional<std::string> read_message(std::string_view message);

    /// Known once the message with "s" has been read.
    [[nodiscard]] const PublicKey& remote_static() const { return remote_static_; }
    [[nodiscard]] const Hash& hash() const { return symmetric_.hash(); }
    /// Only when finished().
    [[nodiscard]] Transport split() const;

private:
    [[nodiscard]] bool is_ours_to_write() const;
    [[nodiscard]] bool mix_shared_secret(const KeyPair& ours, const PublicKey& theirs);
    [[nodiscard]] bool read_static(std::string_view sealed);

    Role role_;
    SymmetricState symmetric_;
    const KeyPair& static_;
    KeyPair ephemeral_;
    PublicKey remote_static_{};
    PublicKey remote_ephemeral_{};
    int messages_ = 0;
};

}  // namespace strandline::net
