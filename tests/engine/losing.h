#pragma once

#include <string>

#include "tests/engine/group.h"

namespace strandline::tests {

/// Takes rows of table notes, and all that is known of them, away from the first or second of two devices, as no app could.
inline void lose_behind_engine(Group& group, std::size_t i, const std::string& where) {
    group.stop(i);
    App& app = group.app(i);
    app.run("INSERT INTO strandline_applying VALUES (1)");
    app.run("DELETE FROM strandline_stamps WHERE key IN (SELECT CAST('0' || id AS BLOB) FROM notes WHERE " +
            where + ")");
    app.run("DELETE FROM strandline_fingerprints");
    app.run("DELETE FROM notes WHERE " + where);
    app.run("DELETE FROM strandline_applying");
    group.start(i);
    group.connect(0, 1);
    group.converge();
}

}  // namespace strandline::tests
