#include "engine/store/resource.h"

#include <algorithm>
#include <cctype>
#include <map>

#include <strandline/message.h>

namespace strandline::engine::store {
namespace {

/// The collations of an index's columns.
std::vector<std::string> collations_of_index(Connection& connection, const std::string& index) {
    std::vector<std::string> collations;
    Statement statement =
        connection.prepare("SELECT coll FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno");
    statement.bind_text(1, index);
    while (statement.step()) collations.push_back(statement.text(0));
    return collations;
}

std::optional<Collation> collation_named(const std::string& name) {
    if (same_name(name, "BINARY")) return Collation::binary;
    if (same_name(name, "NOCASE")) return Collation::nocase;
    if (same_name(name, "RTRIM")) return Collation::rtrim;
    return std::nullopt;
}

/// A word, perhaps in brackets, as a DEFAULT may be one.
bool is_name(const std::string& expression) {
    if (expression.front() == '[' || expression.front() == '`') return true;
    return std::ranges::all_of(expression, [](unsigned char c) {
        return c == '_' || c == '$' || c >= 0x80 || ('0' <= c && c <= '9') ||
               ('a' <= (c | 0x20) && (c | 0x20) <= 'z');
    });
}

/// The value of a DEFAULT clause, which stands in the schema as SQL. A name is a text there, and that of a column nowhere else.
/// What only the app's own connections can work out counts as NULL.
Value evaluated(Connection& connection, const std::string& expression) {
    try {
        Statement statement = connection.prepare("SELECT " + expression);
        return statement.step() ? statement.value(0) : Value{};
    } catch (const StorageError& error) {
        if (!error.is_about_sql()) throw;
        if (!is_name(expression)) return {};
        const bool is_bracketed = expression.front() == '[' || expression.front() == '`';
        return is_bracketed ? expression.substr(1, expression.size() - 2) : expression;
    }
}

/// Fills in key and value columns; the key in the order of the PRIMARY KEY clause.
void read_columns(Connection& connection, TableShape& shape, bool is_strict) {
    std::map<std::int64_t, KeyColumn> key;
    Statement statement = connection.prepare(
        "SELECT name, pk, hidden, dflt_value, type FROM pragma_table_xinfo(?) ORDER BY cid");
    statement.bind_text(1, shape.name);
    while (statement.step()) {
        const std::int64_t key_position = statement.integer(1);
        const bool is_generated = statement.integer(2) != 0;
        if (key_position > 0) {
            key[key_position] = {statement.text(0), affinity_of(statement.text(4), is_strict),
                                 Collation::binary};
        } else if (!is_generated) {
            shape.columns.push_back(statement.text(0));
            shape.types.push_back(statement.text(4));
            shape.affinities.push_back(affinity_of(statement.text(4), is_strict));
            shape.initial.push_back(statement.is_null(3) ? Value{}
                                                         : evaluated(connection, statement.text(3)));
        }
    }
    for (auto& [position, column] : key) shape.key.push_back(std::move(column));
}

/// Fills in unique indexes and the key's collations. Error: a collation that we cannot fold, or an index that we cannot work out.
Result<void> read_indexes(Connection& connection, TableShape& shape) {
    shape.key_is_rowid = true;
    Statement statement =
        connection.prepare("SELECT name, origin FROM pragma_index_list(?) WHERE \"unique\" ORDER BY name");
    statement.bind_text(1, shape.name);
    while (statement.step()) {
        const std::string name = statement.text(0);
        if (statement.text(1) != "pk") {
            auto index = read_unique_index(connection, shape.name, name);
            if (!index) return tl::unexpected(index.error());
            shape.unique.push_back(std::move(*index));
            continue;
        }
        shape.key_is_rowid = false;  // A rowid is ordered by the table itself, and needs no index.
        const auto collations = collations_of_index(connection, name);
        for (std::size_t i = 0; i < collations.size() && i < shape.key.size(); ++i) {
            const auto collation = collation_named(collations[i]);
            if (!collation) {
                return failure(Category::schema,
                               "table " + quoted_name(shape.name) + " orders its key by the collation " +
                                   collations[i] +
                                   ", which other devices may not have or may define otherwise; "
                                   "a tracked table's key needs BINARY, NOCASE or RTRIM");
            }
            shape.key[i].collation = *collation;
        }
    }
    return {};
}

void read_parents(Connection& connection, TableShape& shape) {
    Statement statement =
        connection.prepare("SELECT DISTINCT \"table\" FROM pragma_foreign_key_list(?) ORDER BY 1");
    statement.bind_text(1, shape.name);
    while (statement.step()) shape.parents.push_back(statement.text(0));
}

/// Error: it is something else than a table whose rows are the app's own.
Result<void> check_is_plain(const std::string& name, const std::string& type) {
    if (type == "view")
        return failure(Category::schema, quoted_name(name) + " is a view; only tables can be tracked");
    if (type == "virtual") {
        return failure(Category::schema, quoted_name(name) +
                                             " is a virtual table; it has no triggers, so its writes cannot "
                                             "be captured. Track the plain table behind it");
    }
    if (type == "shadow") {
        return failure(
            Category::schema,
            quoted_name(name) +
                " is a shadow table: a virtual table keeps its own state there, and rows of another "
                "device's would break it. Track the plain table that it indexes");
    }
    return {};
}

/// What a message can say of a table. Error: its name, or a column's, is too long, or there are too many.
Result<void> check_limits(const TableShape& shape) {
    const std::string limit = std::to_string(message::kNameBytesMax) + " bytes";
    if (shape.name.size() > message::kNameBytesMax) {
        return failure(Category::schema, "the name of table " + quoted_name(shape.name) + " is longer than " +
                                             limit + ", which is the most that devices can tell each other");
    }
    std::vector<std::string> columns = shape.columns;
    for (const KeyColumn& column : shape.key) columns.push_back(column.name);
    for (const std::string& column : columns) {
        if (column.size() <= message::kNameBytesMax) continue;
        return failure(Category::schema,
                       "table " + quoted_name(shape.name) + " has a column whose name is longer than " +
                           limit + ", the most that devices can tell each other: " + quoted_name(column));
    }
    if (shape.columns.size() > message::kColumnsMax) {
        return failure(Category::schema, "table " + quoted_name(shape.name) + " has more than " +
                                             std::to_string(message::kColumnsMax) +
                                             " columns beside its key");
    }
    return {};
}

}  // namespace

bool same_name(const std::string& a, const std::string& b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string signature_of(const std::vector<KeyColumn>& key) {
    std::string out;
    for (const KeyColumn& column : key) {
        out += (out.empty() ? "" : ", ") + std::string(name_of(column.affinity)) + " " +
               name_of(column.collation);
    }
    return out;
}

Result<TableShape> inspect_table(Connection& connection, const std::string& table) {
    Statement find =
        connection.prepare("SELECT name, type, strict FROM pragma_table_list(?) WHERE schema = 'main'");
    find.bind_text(1, table);
    if (!find.step()) {
        return failure(
            Category::schema,
            "there is no table " + quoted_name(table) +
                " in this database; the app makes its tables, on every device, before they are tracked");
    }
    TableShape shape;
    shape.name = find.text(0);
    if (shape.name.starts_with("strandline_") || shape.name.starts_with("sqlite_")) {
        return failure(Category::schema,
                       quoted_name(table) + " belongs to Strandline or SQLite itself and cannot be tracked");
    }
    if (auto plain = check_is_plain(shape.name, find.text(1)); !plain) return tl::unexpected(plain.error());
    read_columns(connection, shape, find.integer(2) != 0);
    if (shape.key.empty()) {
        return failure(Category::schema,
                       "table " + quoted_name(shape.name) +
                           " has no PRIMARY KEY; without one, devices cannot tell its rows apart. Rebuild it "
                           "with a key, best a random 16-byte BLOB or a UUID as TEXT");
    }
    if (auto read = read_indexes(connection, shape); !read) return tl::unexpected(read.error());
    read_parents(connection, shape);
    if (auto checked = check_limits(shape); !checked) return tl::unexpected(checked.error());
    return shape;
}

std::vector<Collation> Resource::collations() const {
    std::vector<Collation> all;
    for (const KeyColumn& column : key) all.push_back(column.collation);
    return all;
}

std::optional<ColumnId> Resource::column(const std::string& column_name) const {
    for (const ValueColumn& known : columns) {
        if (same_name(known.name, column_name)) return known.id;
    }
    return std::nullopt;
}

}  // namespace strandline::engine::store
