#pragma once

#include "simulator/laws.h"
#include "simulator/model.h"
#include "simulator/sql.h"

namespace strandline::simulator {

/// Law 1, word for word: what the coverage of this database claims is in its state. Throws with the first write that is
/// claimed and not there.
///
/// Cost: all that was ever written is walked once, and all stamps are read: not for every second.
void demand_claims(Sql& sql, const Model& model);
/// Law 3 on the way out: each value on a page is what was written under the stamp that it bears.
void demand_contents(const message::Pages& pages, const Model& model);

}  // namespace strandline::simulator
