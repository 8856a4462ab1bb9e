#include "engine/store/rows.h"

#include <algorithm>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/limits.h"

namespace strandline::engine::store {
namespace {

/// Prepared UPDATEs for as many sets of columns; apps update few distinct sets.
constexpr std::size_t kStatementsMax = 64;

AppRow take_row(const Statement& statement, std::size_t key_columns) {
    AppRow row;
    const int columns = statement.column_count();
    for (int i = 0; i < columns; ++i) {
        (static_cast<std::size_t>(i) < key_columns ? row.key : row.values).push_back(statement.value(i));
    }
    return row;
}

std::string select_columns(const Resource& resource) {
    std::string sql = "SELECT ";
    for (std::size_t i = 0; i < resource.key.size(); ++i)
        sql += (i > 0 ? ", " : "") + quoted_name(resource.key[i].name);
    for (const ValueColumn& column : resource.columns) sql += ", " + quoted_name(column.name);
    return sql + " FROM main." + quoted_name(resource.name);
}

}  // namespace

Rows::Rows(Connection& connection, const Resource& resource)
    : connection_(connection),
      resource_(resource),
      read_(connection.prepare(select_columns(resource) + where_key(1))),
      remove_(connection.prepare("DELETE FROM main." + quoted_name(resource.name) + where_key(1))) {}

std::string Rows::where_key(std::size_t first) const {
    const char* collations[] = {"", " COLLATE NOCASE", " COLLATE RTRIM"};
    std::string sql;
    for (std::size_t i = 0; i < resource_.key.size(); ++i) {
        const KeyColumn& column = resource_.key[i];
        sql += (i > 0 ? " AND " : " WHERE ") + quoted_name(column.name) + " = ?" + std::to_string(first + i) +
               collations[static_cast<int>(column.collation)];
    }
    return sql;
}

std::string Rows::name_of(ColumnId column) const {
    return std::ranges::find(resource_.columns, column, &ValueColumn::id)->name;
}

std::optional<AppRow> Rows::read(const Values& key) {
    const ResetAtEnd reset(read_);
    for (std::size_t i = 0; i < key.size(); ++i) read_.bind(static_cast<int>(i + 1), key[i]);
    if (!read_.step()) return std::nullopt;
    return take_row(read_, resource_.key.size());
}

bool Rows::insert(const Values& key, const Assignment& assignment) {
    Statement& statement = inserts_[assignment.columns];
    if (!statement.is_prepared()) {
        std::string names;
        std::string places;
        for (const KeyColumn& column : resource_.key)
            names += (names.empty() ? "" : ", ") + quoted_name(column.name);
        for (const ColumnId column : assignment.columns) names += ", " + quoted_name(name_of(column));
        for (std::size_t i = 0; i < key.size() + assignment.columns.size(); ++i)
            places += i > 0 ? ", ?" : "?";
        statement = connection_.prepare("INSERT OR ABORT INTO main." + quoted_name(resource_.name) + "(" +
                                        names + ") VALUES (" + places + ")");
    }
    const ResetAtEnd reset(statement);
    int at = 1;
    for (const Value& value : key) statement.bind(at++, value);
    for (const Value* value : assignment.values) statement.bind(at++, *value);
    statement.step();
    return connection_.changes() > 0;
}

Statement& Rows::update_statement(const std::vector<ColumnId>& columns, bool respelled) {
    if (updates_.size() >= kStatementsMax) updates_.clear();
    Statement& statement = updates_[{respelled, columns}];
    if (statement.is_prepared()) return statement;
    std::string sets;
    std::size_t at = resource_.key.size() + 1;
    const auto set = [&](const std::string& name) {
        sets += (sets.empty() ? "" : ", ") + quoted_name(name) + " = ?" + std::to_string(at++);
    };
    if (respelled) {
        for (const KeyColumn& column : resource_.key) set(column.name);
    }
    for (const ColumnId column : columns) set(name_of(column));
    statement = connection_.prepare("UPDATE OR ABORT main." + quoted_name(resource_.name) + " SET " + sets +
                                    where_key(1));
    return statement;
}

bool Rows::update(const Values& key, const Values* respelled, const Assignment& assignment) {
    if (assignment.columns.empty() && respelled == nullptr) return true;
    Statement& statement = update_statement(assignment.columns, respelled != nullptr);
    const ResetAtEnd reset(statement);
    int at = 1;
    for (const Value& value : key) statement.bind(at++, value);
    if (respelled != nullptr) {
        for (const Value& value : *respelled) statement.bind(at++, value);
    }
    for (const Value* value : assignment.values) statement.bind(at++, *value);
    statement.step();
    return connection_.changes() > 0;
}

bool Rows::remove(const Values& key) {
    const ResetAtEnd reset(remove_);
    for (std::size_t i = 0; i < key.size(); ++i) remove_.bind(static_cast<int>(i + 1), key[i]);
    remove_.step();
    return connection_.changes() > 0;
}

Rows::Scan::Scan(Connection& connection, const Resource& resource) : key_columns_(resource.key.size()) {
    std::string order;
    for (const KeyColumn& column : resource.key)
        order += (order.empty() ? "" : ", ") + quoted_name(column.name);
    statement_ = connection.prepare(select_columns(resource) + " ORDER BY " + order);
}

std::optional<AppRow> Rows::Scan::next() {
    if (!statement_.step()) return std::nullopt;
    return take_row(statement_, key_columns_);
}

std::size_t bytes_of(const Value& value) {
    constexpr std::size_t kNumberBytes = 9;
    constexpr std::size_t kLengthBytes = 5;
    if (const auto* text = std::get_if<std::string>(&value)) return text->size() + kLengthBytes;
    if (const auto* blob = std::get_if<Blob>(&value)) return blob->bytes.size() + kLengthBytes;
    return kNumberBytes;
}

std::size_t bytes_of(const Values& values) {
    std::size_t bytes = 0;
    for (const Value& value : values) bytes += bytes_of(value);
    return bytes;
}

std::string digest_of(const Value& value) {
    std::uint64_t hash = 0;
    const std::uint64_t type = value.index() + 1;
    if (const auto* text = std::get_if<std::string>(&value)) {
        hash = XXH3_64bits_withSeed(text->data(), text->size(), type);
    } else if (const auto* blob = std::get_if<Blob>(&value)) {
        hash = XXH3_64bits_withSeed(blob->bytes.data(), blob->bytes.size(), type);
    } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        hash = XXH3_64bits_withSeed(integer, sizeof *integer, type);
    } else if (const auto* real = std::get_if<double>(&value)) {
        hash = XXH3_64bits_withSeed(real, sizeof *real, type);
    } else {
        hash = XXH3_64bits_withSeed(nullptr, 0, type);
    }
    constexpr std::uint64_t kMask = (std::uint64_t{1} << (8 * kDigestBytes)) - 1;
    if ((hash & kMask) == 0) hash = 1;
    std::string digest(kDigestBytes, '\0');
    std::memcpy(digest.data(), &hash, kDigestBytes);
    return digest;
}

void set_digest(std::string& digests, ColumnId column, std::string_view digest) {
    const std::size_t at = static_cast<std::size_t>(column) * kDigestBytes;
    if (digests.size() < at + kDigestBytes) digests.resize(at + kDigestBytes, '\0');
    digests.replace(at, kDigestBytes, digest);
}

std::string_view get_digest(std::string_view digests, ColumnId column) {
    const std::size_t at = static_cast<std::size_t>(column) * kDigestBytes;
    if (digests.size() < at + kDigestBytes) return {};
    const std::string_view digest = digests.substr(at, kDigestBytes);
    return digest.find_first_not_of('\0') == std::string_view::npos ? std::string_view() : digest;
}

void keep_absent(std::string& digests, std::string_view before) {
    for (std::size_t i = 0; i < before.size() / kDigestBytes; ++i) {
        const auto column = static_cast<ColumnId>(i);
        const std::string_view known = get_digest(before, column);
        if (!known.empty() && get_digest(digests, column).empty()) set_digest(digests, column, known);
    }
}

std::string digests_of(const Resource& resource, const Values& values) {
    std::string digests;
    for (std::size_t i = 0; i < resource.columns.size(); ++i) {
        set_digest(digests, resource.columns[i].id, digest_of(values[i]));
    }
    return digests;
}

std::int64_t count_rows(Connection& connection, const Resource& resource) {
    return connection.ask_integer("SELECT count(*) FROM " + quoted_name(resource.name));
}

}  // namespace strandline::engine::store
