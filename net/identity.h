#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include <strandline/ids.h>
#include <strandline/result.h>

#include "net/noise.h"
#include "net/secret.h"

namespace strandline::net {

using Signature = std::array<std::uint8_t, 64>;

/// Who this device is: an Ed25519 key pair, whose public half is the device id, and what follows from it.
/// Kept in a key file beside the database, with the count of openings that tells a restored or copied
/// database from the living one.
///
/// The file is text, three lines and nothing else, readable by its owner alone:
///
///     strandline key 1
///     seed 64 hex digits
///     opened N
///
/// Durable: create and set_opened return only when file and folder are on disk. A crash in between leaves
///          the old file or the new one.
/// Errors:  usage (a wrong path, a foreign or damaged file, wrong permissions), storage (the disk).
/// Threads: one at a time; reading alone from several.
class Identity {
public:
    /// A new device, from 32 bytes of chance. Error (usage): the file exists; it is left as it is.
    [[nodiscard]] static Result<Identity> create(const std::filesystem::path& path,
                                                 std::span<const std::uint8_t, 32> chance);
    [[nodiscard]] static Result<Identity> load(const std::filesystem::path& path);

    [[nodiscard]] const DeviceId& device() const { return device_; }

    /// How often the database was opened, as the engine counts it; 0 in a new file.
    [[nodiscard]] std::uint64_t opened() const { return opened_; }
    [[nodiscard]] Result<void> set_opened(std::uint64_t count);

    /// The X25519 pair for handshakes, derived from the seed, so the file holds one secret.
    [[nodiscard]] const KeyPair& noise_keys() const { return noise_keys_; }
    /// The device's word that noise_keys() are its own; see has_signed.
    [[nodiscard]] const Signature& noise_signature() const { return noise_signature_; }

private:
    Identity(std::filesystem::path path, Secret<32> seed, std::uint64_t opened);

    std::filesystem::path path_;
    Secret<32> seed_;
    std::uint64_t opened_;
    DeviceId device_;
    KeyPair noise_keys_;
    Signature noise_signature_{};
};

/// Whether the device says that this Noise key is its own.
[[nodiscard]] bool has_signed(const DeviceId& device, const PublicKey& noise_key, const Signature& signature);

}  // namespace strandline::net
