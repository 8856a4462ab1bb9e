#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/codec.h"

/// Whatever the bytes are, decode gives an error or a message; and what it gives, it takes again, to the byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const auto decoded = strandline::net::decode({reinterpret_cast<const char*>(bytes), size});
    if (!decoded) return 0;
    const std::string encoded = strandline::net::encode(*decoded);
    const auto again = strandline::net::decode(encoded);
    if (!again || strandline::net::encode(*again) != encoded) std::abort();
    return 0;
}
