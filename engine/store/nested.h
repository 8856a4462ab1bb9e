#pragma once

#include <vector>

#include "engine/store/definitions.h"
#include "engine/store/resource.h"

namespace strandline::engine::store {

/// Keeps the app's own triggers from writing to tracked tables while the engine applies.
///
/// The writer's device ran those triggers, and what they did there arrives as changes of its own;
/// done a second time here it would be written twice. What they do to other tables (full-text
/// indexes, audit) must happen. So on the engine's connection alone, TEMP triggers BEFORE each write to
/// a tracked table ignore every row that the engine itself did not announce.
class Nested {
public:
    Nested(Connection& connection, Definitions& definitions);

    /// Makes the TEMP triggers, when the database has triggers of the app's own at all.
    void install(const std::vector<Resource>& resources);
    /// The next write to a tracked table is the engine's own: one row.
    void announce() { announced_ = true; }

private:
    Connection& connection_;
    Definitions& definitions_;
    bool announced_ = false;
    bool installed_ = false;
};

}  // namespace strandline::engine::store
