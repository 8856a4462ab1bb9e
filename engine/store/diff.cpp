#include <strandline/diff.h>

#include <sqlite3.h>

#include <algorithm>
#include <bit>
#include <compare>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/store/connection.h"
#include "engine/store/reading.h"
#include "engine/store/resource.h"

namespace strandline {
namespace {

using engine::Collation;
using engine::store::Connection;
using engine::store::KeyColumn;
using engine::store::quoted_name;
using engine::store::same_name;
using engine::store::Snapshot;
using engine::store::Statement;
using engine::store::StorageError;
using engine::store::TableShape;

/// Carries a sentence for the caller up to diff_databases().
struct Refused {
    Error error;
};

/// Reads one file; the database's trouble comes out with the file's name.
template <typename Read>
auto reading(const std::string& path, Read read) -> decltype(read()) {
    try {
        return read();
    } catch (const StorageError& error) {
        if (error.is_busy()) {
            throw Refused{{Category::busy, path + " is locked by another process; try again when it is done",
                           Retry::later}};
        }
        if (error.is_stopped())
            throw Refused{{Category::timeout, "stopped before all rows were compared", Retry::later}};
        throw Refused{{Category::storage, path + " cannot be compared: " + error.advised()}};
    }
}

int compare_bytes(void* /*unused*/, int a_size, const void* a, int b_size, const void* b) {
    const std::string_view left(static_cast<const char*>(a), static_cast<std::size_t>(a_size));
    const std::string_view right(static_cast<const char*>(b), static_cast<std::size_t>(b_size));
    return left.compare(right);
}

/// In a UTF-16 database BINARY orders text by its UTF-16 bytes. This is the order of UTF-8, for a price: the
/// rows are sorted anew.
constexpr const char* kUtf8Order = "strandline_utf8";
void add_utf8_order(Connection& connection) {
    if (sqlite3_create_collation(connection.raw(), kUtf8Order, SQLITE_UTF8, nullptr, compare_bytes) !=
        SQLITE_OK) {
        throw StorageError(sqlite3_extended_errcode(connection.raw()), sqlite3_errmsg(connection.raw()));
    }
}

/// One of the two files, in one snapshot.
struct Side {
    explicit Side(const std::string& file)
        : path(file), source(path), connection(source.connection()), snapshot(connection) {
        is_utf8 = connection.ask_text("PRAGMA encoding") == "UTF-8";
        if (!is_utf8) add_utf8_order(connection);
    }

    std::string path;
    engine::store::Reading source;
    Connection& connection;
    Snapshot snapshot;
    bool is_utf8 = true;
};

std::vector<std::string> tracked_by(Side& side) {
    return reading(side.path, [&side] {
        if (side.connection.ask_integer(
                "SELECT count(*) FROM sqlite_schema WHERE name = 'strandline_resources'") == 0) {
            throw Refused{{Category::usage, side.path + " is not a device's database and so tracks nothing; "
                                                        "name the tables to compare"}};
        }
        std::vector<std::string> names;
        Statement statement = side.connection.prepare("SELECT name FROM strandline_resources ORDER BY name");
        while (statement.step()) names.push_back(statement.text(0));
        return names;
    });
}

bool is_there(Side& side, const std::string& table) {
    return reading(side.path, [&] {
        Statement find = side.connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE");
        return find.bind_text(1, table).step();
    });
}

TableShape shape_in(Side& side, const std::string& table) {
    auto shape = reading(side.path, [&] { return engine::store::inspect_table(side.connection, table); });
    if (!shape && !is_there(side, table))
        throw Refused{
            {Category::usage, side.path + ": there is no table " + quoted_name(table) + " in this database"}};
    if (!shape) throw Refused{{shape.error().category, side.path + ": " + shape.error().message}};
    return std::move(*shape);
}

bool has_name(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::any_of(names, [&name](const std::string& other) { return same_name(name, other); });
}

/// The names in `these` that `those` lack.
std::vector<std::string> lacking(const std::vector<std::string>& these,
                                 const std::vector<std::string>& those) {
    std::vector<std::string> names;
    for (const std::string& name : these) {
        if (!has_name(those, name)) names.push_back(name);
    }
    return names;
}

// --- one row against another -------------------------------------------------------------------------

std::string folded(std::string text, Collation collation) {
    if (collation == Collation::nocase) {
        for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (collation == Collation::rtrim) {
        text.erase(text.find_last_not_of(' ') + 1);
    }
    return text;
}

/// NULL, numbers, text, blobs: the order of types in SQLite's ORDER BY.
int rank_of(const Value& value) {
    constexpr int kRanks[] = {0, 1, 1, 2, 3};
    return kRanks[value.index()];
}

/// Exact for every integer and every double, which a double alone is not.
long double number_in(const Value& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<long double>(*integer);
    return std::get<double>(value);
}

/// SQLite's own order, as ORDER BY gives it.
std::weak_ordering order(const Value& a, const Value& b, Collation collation) {
    if (rank_of(a) != rank_of(b)) return rank_of(a) <=> rank_of(b);
    switch (rank_of(a)) {
        case 1: {
            const long double left = number_in(a);
            const long double right = number_in(b);
            if (left == right) return std::weak_ordering::equivalent;
            return left < right ? std::weak_ordering::less : std::weak_ordering::greater;
        }
        case 2:
            return folded(std::get<std::string>(a), collation) <=>
                   folded(std::get<std::string>(b), collation);
        case 3:
            return std::get<Blob>(a).bytes <=> std::get<Blob>(b).bytes;
        default:
            return std::weak_ordering::equivalent;
    }
}

/// The same storage class and the same bytes: 1 is not 1.0, and -0.0 is not 0.0.
bool is_same(const Value& a, const Value& b) {
    const auto* left = std::get_if<double>(&a);
    const auto* right = std::get_if<double>(&b);
    if (left != nullptr && right != nullptr) {
        return std::bit_cast<std::uint64_t>(*left) == std::bit_cast<std::uint64_t>(*right);
    }
    return a == b;
}

// --- one table against the other ---------------------------------------------------------------------

/// What both sides are asked for, in the same words: key columns first.
struct Columns {
    std::vector<KeyColumn> key;
    std::vector<std::string> names;
};

Columns common_columns(const TableShape& a, const TableShape& b) {
    Columns columns{a.key, {}};
    for (const KeyColumn& column : a.key) columns.names.push_back(column.name);
    for (const std::string& name : a.columns) {
        if (has_name(b.columns, name)) columns.names.push_back(name);
    }
    return columns;
}

const char* collation_name(Collation collation, const Side& side) {
    switch (collation) {
        case Collation::nocase:
            return "NOCASE";
        case Collation::rtrim:
            return "RTRIM";
        default:
            return side.is_utf8 ? "BINARY" : kUtf8Order;
    }
}

/// SELECT of all rows in key order. Both sides use A's collations, so their orders agree.
std::string rows_in_key_order(const Side& side, const std::string& table, const Columns& columns) {
    std::string names;
    for (const std::string& name : columns.names) names += (names.empty() ? "" : ", ") + quoted_name(name);
    std::string key;
    for (const KeyColumn& column : columns.key) {
        key += (key.empty() ? "" : ", ") + quoted_name(column.name) + " COLLATE " +
               collation_name(column.collation, side);
    }
    return "SELECT " + names + " FROM " + quoted_name(table) + " ORDER BY " + key;
}

/// The rows of one side, one at a time.
class Rows {
public:
    Rows(Side& side, const std::string& table, const Columns& columns)
        : path_(side.path), statement_(reading(side.path, [&] {
              return side.connection.prepare(rows_in_key_order(side, table, columns));
          })) {
        next();
    }

    [[nodiscard]] const std::optional<Values>& row() const { return row_; }
    [[nodiscard]] std::int64_t count() const { return count_; }

    void next() {
        reading(path_, [this] {
            if (!statement_.step()) {
                row_.reset();
                return;
            }
            Values values;
            for (int i = 0; i < statement_.column_count(); ++i) values.push_back(statement_.value(i));
            row_ = std::move(values);
            ++count_;
        });
    }

private:
    std::string path_;
    Statement statement_;
    std::optional<Values> row_;
    std::int64_t count_ = 0;
};

/// Which side's row comes first; equivalent: both have the key.
std::weak_ordering first_of(const Rows& a, const Rows& b, const std::vector<KeyColumn>& key) {
    if (!b.row()) return std::weak_ordering::less;
    if (!a.row()) return std::weak_ordering::greater;
    for (std::size_t i = 0; i < key.size(); ++i) {
        const auto which = order((*a.row())[i], (*b.row())[i], key[i].collation);
        if (which != std::weak_ordering::equivalent) return which;
    }
    return std::weak_ordering::equivalent;
}

std::vector<ColumnDifference> changed_columns(const Values& a, const Values& b, const Columns& columns) {
    std::vector<ColumnDifference> changed;
    for (std::size_t i = 0; i < columns.names.size(); ++i) {
        if (!is_same(a[i], b[i])) changed.push_back({columns.names[i], a[i], b[i]});
    }
    return changed;
}

/// Walks both sides in step.
void compare_rows(Rows& a, Rows& b, const Columns& columns, std::size_t most_rows, TableDifference& found) {
    const auto key_of = [&columns](const Values& row) {
        return Values(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(columns.key.size()));
    };
    const auto keep = [&](RowDifference row) {
        if (found.first.size() < most_rows) found.first.push_back(std::move(row));
    };
    while (a.row() || b.row()) {
        const auto which = first_of(a, b, columns.key);
        if (which == std::weak_ordering::less) {
            ++found.only_a;
            keep({RowDifference::Where::only_a, key_of(*a.row()), {}});
            a.next();
        } else if (which == std::weak_ordering::greater) {
            ++found.only_b;
            keep({RowDifference::Where::only_b, key_of(*b.row()), {}});
            b.next();
        } else {
            if (auto changed = changed_columns(*a.row(), *b.row(), columns); !changed.empty()) {
                ++found.changed;
                keep({RowDifference::Where::both, key_of(*a.row()), std::move(changed)});
            }
            a.next();
            b.next();
        }
    }
    found.rows_a = a.count();
    found.rows_b = b.count();
}

void require_same_key(const TableShape& a, const TableShape& b) {
    const auto is_same_column = [](const KeyColumn& left, const KeyColumn& right) {
        return same_name(left.name, right.name);
    };
    if (!std::ranges::equal(a.key, b.key, is_same_column)) {
        throw Refused{{Category::schema, "table " + quoted_name(a.name) +
                                             " has another PRIMARY KEY in one file than in the other, so its "
                                             "rows cannot be matched; give it the same key in both"}};
    }
}

TableDifference compare_table(Side& side_a, Side& side_b, const std::string& table, std::size_t most_rows) {
    const TableShape a = shape_in(side_a, table);
    const TableShape b = shape_in(side_b, table);
    require_same_key(a, b);
    const Columns columns = common_columns(a, b);
    TableDifference found;
    found.table = a.name;
    for (const KeyColumn& column : a.key) found.key.push_back(column.name);
    found.columns_only_a = lacking(a.columns, b.columns);
    found.columns_only_b = lacking(b.columns, a.columns);
    Rows rows_a(side_a, a.name, columns);
    Rows rows_b(side_b, b.name, columns);
    compare_rows(rows_a, rows_b, columns, most_rows, found);
    return found;
}

/// Fills in what both track, and what one alone does.
std::vector<std::string> tracked_by_both(Side& side_a, Side& side_b, Difference& difference) {
    const auto a = tracked_by(side_a);
    const auto b = tracked_by(side_b);
    difference.tracked_only_a = lacking(a, b);
    difference.tracked_only_b = lacking(b, a);
    std::vector<std::string> both;
    for (const std::string& name : a) {
        if (has_name(b, name)) both.push_back(name);
    }
    if (both.empty()) {
        throw Refused{{Category::usage, "there is no table that " + side_a.path + " and " + side_b.path +
                                            " both track; track one in both, or name the tables to compare"}};
    }
    return both;
}

}  // namespace

bool TableDifference::is_equal() const {
    return only_a == 0 && only_b == 0 && changed == 0 && columns_only_a.empty() && columns_only_b.empty();
}

bool Difference::is_equal() const {
    return std::ranges::all_of(tables, [](const TableDifference& table) { return table.is_equal(); });
}

Result<Difference> diff_databases(const std::string& a, const std::string& b,
                                  const std::vector<std::string>& tables, std::size_t most_rows,
                                  const std::function<bool()>& stop_asked) {
    try {
        const auto side_a = reading(a, [&a] { return std::make_unique<Side>(a); });
        const auto side_b = reading(b, [&b] { return std::make_unique<Side>(b); });
        for (Side* side : {side_a.get(), side_b.get()}) side->connection.stop_when(stop_asked);
        Difference difference;
        const auto names = tables.empty() ? tracked_by_both(*side_a, *side_b, difference) : tables;
        for (const std::string& name : names) {
            difference.tables.push_back(compare_table(*side_a, *side_b, name, most_rows));
        }
        for (const Side* side : {side_a.get(), side_b.get()}) {
            if (side->source.is_torn()) {
                return failure(Category::busy,
                               side->path + " was written to while it was compared; try again", Retry::later);
            }
        }
        return difference;
    } catch (const Refused& refused) {
        return tl::unexpected(refused.error);
    }
}

}  // namespace strandline
