#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sodium.h>

namespace strandline::net {

/// Bytes that nobody else may learn: never copied, and zeroed when they are moved away or go.
template <std::size_t Size>
class Secret {
public:
    Secret() = default;
    explicit Secret(std::span<const std::uint8_t, Size> bytes) {
        std::copy(bytes.begin(), bytes.end(), bytes_.begin());
    }
    Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            bytes_ = other.bytes_;
            other.wipe();
        }
        return *this;
    }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(); }

    [[nodiscard]] std::uint8_t* data() { return bytes_.data(); }
    [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }

private:
    void wipe() { sodium_memzero(bytes_.data(), Size); }

    std::array<std::uint8_t, Size> bytes_{};
};

}  // namespace strandline::net
