#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Bytes travel as std::string and std::string_view; libsodium takes them as unsigned char.
namespace strandline::net {

inline const unsigned char* bytes_of(std::string_view bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

inline unsigned char* bytes_of(std::string& bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

template <std::size_t Size>
std::string_view view_of(const std::array<std::uint8_t, Size>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), Size};
}

/// The lowest `size` bytes of the number, the most significant first.
inline void append_big_endian(std::string& out, std::uint64_t number, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
}

/// At most eight bytes.
inline std::uint64_t from_big_endian(std::string_view bytes) {
    std::uint64_t number = 0;
    for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
    return number;
}

}  // namespace strandline::net
