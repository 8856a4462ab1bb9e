#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include <strandline/value.h>

namespace strandline::net {

/// What is wrong with the bytes, as the end of a sentence. Thrown by Cursor and caught in decode(): hostile
/// bytes are rare, and a Result at each of the calls would hide the format.
struct Malformed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Reads MessagePack from the front, one item a call, and takes no memory. msgpack's own unpacker builds
/// objects first, in memory that it reserves by the counts that the bytes announce, 24 bytes an item.
///
/// Every call says what it reads, for the sentence; views point into the bytes that were handed in.
class Cursor {
public:
    explicit Cursor(std::string_view bytes) : left_(bytes) {}

    [[nodiscard]] bool at_end() const { return left_.empty(); }

    /// Takes it when nil is next.
    [[nodiscard]] bool take_nil();
    [[nodiscard]] bool is_at_binary() const;
    [[nodiscard]] bool boolean(const char* what);
    [[nodiscard]] std::uint64_t number(const char* what, std::uint64_t max);
    [[nodiscard]] std::int64_t signed_number(const char* what);
    [[nodiscard]] std::string_view text(const char* what, std::size_t bytes_max);
    [[nodiscard]] std::string_view binary(const char* what, std::size_t bytes_max);
    /// A NULL, an INTEGER, a REAL of eight bytes, a TEXT or a BLOB.
    [[nodiscard]] Value value();
    /// How many items follow; never more than there are bytes left, as each takes one at least.
    [[nodiscard]] std::size_t array(const char* what, std::size_t count_max);
    /// Passes over one item of any kind, however deep.
    void skip();

private:
    enum class Type {
        nil,
        boolean,
        positive,
        negative,
        single_real,
        real,
        text,
        binary,
        array,
        map,
        extension
    };
    /// An item's first bytes. The number is its value, or the count or size of what follows.
    struct Head {
        Type type;
        std::uint64_t number;
    };

    Head head();
    [[nodiscard]] std::string_view take(std::uint64_t size);
    [[nodiscard]] std::uint64_t big_endian(int size);
    [[nodiscard]] Head signed_head(int size);

    std::string_view left_;
};

}  // namespace strandline::net
