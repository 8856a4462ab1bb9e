#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// What is packed on the wire: one zstd frame (RFC 8878) that states the size of its content.
namespace strandline::net {

/// Empty: packed it would not have at most `size_max` bytes.
[[nodiscard]] std::optional<std::string> pack(std::string_view bytes, std::size_t size_max);

/// What was packed. Throws Malformed: it is something else, is cut short, has not the size that it states, or has more
/// than kFrameBytesMax. Memory: what it states, which is believed only as far as so few bytes can hold so much.
[[nodiscard]] std::string unpack(std::string_view packed);

/// Whether packing pays, in what is said to one peer. It does not where packing spares too little (photos are packed
/// already), nor where it is most of the work (a fast network, a slow processor): then some messages go as they are,
/// and after that one is tried again.
class Packer {
public:
    /// Microseconds, on a clock that never goes back.
    using Clock = std::function<std::int64_t()>;
    explicit Packer(Clock clock);

    /// Empty: the bytes had better go as they are.
    [[nodiscard]] std::optional<std::string> pack(std::string_view bytes);

private:
    void judge();
    void rest();

    Clock clock_;
    std::size_t rests_left_ = 0;  ///< messages
    std::size_t next_rest_ = 1;
    // Of the messages that were packed lately.
    std::size_t packed_ = 0;
    std::int64_t packing_us_ = 0;
    std::int64_t since_us_ = 0;
};

}  // namespace strandline::net
