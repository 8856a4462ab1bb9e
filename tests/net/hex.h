#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

#include "net/bytes.h"
#include "net/secret.h"

namespace strandline::tests {

inline std::string to_hex(std::string_view bytes) {
    std::string digits(2 * bytes.size() + 1, '\0');
    sodium_bin2hex(digits.data(), digits.size(), net::bytes_of(bytes), bytes.size());
    digits.pop_back();
    return digits;
}

inline std::string from_hex(std::string_view digits) {
    std::string bytes(digits.size() / 2, '\0');
    std::size_t size = 0;
    sodium_hex2bin(net::bytes_of(bytes), bytes.size(), digits.data(), digits.size(), nullptr, &size, nullptr);
    if (2 * size != digits.size()) throw std::invalid_argument("not hex: " + std::string(digits));
    return bytes;
}

inline net::Secret<32> secret_of(std::string_view bytes) {
    return net::Secret<32>(std::span<const std::uint8_t, 32>(net::bytes_of(bytes), 32));
}

/// The project's own folder, where golden vectors are.
inline std::filesystem::path project_folder() {
    return STRANDLINE_PROJECT_FOLDER;  // Not __FILE__: a compiler cache may give that of another clone.
}

}  // namespace strandline::tests
