#include "engine/key.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>

namespace strandline::engine {
namespace {

// Tags, in SQLite's order of types. An integer's tag says its sign and size: kZero ± bytes.
constexpr unsigned char kZero = 0x14;
constexpr unsigned char kReal = 0x21;
constexpr unsigned char kText = 0x30;
constexpr unsigned char kBlob = 0x40;

constexpr char kTerminator = '\x00';
constexpr char kEscaped = '\xff';  // After a zero byte: it is part of the value.

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

std::uint64_t read_big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
}

int bytes_of(std::uint64_t magnitude) {
    return (static_cast<int>(std::bit_width(magnitude)) + 7) / 8;
}

void append_integer(std::string& out, std::int64_t value) {
    const bool negative = value < 0;
    const std::uint64_t magnitude =
        negative ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
    const int bytes = bytes_of(magnitude);
    out += static_cast<char>(negative ? kZero - bytes : kZero + bytes);
    append_big_endian(out, negative ? ~magnitude : magnitude, bytes);
}

/// A real that is a whole number within the integers' range is that integer.
std::optional<std::int64_t> as_integer(double value) {
    constexpr double kTwoTo63 = 9223372036854775808.0;
    if (!(value >= -kTwoTo63 && value < kTwoTo63) || std::trunc(value) != value) return std::nullopt;
    return static_cast<std::int64_t>(value);
}

void append_real(std::string& out, double value) {
    if (const auto whole = as_integer(value)) return append_integer(out, *whole);
    // Flipping the sign bit, or all bits of a negative number, makes the bytes order as the numbers do.
    const auto bits = std::bit_cast<std::uint64_t>(value);
    constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
    out += static_cast<char>(kReal);
    append_big_endian(out, (bits & kSign) != 0 ? ~bits : bits | kSign, 8);
}

std::string folded(std::string text, Collation collation) {
    if (collation == Collation::nocase) {
        // SQLite stops comparing at a zero byte, and then only the lengths count.
        const std::size_t end = std::min(text.find('\0'), text.size());
        text.replace(end, std::string::npos, text.size() - end, '\0');
        for (char& c : text) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        }
    } else if (collation == Collation::rtrim) {
        text.erase(text.find_last_not_of(' ') + 1);
    }
    return text;
}

void append_bytes(std::string& out, unsigned char tag, std::string_view bytes, bool last) {
    out += static_cast<char>(tag);
    if (last) {
        out += bytes;
        return;
    }
    for (const char byte : bytes) {
        out += byte;
        if (byte == kTerminator) out += kEscaped;
    }
    out += kTerminator;
}

/// Takes the bytes of a text or blob off the front of `rest`; false when they do not end as they must.
bool take_bytes(std::string_view& rest, bool last, std::string& out) {
    if (last) {
        out = rest;
        rest = {};
        return true;
    }
    while (!rest.empty()) {
        const char byte = rest.front();
        rest.remove_prefix(1);
        if (byte == kTerminator) {
            if (rest.empty() || rest.front() != kEscaped) return true;
            rest.remove_prefix(1);
        }
        out += byte;
    }
    return false;
}

std::optional<Value> take_integer(std::string_view& rest, unsigned char tag) {
    const bool negative = tag < kZero;
    const std::size_t bytes = negative ? kZero - tag : tag - kZero;
    if (rest.size() < bytes) return std::nullopt;
    std::uint64_t magnitude = read_big_endian(rest.substr(0, bytes));
    rest.remove_prefix(bytes);
    if (!negative) return static_cast<std::int64_t>(magnitude);
    const std::uint64_t mask = bytes == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * bytes)) - 1;
    magnitude = ~magnitude & mask;
    return static_cast<std::int64_t>(~magnitude + 1);
}

std::optional<Value> take_real(std::string_view& rest) {
    if (rest.size() < 8) return std::nullopt;
    const std::uint64_t bits = read_big_endian(rest.substr(0, 8));
    rest.remove_prefix(8);
    constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
    const auto value = std::bit_cast<double>((bits & kSign) != 0 ? bits & ~kSign : ~bits);
    if (std::isnan(value)) return std::nullopt;  // SQLite would make it NULL.
    return value;
}

std::optional<Value> take_value(std::string_view& rest, bool last) {
    if (rest.empty()) return std::nullopt;
    const auto tag = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    if (tag >= kZero - 8 && tag <= kZero + 8) return take_integer(rest, tag);
    if (tag == kReal) return take_real(rest);
    std::string bytes;
    if ((tag != kText && tag != kBlob) || !take_bytes(rest, last, bytes)) return std::nullopt;
    if (tag == kText) return bytes;
    return Blob{std::move(bytes)};
}

}  // namespace

const char* name_of(Collation collation) {
    const char* names[] = {"BINARY", "NOCASE", "RTRIM"};
    return names[static_cast<int>(collation)];
}

std::string encode_key(const Values& values, const std::vector<Collation>& collations) {
    std::string out;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const bool last = i + 1 == values.size();
        if (const auto* integer = std::get_if<std::int64_t>(&values[i])) {
            append_integer(out, *integer);
        } else if (const auto* real = std::get_if<double>(&values[i])) {
            append_real(out, *real);
        } else if (const auto* text = std::get_if<std::string>(&values[i])) {
            append_bytes(out, kText, folded(*text, collations[i]), last);
        } else if (const auto* blob = std::get_if<Blob>(&values[i])) {
            append_bytes(out, kBlob, blob->bytes, last);
        }
    }
    return out;
}

Values decode_key(std::string_view key, std::size_t count) {
    Values values;
    for (std::size_t i = 0; i < count; ++i) {
        auto value = take_value(key, i + 1 == count);
        if (!value) return {};
        values.push_back(std::move(*value));
    }
    return key.empty() ? values : Values{};
}

}  // namespace strandline::engine
