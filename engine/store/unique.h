#pragma once

#include <string>
#include <vector>

#include <strandline/result.h>

#include "engine/store/connection.h"

namespace strandline::engine::store {

/// A column of an index, or of the whole index's condition, as far as a trigger has to know it.
struct IndexedColumn {
    std::string name;
    bool is_generated = false;  ///< nobody assigns it: it follows from the others
    std::string
        filled_in;  ///< the SQL of what REPLACE puts in place of a NULL, in a NOT NULL column; or empty
};

/// A UNIQUE constraint or index besides the primary key.
struct UniqueIndex {
    struct Term {
        std::string sql;  ///< a column's quoted name, or an expression as the app wrote it
        std::string collation;
        bool is_expression = false;
    };
    std::vector<Term> terms;
    std::string where;                 ///< of a partial index: which rows stand in it; or empty
    std::vector<IndexedColumn> reads;  ///< what the terms and the condition are made of
};

/// Reads the UNIQUE index of a name. Error: it goes by what cannot be worked out here, such as a function of the app's own.
[[nodiscard]] Result<UniqueIndex> read_unique_index(Connection& connection, const std::string& table,
                                                    const std::string& name);

}  // namespace strandline::engine::store
