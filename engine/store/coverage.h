#pragma once

#include <cstdint>

#include "engine/store/connection.h"
#include "watermarks/coverage.h"

namespace strandline::engine::store {

/// Coverage as rows of strandline_coverage: what an operator can read with SQL is what the engine goes by.
[[nodiscard]] watermarks::Coverage load_coverage(Connection& connection, std::int64_t resource);
/// Writes what differs.
void save_coverage(Connection& connection, std::int64_t resource, const watermarks::Coverage& before,
                   const watermarks::Coverage& after, Origin self);

}  // namespace strandline::engine::store
