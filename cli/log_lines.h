#pragma once

#include <cstddef>
#include <memory>

#include <spdlog/formatter.h>

namespace strandline::cli {

/// How a line of the run log looks: the moment, as everything else here writes moments, the level and the sentence.
/// spdlog's own way writes nonsense for a clock that stands before 1970.
[[nodiscard]] std::unique_ptr<spdlog::formatter> log_lines();
/// What stands before the sentence.
constexpr std::size_t kLogHeadColumns = 33;

}  // namespace strandline::cli
