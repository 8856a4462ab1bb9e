#pragma once

#include <string>

#include "simulator/random.h"
#include "simulator/sql.h"

namespace strandline::simulator {

/// Does to one row of the app's what no app does: alters or deletes it while the triggers are silent, so that nobody hears
/// of it. What was done, for a line of the log; empty: nothing, for the database or its constraints would not.
[[nodiscard]] std::string damage_row(Sql& sql, Random& random);

}  // namespace strandline::simulator
