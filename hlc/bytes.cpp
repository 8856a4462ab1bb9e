#include "hlc/bytes.h"

#include <cstdint>

namespace strandline::hlc {

std::string to_bytes(Hlc reading) {
    auto rest = static_cast<std::uint64_t>(reading.value);
    std::string bytes(kBytes, '\0');
    for (std::size_t i = kBytes; i-- > 0; rest >>= 8) bytes[i] = static_cast<char>(rest & 0xFF);
    return bytes;
}

Result<Hlc> from_bytes(std::string_view bytes) {
    if (bytes.size() != kBytes) {
        return failure(Category::protocol, "A clock reading is 8 bytes, and these are " +
                                               std::to_string(bytes.size()) +
                                               ": they were cut or made wrongly.");
    }
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
    if (value >> 63 != 0) {
        return failure(Category::protocol,
                       "A clock reading is never negative, and this one is: the bytes are not one.");
    }
    return Hlc{static_cast<std::int64_t>(value)};
}

}  // namespace strandline::hlc
