#include "engine/store/unique.h"

#include <sqlite3.h>

#include <algorithm>
#include <optional>
#include <set>

#include "engine/store/resource.h"

namespace strandline::engine::store {
namespace {

/// What stands in a CREATE INDEX statement: the terms between its parentheses, and its WHERE.
struct Written {
    std::vector<std::string> terms;
    std::string where;
};

bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

std::string trimmed(const std::string& text) {
    constexpr const char* kSpaces = " \t\r\n\f";
    const auto first = text.find_first_not_of(kSpaces);
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

/// How far a comment, a quoted text or a quoted name goes that begins at `from`; `from` itself: none does.
std::size_t end_of_quoted(const std::string& sql, std::size_t from) {
    const auto past = [&](const std::string& end, std::size_t after) {
        const auto at = sql.find(end, after);
        return at == std::string::npos ? sql.size() : at + end.size();
    };
    if (sql.compare(from, 2, "--") == 0) return past("\n", from);
    if (sql.compare(from, 2, "/*") == 0) return past("*/", from + 2);
    if (sql[from] == '[') return past("]", from);
    // A doubled quote ends one quoted piece and begins the next: together they are what is quoted.
    if (sql[from] == '\'' || sql[from] == '"' || sql[from] == '`')
        return past(std::string(1, sql[from]), from + 1);
    return from;
}

/// A term without its ASC or DESC.
std::string without_order(const std::string& term) {
    for (const char* order : {"ASC", "DESC"}) {
        const std::string word(order);
        if (term.size() <= word.size()) continue;
        const std::size_t at = term.size() - word.size();
        if (same_name(term.substr(at), word) && !is_word(term[at - 1])) return trimmed(term.substr(0, at));
    }
    return term;
}

/// The list of terms is what stands in the first parentheses: names before it that hold some are quoted.
Written parse_index(const std::string& sql) {
    Written written;
    std::string part;
    int depth = 0;
    bool is_after = false;
    for (std::size_t i = 0; i < sql.size();) {
        if (const std::size_t end = end_of_quoted(sql, i); end != i) {
            const bool is_comment = sql[i] == '-' || sql[i] == '/';
            part += is_comment ? " " : sql.substr(i, end - i);
            i = end;
            continue;
        }
        const char c = sql[i++];
        if (c == '(') ++depth;
        if (c == ')') --depth;
        const bool ends_list = c == ')' && depth == 0 && !is_after;
        if (!is_after && c == '(' && depth == 1) {
            part.clear();
        } else if (!is_after && (ends_list || (c == ',' && depth == 1))) {
            written.terms.push_back(without_order(trimmed(part)));
            part.clear();
            is_after = ends_list;
        } else {
            part += c;
        }
    }
    constexpr std::size_t kWhereBytes = 5;
    part = trimmed(part);
    if (is_after && same_name(part.substr(0, kWhereBytes), "WHERE")) written.where = part.substr(kWhereBytes);
    return written;
}

/// The columns of a table that a query reads, as SQLite itself finds them. Error: SQLite's, for a query that it does not take.
Result<std::set<std::string>> columns_read(Connection& connection, const std::string& query) {
    std::set<std::string> names;
    const auto note = [](void* to, int action, const char*, const char* column, const char*, const char*) {
        if (action == SQLITE_READ) static_cast<std::set<std::string>*>(to)->insert(column);
        return SQLITE_OK;
    };
    sqlite3* database = connection.raw();
    sqlite3_set_authorizer(database, note, &names);
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v2(database, query.c_str(), -1, &statement, nullptr);
    sqlite3_set_authorizer(database, nullptr, nullptr);
    sqlite3_finalize(statement);
    if (code != SQLITE_OK) return failure(Category::schema, sqlite3_errmsg(database));
    return names;
}

/// The columns of these names. Nothing: one of them is no column, but the rowid.
std::optional<std::vector<IndexedColumn>> described(Connection& connection, const std::string& table,
                                                    const std::set<std::string>& names) {
    std::vector<IndexedColumn> columns;
    Statement statement = connection.prepare(
        "SELECT name, hidden, iif(\"notnull\", dflt_value, NULL) FROM pragma_table_xinfo(?) ORDER BY cid");
    statement.bind_text(1, table);
    while (statement.step()) {
        const std::string name = statement.text(0);
        if (std::ranges::none_of(names, [&](const std::string& read) { return same_name(read, name); }))
            continue;
        std::string filled_in = statement.text(2);
        // Text in double quotes is for DEFAULT alone: not every SQLite takes it in a trigger.
        if (filled_in.starts_with('"')) filled_in = connection.ask_text("SELECT quote(" + filled_in + ")");
        columns.push_back({name, statement.integer(1) != 0, std::move(filled_in)});
    }
    if (columns.size() != names.size()) return std::nullopt;
    return columns;
}

}  // namespace

Result<UniqueIndex> read_unique_index(Connection& connection, const std::string& table,
                                      const std::string& name) {
    UniqueIndex index;
    std::set<std::string> names;
    Statement terms = connection.prepare(
        "SELECT x.name, x.coll, s.sql FROM pragma_index_xinfo(?1) AS x LEFT JOIN sqlite_schema AS s "
        "ON s.type = 'index' AND s.name = ?1 WHERE x.key ORDER BY x.seqno");
    terms.bind_text(1, name);
    std::string sql;
    while (terms.step()) {
        index.terms.push_back({quoted_name(terms.text(0)), terms.text(1), terms.is_null(0)});
        if (!terms.is_null(0)) names.insert(terms.text(0));
        sql = terms.text(2);
    }
    terms.reset();
    const auto refuse = [&](const std::string& why) {
        return failure(Category::schema,
                       "table " + quoted_name(table) + " has the UNIQUE index " + quoted_name(name) +
                           ", of which Strandline cannot tell what goes into it (" + why +
                           "), and so not which row REPLACE removes for it; make it of columns and SQLite's "
                           "own functions, or not UNIQUE");
    };
    const Written written = parse_index(sql);
    index.where = written.where;
    const bool has_expression = std::ranges::any_of(index.terms, &UniqueIndex::Term::is_expression);
    if (has_expression || !index.where.empty()) {
        if (written.terms.size() != index.terms.size()) return refuse("its statement reads otherwise");
        std::string query;
        for (std::size_t i = 0; i < index.terms.size(); ++i) {
            if (index.terms[i].is_expression) index.terms[i].sql = "(" + written.terms[i] + ")";
            query += (query.empty() ? "SELECT " : ", ") + index.terms[i].sql;
        }
        if (!index.where.empty()) query += ", (" + index.where + ")";
        const auto read = columns_read(connection, query + " FROM " + quoted_name(table));
        if (!read) return refuse(read.error().message);
        names = *read;
    }
    auto reads = described(connection, table, names);
    if (!reads) return refuse("it goes by the rowid, which every device numbers for itself");
    index.reads = std::move(*reads);
    return index;
}

}  // namespace strandline::engine::store
