#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include <strandline/result.h>

namespace strandline {

/// A member of a group: its Ed25519 public key, 32 bytes. Text form: 64 lower-case hex digits.
struct DeviceId {
    std::array<std::uint8_t, 32> bytes{};

    friend auto operator<=>(const DeviceId&, const DeviceId&) = default;
};

/// One unbroken life of a device's database, drawn at random when that life begins.
enum class Incarnation : std::uint64_t {};

/// Who wrote: the full name of an origin, as it stands on the wire.
struct OriginId {
    DeviceId device;
    Incarnation incarnation{};

    friend auto operator<=>(const OriginId&, const OriginId&) = default;
};

/// An origin as a small number. It means something only beside the list that gives the full ids:
/// the database's own table inside the engine, Pages::origins inside a message.
enum class Origin : std::uint32_t {};

[[nodiscard]] std::string to_hex(const DeviceId& device);
/// The first eight hex digits: for logs and tables that people read.
[[nodiscard]] std::string short_hex(const DeviceId& device);
/// Error: not 64 lower-case hex digits.
[[nodiscard]] Result<DeviceId> device_id_from_hex(std::string_view text);
/// Device and incarnation, "64 hex digits/16 hex digits".
[[nodiscard]] std::string to_text(const OriginId& origin);

}  // namespace strandline
