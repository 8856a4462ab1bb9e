#pragma once

#include <array>
#include <cstdint>

#include <strandline/ids.h>

#include "net/noise.h"
#include "net/secret.h"

namespace strandline::net {

using Signature = std::array<std::uint8_t, 64>;

/// Who this device is: an Ed25519 key pair, whose public half is the device id, and what follows from it.
/// A host keeps the seed; over TCP in a KeyFile (net/key_file.h).
///
/// Threads: one at a time; reading alone from several.
class Identity {
public:
    explicit Identity(const Secret<32>& seed);

    [[nodiscard]] const DeviceId& device() const { return device_; }
    /// The X25519 pair for handshakes, derived from the seed, so there is one secret to keep.
    [[nodiscard]] const KeyPair& noise_keys() const { return noise_keys_; }
    /// The device's word that noise_keys() are its own; see has_signed.
    [[nodiscard]] const Signature& noise_signature() const { return noise_signature_; }

private:
    DeviceId device_;
    KeyPair noise_keys_;
    Signature noise_signature_{};
};

/// Whether the device says that this Noise key is its own.
[[nodiscard]] bool has_signed(const DeviceId& device, const PublicKey& noise_key, const Signature& signature);

}  // namespace strandline::net
