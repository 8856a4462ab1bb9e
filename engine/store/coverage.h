#pragma once

#include <cstdint>
#include <string>

#include "engine/store/connection.h"
#include "watermarks/coverage.h"

namespace strandline::engine::store {

/// Tables of ranges with vectors, all of one shape.
constexpr const char* kCoverageTable = "strandline_coverage";
constexpr const char* kForgottenTable = "strandline_forgotten";

/// Coverage as rows of a table: what an operator can read with SQL is what the engine goes by.
[[nodiscard]] watermarks::Coverage load_coverage(Connection& connection, std::int64_t resource,
                                                 const std::string& table = kCoverageTable);
/// Writes what differs. Each piece has a row for the origin `anchor`, so that it is there at all.
void save_coverage(Connection& connection, std::int64_t resource, const watermarks::Coverage& before,
                   const watermarks::Coverage& after, Origin anchor,
                   const std::string& table = kCoverageTable);

}  // namespace strandline::engine::store
