#pragma once

#include <string>

#include <strandline/value.h>

#include "engine/store/connection.h"

namespace strandline::engine::store {

/// What SQLite makes of a value in a column. INTEGER counts as numeric: both keep the same values.
enum class Affinity { blob, text, numeric, real };

[[nodiscard]] const char* name_of(Affinity affinity);

/// A column's affinity by its declared type: Datatypes In SQLite, section 3.1. A STRICT table's ANY takes values as they are.
[[nodiscard]] Affinity affinity_of(std::string type, bool is_strict);

/// Whether a column would hold another value than the one that is put into it: Datatypes In SQLite, section 3.
[[nodiscard]] bool would_change(Connection& connection, Affinity affinity, const Value& value);

}  // namespace strandline::engine::store
