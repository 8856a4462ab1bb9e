#include "engine/store/definitions.h"

#include <utility>

namespace strandline::engine::store {

bool SchemaMark::has_moved(Connection& connection) {
    const std::int64_t before = std::exchange(version_, connection.ask_integer("PRAGMA schema_version"));
    const std::uint64_t rollbacks = std::exchange(rollbacks_, connection.rollbacks());
    return version_ != before || rollbacks_ != rollbacks;
}

const std::vector<Definition>& Definitions::all() {
    if (!mark_.has_moved(connection_)) return all_;
    all_.clear();
    Statement read =
        connection_.prepare("SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE type <> 'index'");
    while (read.step()) all_.push_back({read.text(0), read.text(1), read.text(2), read.text(3)});
    return all_;
}

}  // namespace strandline::engine::store
