#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/bytes.h"
#include "net/codec.h"
#include "net/cursor.h"
#include "net/limits.h"
#include "net/packing.h"

using namespace strandline::net;

namespace {

/// Pages whose list of pages is packed.
std::string pages_with(std::string_view packed) {
    std::string bytes("\x96\x04\x00\x00\xc2\x90\xc6", 7);
    append_big_endian(bytes, packed.size(), 4);
    return bytes.append(packed);
}

}  // namespace

/// Whatever the bytes are, as something packed they are an error or at most a frame's worth; and packed as a list of
/// pages they are read as the same list is that was never packed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    try {
        if (unpack(bytes).size() > kFrameBytesMax) std::abort();
    } catch (const Malformed&) {
        // As it should be.
    }
    const auto packed = pack(bytes, size + size / 128 + 1024);
    if (!packed || unpack(*packed) != bytes) std::abort();
    std::string plain("\x96\x04\x00\x00\xc2\x90", 6);
    plain.append(bytes);
    const auto as_plain = decode(plain);
    const auto as_packed = decode(pages_with(*packed));
    const bool is_list = size > 0 && (data[0] >> 4U == 9 || data[0] == 0xdc || data[0] == 0xdd);
    if (!is_list) return 0;
    if (as_plain.has_value() != as_packed.has_value()) std::abort();
    if (as_plain && encode(*as_plain) != encode(*as_packed)) std::abort();
    return 0;
}
