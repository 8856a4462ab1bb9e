#include "net/packing.h"

#include <zstd.h>

#include <algorithm>
#include <utility>

#include "net/cursor.h"
#include "net/limits.h"

namespace strandline::net {
namespace {

/// The fastest that zstd is made for: of rows it leaves hardly more than the levels behind it, in a third of their time.
constexpr int kLevel = 1;

/// Whether so many bytes may hold a content of that size: a block has at least four, its header and one byte to repeat.
bool may_hold(std::size_t packed, std::uint64_t content) {
    constexpr std::size_t kBlockBytesMin = 4;
    return content / ZSTD_BLOCKSIZE_MAX <= packed / kBlockBytesMin;
}

}  // namespace

std::optional<std::string> pack(std::string_view bytes, std::size_t size_max) {
    std::string packed(size_max, '\0');
    const std::size_t size = ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), kLevel);
    if (ZSTD_isError(size) != 0) return std::nullopt;
    packed.resize(size);
    return packed;
}

std::string unpack(std::string_view packed) {
    const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
    if (size == ZSTD_CONTENTSIZE_ERROR) throw Malformed("what is packed is not a zstd frame");
    if (size == ZSTD_CONTENTSIZE_UNKNOWN) throw Malformed("what is packed does not state its size");
    if (size > kFrameBytesMax) throw Malformed("what is packed is too long");
    if (!may_hold(packed.size(), size)) throw Malformed("what is packed states more than it can hold");
    if (ZSTD_findFrameCompressedSize(packed.data(), packed.size()) != packed.size())
        throw Malformed("what is packed is cut short, or bytes follow behind its end");
    std::string bytes(size, '\0');
    if (ZSTD_decompress(bytes.data(), bytes.size(), packed.data(), packed.size()) != size)
        throw Malformed("what is packed is damaged");
    return bytes;
}

Packer::Packer(Clock clock) : clock_(std::move(clock)) {}

std::optional<std::string> Packer::pack(std::string_view bytes) {
    if (bytes.size() < kPackedBytesMin || bytes.size() > kPackedBytesMax) return std::nullopt;
    if (rests_left_ > 0) {
        --rests_left_;
        return std::nullopt;
    }
    const std::int64_t began_us = clock_();
    if (packed_ == 0) since_us_ = began_us;
    auto packed = net::pack(bytes, bytes.size() - bytes.size() / kPackingSharePays);
    packing_us_ += clock_() - began_us;
    ++packed_;
    if (!packed) {
        rest();
    } else if (packed_ == kPackedMessagesJudged) {
        judge();
    }
    return packed;
}

void Packer::judge() {
    const std::int64_t now_us = clock_();
    const bool is_most_of_the_work = 2 * packing_us_ > now_us - since_us_;
    if (is_most_of_the_work) return rest();
    next_rest_ = 1;
    packed_ = 0;
    packing_us_ = 0;
    since_us_ = now_us;
}

void Packer::rest() {
    rests_left_ = next_rest_;
    next_rest_ = std::min(2 * next_rest_, kPackingRestMost);
    packed_ = 0;
    packing_us_ = 0;
}

}  // namespace strandline::net
