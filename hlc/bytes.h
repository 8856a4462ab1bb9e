#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <strandline/result.h>
#include <strandline/time.h>

namespace strandline::hlc {

constexpr std::size_t kBytes = 8;

/// Eight bytes, the most significant first, so that bytes sort as the readings do.
[[nodiscard]] std::string to_bytes(Hlc reading);
/// Error (protocol): not eight bytes, or the sign bit is set, which no clock ever sets.
[[nodiscard]] Result<Hlc> from_bytes(std::string_view bytes);

}  // namespace strandline::hlc
