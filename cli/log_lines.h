#pragma once

#include <memory>

#include <spdlog/formatter.h>

namespace strandline::cli {

/// How a line of the run log looks: the moment, as everything else here writes moments, the level and the sentence.
/// spdlog's own way writes nonsense for a clock that stands before 1970.
[[nodiscard]] std::unique_ptr<spdlog::formatter> log_lines();

}  // namespace strandline::cli
