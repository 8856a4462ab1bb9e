#include "simulator/chronicle.h"

#include <array>

#include <fmt/core.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace strandline::simulator {

void Chronicle::note(std::size_t device, std::string_view kind, std::string_view payload,
                     const std::string& text) {
    const std::array<std::uint64_t, 5> head{hash_, static_cast<std::uint64_t>(schedule_.now().us), device,
                                            XXH3_64bits(kind.data(), kind.size()), payload.size()};
    const std::uint64_t seed = XXH3_64bits(head.data(), sizeof head);
    hash_ = XXH3_64bits_withSeed(payload.data(), payload.size(), seed);
    if (!is_logging() || text.empty()) return;
    constexpr std::size_t kLaneWidth = 4;
    const std::int64_t us = schedule_.now().us;
    std::string lane(lanes_ * kLaneWidth, ' ');
    for (std::size_t i = 0; i < lanes_; ++i) lane[i * kLaneWidth] = '.';
    const std::string name = std::to_string(device);
    lane.replace(device * kLaneWidth, name.size(), name);
    fmt::print("{:>5}.{:06} {}{:<9} {}\n", us / kUsPerSecond, us % kUsPerSecond, lane, kind, text);
}

}  // namespace strandline::simulator
