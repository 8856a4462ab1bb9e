#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace strandline::backfill {

constexpr std::size_t kLongDigestBytes = 16;
constexpr std::size_t kShortDigestBytes =
    8;  // Of a row: which one, not whether all are the same. What it misses, the long one finds.

/// A digest of a set of rows: the sum of their hashes, modulo 2^128, so that the digests of two ranges add up to that of
/// both, and a row that changes is taken out and put in again.
///
/// Sets that differ have equal digests once in 2^128 by accident. Somebody who wants to can make such sets: members are
/// trusted, and what they cannot do to each other's rows is not guarded here.
class Fingerprint {
public:
    /// Of nothing.
    Fingerprint() = default;
    /// Of one row, told by bytes that are the same on every device that holds the same.
    [[nodiscard]] static Fingerprint of(std::string_view row);
    /// As bytes() gives it; anything shorter is nothing.
    [[nodiscard]] static Fingerprint from(std::string_view bytes);

    Fingerprint& operator+=(const Fingerprint& other);
    [[nodiscard]] std::string bytes(std::size_t size = kLongDigestBytes) const;

    friend bool operator==(const Fingerprint&, const Fingerprint&) = default;

private:
    std::uint64_t low_ = 0;
    std::uint64_t high_ = 0;
};

}  // namespace strandline::backfill
