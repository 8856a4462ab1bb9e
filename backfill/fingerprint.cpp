#include "backfill/fingerprint.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace strandline::backfill {
namespace {

std::string little_endian(std::uint64_t number) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(number >> (8 * i) & 0xff);
    return bytes;
}

std::uint64_t number_from(std::string_view bytes) {
    std::uint64_t number = 0;
    for (std::size_t i = 8; i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[i]);
    return number;
}

}  // namespace

Fingerprint Fingerprint::of(std::string_view row) {
    const XXH128_hash_t hash = XXH3_128bits(row.data(), row.size());
    Fingerprint fingerprint;
    fingerprint.low_ = hash.low64;
    fingerprint.high_ = hash.high64;
    return fingerprint;
}

Fingerprint Fingerprint::from(std::string_view bytes) {
    Fingerprint fingerprint;
    if (bytes.size() < kLongDigestBytes) return fingerprint;
    fingerprint.low_ = number_from(bytes.substr(0, 8));
    fingerprint.high_ = number_from(bytes.substr(8));
    return fingerprint;
}

Fingerprint& Fingerprint::operator+=(const Fingerprint& other) {
    low_ += other.low_;
    high_ += other.high_ + (low_ < other.low_ ? 1 : 0);
    return *this;
}

std::string Fingerprint::bytes(std::size_t size) const {
    return (little_endian(low_) + little_endian(high_)).substr(0, size);
}

}  // namespace strandline::backfill
