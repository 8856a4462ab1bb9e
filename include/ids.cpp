#include <strandline/ids.h>

namespace strandline {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

void append_hex(std::string& out, std::uint8_t byte) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
}

/// The value of a lower-case hex digit, or -1.
int digit_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return -1;
}

}  // namespace

std::string to_hex(const DeviceId& device) {
    std::string out;
    out.reserve(2 * device.bytes.size());
    for (const std::uint8_t byte : device.bytes) append_hex(out, byte);
    return out;
}

std::string short_hex(const DeviceId& device) {
    return to_hex(device).substr(0, 8);
}

Result<DeviceId> device_id_from_hex(std::string_view text) {
    DeviceId device;
    const std::string reason = "a device id is 64 lower-case hex digits, as `strandline id` prints it";
    if (text.size() != 2 * device.bytes.size()) {
        return failure(Category::usage, reason + "; this has " + std::to_string(text.size()) + " characters");
    }
    for (std::size_t i = 0; i < device.bytes.size(); ++i) {
        const int high = digit_value(text[2 * i]);
        const int low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return failure(Category::usage, reason + "; this has another character");
        device.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return device;
}

std::string to_text(const OriginId& origin) {
    std::string out = to_hex(origin.device) + '/';
    const auto number = static_cast<std::uint64_t>(origin.incarnation);
    for (int shift = 56; shift >= 0; shift -= 8) append_hex(out, static_cast<std::uint8_t>(number >> shift));
    return out;
}

}  // namespace strandline
