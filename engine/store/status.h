#pragma once

#include <strandline/status.h>

#include "engine/store/connection.h"

namespace strandline::engine::store {

/// A device's status as its tables have it, in one snapshot.
[[nodiscard]] Status read_status(Connection& connection, bool running);

}  // namespace strandline::engine::store
