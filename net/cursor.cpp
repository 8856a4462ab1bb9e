#include "net/cursor.h"

#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "net/bytes.h"

namespace strandline::net {
namespace {

constexpr std::uint64_t kIntegerMax = std::numeric_limits<std::int64_t>::max();

[[noreturn]] void refuse(const char* what, const char* why) {
    throw Malformed(std::string(what) + " " + why);
}

std::string_view demand_size(std::string_view bytes, const char* what, std::size_t bytes_max) {
    if (bytes.size() > bytes_max) refuse(what, "is too long");
    return bytes;
}

}  // namespace

bool Cursor::take_nil() {
    if (left_.empty() || left_.front() != '\xc0') return false;
    left_.remove_prefix(1);
    return true;
}

bool Cursor::is_at_binary() const {
    return !left_.empty() && left_.front() >= '\xc4' && left_.front() <= '\xc6';
}

bool Cursor::boolean(const char* what) {
    const Head head = this->head();
    if (head.type != Type::boolean) refuse(what, "is neither true nor false");
    return head.number != 0;
}

std::uint64_t Cursor::number(const char* what, std::uint64_t max) {
    const Head head = this->head();
    if (head.type != Type::positive) refuse(what, "is not a number from 0 on");
    if (head.number > max) refuse(what, "is too large a number");
    return head.number;
}

std::int64_t Cursor::signed_number(const char* what) {
    const Head head = this->head();
    const bool fits =
        head.type == Type::negative || (head.type == Type::positive && head.number <= kIntegerMax);
    if (!fits) refuse(what, "is not a number of 64 bits");
    return static_cast<std::int64_t>(head.number);
}

std::string_view Cursor::text(const char* what, std::size_t bytes_max) {
    const Head head = this->head();
    if (head.type != Type::text) refuse(what, "is not text");
    return demand_size(take(head.number), what, bytes_max);
}

std::string_view Cursor::binary(const char* what, std::size_t bytes_max) {
    const Head head = this->head();
    if (head.type != Type::binary) refuse(what, "is not binary");
    return demand_size(take(head.number), what, bytes_max);
}

Value Cursor::value() {
    const Head head = this->head();
    switch (head.type) {
        case Type::nil:
            return std::monostate{};
        case Type::positive:
            if (head.number > kIntegerMax) refuse("an INTEGER", "has more than 64 bits");
            return static_cast<std::int64_t>(head.number);
        case Type::negative:
            return static_cast<std::int64_t>(head.number);
        case Type::real: {
            const auto real = std::bit_cast<double>(head.number);
            if (std::isnan(real)) refuse("a REAL", "is not a number, and SQLite would make it NULL");
            return real;
        }
        case Type::text:
            return std::string(take(head.number));
        case Type::binary:
            return Blob{std::string(take(head.number))};
        default:
            refuse("a value", "is of no type that SQLite has");
    }
}

std::size_t Cursor::array(const char* what, std::size_t count_max) {
    const Head head = this->head();
    if (head.type != Type::array) refuse(what, "is not a list");
    if (head.number > left_.size()) refuse(what, "is cut short");
    if (head.number > count_max) refuse(what, "is too long a list");
    return static_cast<std::size_t>(head.number);
}

void Cursor::skip() {
    // Each round takes a byte at least, so the bytes end before the count can run over.
    for (std::uint64_t items = 1; items > 0; --items) {
        const Head head = this->head();
        if (head.type == Type::text || head.type == Type::binary) (void)take(head.number);
        if (head.type == Type::extension) (void)take(head.number + 1);
        if (head.type == Type::array) items += head.number;
        if (head.type == Type::map) items += 2 * head.number;
    }
}

std::string_view Cursor::take(std::uint64_t size) {
    if (size > left_.size()) throw Malformed("it is cut short");
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
}

std::uint64_t Cursor::big_endian(int size) {
    return from_big_endian(take(static_cast<std::uint64_t>(size)));
}

Cursor::Head Cursor::signed_head(int size) {
    const int unused_bits = 64 - 8 * size;
    const auto number = static_cast<std::int64_t>(big_endian(size) << unused_bits) >> unused_bits;
    return {number < 0 ? Type::negative : Type::positive, static_cast<std::uint64_t>(number)};
}

Cursor::Head Cursor::head() {
    const auto tag = static_cast<std::uint8_t>(big_endian(1));
    if (tag <= 0x7f) return {Type::positive, tag};
    if (tag <= 0x8f) return {Type::map, tag & 0x0fU};
    if (tag <= 0x9f) return {Type::array, tag & 0x0fU};
    if (tag <= 0xbf) return {Type::text, tag & 0x1fU};
    if (tag >= 0xe0) return {Type::negative, 0xffffffffffffff00U | tag};
    switch (tag) {
        case 0xc0:
            return {Type::nil, 0};
        case 0xc2:
        case 0xc3:
            return {Type::boolean, tag & 1U};
        case 0xc4:
        case 0xc5:
        case 0xc6:
            return {Type::binary, big_endian(1 << (tag - 0xc4))};
        case 0xc7:
        case 0xc8:
        case 0xc9:
            return {Type::extension, big_endian(1 << (tag - 0xc7))};
        case 0xca:
            return {Type::single_real, big_endian(4)};
        case 0xcb:
            return {Type::real, big_endian(8)};
        case 0xcc:
        case 0xcd:
        case 0xce:
        case 0xcf:
            return {Type::positive, big_endian(1 << (tag - 0xcc))};
        case 0xd0:
        case 0xd1:
        case 0xd2:
        case 0xd3:
            return signed_head(1 << (tag - 0xd0));
        case 0xd4:
        case 0xd5:
        case 0xd6:
        case 0xd7:
        case 0xd8:
            return {Type::extension, std::uint64_t{1} << (tag - 0xd4)};
        case 0xd9:
        case 0xda:
        case 0xdb:
            return {Type::text, big_endian(1 << (tag - 0xd9))};
        case 0xdc:
        case 0xdd:
            return {Type::array, big_endian(2 << (tag - 0xdc))};
        case 0xde:
        case 0xdf:
            return {Type::map, big_endian(2 << (tag - 0xde))};
        default:
            throw Malformed("it is not MessagePack");
    }
}

}  // namespace strandline::net
