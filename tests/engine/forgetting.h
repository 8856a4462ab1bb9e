#pragma once

#include <string>

#include "tests/engine/group.h"

/// For tests of deletions that everybody has heard of.
namespace strandline::tests {

inline constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";

/// Devices that have let each other in, and wait for each other.
inline void trust_each_other(Group& group) {
    for (std::size_t i = 0; i < group.size(); ++i) {
        for (std::size_t j = 0; j < group.size(); ++j) {
            if (i != j) REQUIRE(group.engine(i).trust(group.id(j), "", group.now(i)));
        }
    }
}

/// Deletions, and rows inserted after one, that a device remembers.
inline std::string eras(Group& group, std::size_t i) {
    return group.app(i).ask("SELECT count(*) FROM strandline_stamps WHERE slot = 1");
}

inline std::string ids(Group& group, std::size_t i) {
    return group.app(i).ask("SELECT group_concat(id, ' ') FROM (SELECT id FROM notes ORDER BY id)");
}

}  // namespace strandline::tests
