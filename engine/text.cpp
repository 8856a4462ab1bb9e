#include "engine/text.h"

#include <cstdio>
#include <cstdlib>

#include <strandline/message.h>

namespace strandline::engine {
namespace {

/// Of one value: enough to find the row by.
constexpr std::size_t kShownBytesMax = 40;

std::string hex_of(const std::string& bytes) {
    std::string hex = "x'";
    for (const char byte : bytes.substr(0, kShownBytesMax / 2)) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
        hex += digits;
    }
    return hex + (bytes.size() > kShownBytesMax / 2 ? "…'" : "'");
}

bool continues_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U;
}

std::string real_of(double value) {
    constexpr int kDigitsEnough = 17;  // For every double to come back as itself; most do with fewer.
    char text[32];
    for (int digits = 15; digits <= kDigitsEnough; ++digits) {
        std::snprintf(text, sizeof text, "%.*g", digits, value);
        if (std::strtod(text, nullptr) == value) break;
    }
    const std::string out = text;
    return out.find_first_of(".en") == std::string::npos ? out + ".0" : out;
}

/// A quote within is doubled, as SQL has it.
std::string quoted_of(const std::string& text) {
    std::string out = "'";
    for (const char byte : plain(text, kShownBytesMax))
        out += byte == '\'' ? std::string("''") : std::string(1, byte);
    return out + (text.size() > kShownBytesMax ? "…'" : "'");
}

}  // namespace

std::string plain(std::string text, std::size_t bytes_max) {
    if (text.size() > bytes_max) {
        std::size_t end = bytes_max;
        while (end > 0 && continues_character(text[end])) --end;
        text.resize(end);
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool is_c1 =
            byte == 0xc2U && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0U;
        if (byte < 0x20U || byte == 0x7fU) text[i] = ' ';
        if (is_c1) text.replace(i, 2, "  ");
    }
    return text;
}

Result<void> check_name(const std::string& name) {
    if (plain(name, message::kNameBytesMax) == name) return {};
    return failure(Category::usage, "the name of a device is one line of at most " +
                                        std::to_string(message::kNameBytesMax) +
                                        " bytes, without control characters; give another name");
}

std::string rows_text(std::int64_t rows) {
    return std::to_string(rows) + (rows == 1 ? " row" : " rows");
}

std::string shown(const Value& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
    if (const auto* real = std::get_if<double>(&value)) return real_of(*real);
    if (const auto* blob = std::get_if<Blob>(&value)) return hex_of(blob->bytes);
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr ? "NULL" : quoted_of(*text);
}

std::string shown(const Values& key) {
    std::string out;
    for (const Value& value : key) out += (out.empty() ? "" : ", ") + shown(value);
    return out;
}

}  // namespace strandline::engine
