#pragma once

#include <optional>
#include <string>
#include <vector>

#include <strandline/result.h>
#include <strandline/status.h>

#include "engine/key.h"
#include "engine/record.h"
#include "engine/store/affinity.h"
#include "engine/store/connection.h"
#include "engine/store/unique.h"

namespace strandline::engine::store {

struct KeyColumn {
    std::string name;
    Affinity affinity{};
    Collation collation{};
    std::vector<std::string> old_names =
        {};  ///< of a tracked table: those that it bore before it was renamed
};

/// What cannot change without another table coming of it: the affinities and collations of a key.
[[nodiscard]] std::string signature_of(const std::vector<KeyColumn>& key);

/// A table as SQLite describes it now.
struct TableShape {
    std::string name;  ///< as the app spelled it
    std::vector<KeyColumn> key;
    std::vector<std::string> columns;  ///< neither key nor generated
    std::vector<std::string> types;    ///< of `columns`, as declared
    std::vector<Affinity> affinities;  ///< of `columns`
    Values initial;  ///< what each column holds where nobody has set it: its DEFAULT, or NULL
    std::vector<UniqueIndex> unique;
    std::vector<std::string> parents;  ///< tables that its foreign keys refer to
    bool key_is_rowid = false;  ///< a bare INTEGER PRIMARY KEY: SQLite itself numbers the rows, from 1 on
};

/// Reads a table's shape. Error: it is not there, is not a plain table, has no primary key, a key under a
/// collation that other devices cannot be known to have, a UNIQUE index that cannot be worked out, or names too long for a message.
[[nodiscard]] Result<TableShape> inspect_table(Connection& connection, const std::string& table);

struct ValueColumn {
    ColumnId id{};
    std::string name;
    Value initial;
    std::string type;  ///< as declared
    Affinity affinity{};
};

/// A tracked table.
struct Resource {
    std::int64_t id = 0;
    std::string name;
    Ownership ownership{};
    bool is_there = false;  ///< the table exists, as it was tracked; else nothing of it is said or taken
    bool was_away = false;  ///< it was not there when the schema was last put right
    std::string why_away;   ///< a sentence; empty: it is there
    bool has_another_key = false;  ///< it is away because there is another table of its name
    std::vector<KeyColumn> key;
    std::vector<ValueColumn> columns;  ///< those the table has now, by ascending id
    std::vector<UniqueIndex> unique;
    std::vector<std::string> parents;  ///< tables that its foreign keys refer to, tracked or not

    [[nodiscard]] std::vector<Collation> collations() const;
    [[nodiscard]] std::optional<ColumnId> column(const std::string& column_name) const;
};

/// Whether two column or table names are one to SQLite: ASCII case does not count.
[[nodiscard]] bool same_name(const std::string& a, const std::string& b);

}  // namespace strandline::engine::store
