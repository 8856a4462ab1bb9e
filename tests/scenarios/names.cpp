#include "tests/scenarios/names.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "engine/key.h"
#include "hlc/clock.h"
#include "tests/engine/group.h"

namespace strandline::tests::scenarios {

namespace {

constexpr std::size_t kTextBytesShown = 24;
constexpr std::size_t kLineBytesShown = 80;

using Unit = std::pair<const char*, std::int64_t>;
constexpr std::array<Unit, 6> kUnits{{
    {"y", std::int64_t{365} * 24 * 3'600'000},
    {"d", 24 * 3'600'000},
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
}};

std::string shown_bytes(const std::string& bytes) {
    if (bytes.size() <= kTextBytesShown) return bytes;
    return bytes.substr(0, kTextBytesShown / 2) + "... " + std::to_string(bytes.size()) + " bytes";
}

std::string hex_of(const std::string& bytes) {
    constexpr const char* kDigits = "0123456789abcdef";
    std::string hex;
    for (const char byte : bytes) {
        hex += kDigits[static_cast<unsigned char>(byte) >> 4U];
        hex += kDigits[static_cast<unsigned char>(byte) & 15U];
    }
    return hex;
}

void replace_all(std::string& text, const std::string& what, const std::string& with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
}

}  // namespace

std::string shown_span(std::int64_t ms) {
    if (ms == 0) return "0";
    std::string out = ms < 0 ? "-" : "";
    std::int64_t rest = std::abs(ms);
    for (const auto& [unit, size] : kUnits) {
        if (rest >= size) out += std::to_string(rest / size) + unit;
        rest %= size;
    }
    return out;
}

std::int64_t span_from(const std::string& text) {
    const std::size_t digits = text.find_first_of("0123456789");
    const std::size_t end = text.find_first_not_of("0123456789", digits);
    const bool is_signed = digits == 1 && (text[0] == '+' || text[0] == '-');
    if ((digits == 0 || is_signed) && end != std::string::npos) {
        const std::int64_t count = std::stoll(text.substr(0, end));
        for (const auto& [unit, size] : kUnits) {
            if (text.substr(end) == unit) return count * size;
        }
    }
    throw std::runtime_error("'" + text + "' is no span of time, such as 20ms, 2s or 3y");
}

std::string counted(std::uint64_t count, const std::string& thing) {
    return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

std::string shown(const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return "'" + shown_bytes(*text) + "'";
    if (const auto* blob = std::get_if<Blob>(&value)) return "x'" + shown_bytes(hex_of(blob->bytes)) + "'";
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
    if (const auto* real = std::get_if<double>(&value)) return std::to_string(*real);
    return "NULL";
}

std::string shown_key(const std::string& key) {
    // A page that ends behind a key names the next possible one as its end.
    if (!key.empty() && key.back() == '\0') return "past " + shown_key(key.substr(0, key.size() - 1));
    const Values values = engine::decode_key(key, 1);
    return values.empty() ? "bytes " + hex_of(key) : shown(values.front());
}

std::string shortened(const std::string& line) {
    return line.size() > kLineBytesShown ? line.substr(0, kLineBytesShown) + "..." : line;
}

std::string joined(const std::vector<std::string>& parts, const std::string& between) {
    std::string out;
    for (const std::string& part : parts) out += (out.empty() ? "" : between) + part;
    return out;
}

std::string Names::of(const OriginId& origin) {
    auto& lives = lives_[origin.device];
    const auto at = std::ranges::find(lives, origin.incarnation);
    const auto life = static_cast<std::size_t>(at - lives.begin());
    if (at == lives.end()) lives.push_back(origin.incarnation);
    return of(origin.device) + std::string(life, '\'');
}

std::string Names::stamp(const OriginId& origin, Hlc hlc) {
    if (hlc.value == 0) return of(origin) + "@-";
    const std::int64_t counter = hlc.value & ((std::int64_t{1} << hlc::kCounterBits) - 1);
    return of(origin) + "@" + shown_span(hlc::wall_of(hlc).value - Group::kStartMs) +
           (counter > 0 ? "." + std::to_string(counter) : "");
}

std::string Names::told(std::string text) const {
    for (const auto& [id, name] : devices_) {
        replace_all(text, to_hex(id), name);
        replace_all(text, short_hex(id), name);
    }
    return text;
}

}  // namespace strandline::tests::scenarios
