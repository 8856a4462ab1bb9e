#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/store/connection.h"

namespace strandline::engine::store {

/// Until when what was read of a schema holds.
class SchemaMark {
public:
    /// Whether the schema is another one than at the last call. SQLite's number of it alone does not say so: one that was
    /// taken back may come again.
    [[nodiscard]] bool has_moved(Connection& connection);

private:
    std::int64_t version_ = 0;
    std::uint64_t rollbacks_ = 0;
};

/// An object of the schema, and the statement that made it.
struct Definition {
    std::string type;
    std::string name;
    std::string table;
    std::string sql;
};

/// The tables, triggers and views of the database, as sqlite_schema has them. It has no index, and at open much is asked of
/// it for each table: so it is read once for each schema.
class Definitions {
public:
    explicit Definitions(Connection& connection) : connection_(connection) {}

    /// Valid until the next call with another schema.
    [[nodiscard]] const std::vector<Definition>& all();

private:
    Connection& connection_;
    std::vector<Definition> all_;
    SchemaMark mark_;
};

}  // namespace strandline::engine::store
