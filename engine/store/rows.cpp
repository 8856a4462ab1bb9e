#include "engine/store/rows.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include <sqlite3.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/limits.h"
#include "engine/store/cell.h"

namespace strandline::engine::store {
namespace {

/// Prepared UPDATEs for as many sets of columns; apps update few distinct sets.
constexpr std::size_t kStatementsMax = 64;

AppRow take_row(const Statement& statement, std::size_t key_columns) {
    AppRow row;
    const int columns = statement.column_count();
    row.key.reserve(key_columns);
    row.values.reserve(static_cast<std::size_t>(columns) - key_columns);
    for (int i = 0; i < columns; ++i) {
        (static_cast<std::size_t>(i) < key_columns ? row.key : row.values).push_back(statement.value(i));
    }
    return row;
}

std::string digest(const void* data, std::size_t size, std::size_t type) {
    std::uint64_t hash = XXH3_64bits_withSeed(data, size, type + 1);
    constexpr std::uint64_t kMask = (std::uint64_t{1} << (8 * kDigestBytes)) - 1;
    if ((hash & kMask) == 0) hash = 1;
    std::string digest(kDigestBytes, '\0');
    std::memcpy(digest.data(), &hash, kDigestBytes);
    return digest;
}

/// As of its value, without a copy of it.
std::string digest_of(const Statement& statement, int column) {
    const std::size_t type = statement.type(column);
    if (const Value number = std::int64_t{0}; type == number.index()) {
        const std::int64_t integer = statement.integer(column);
        return digest(&integer, sizeof integer, type);
    }
    if (const Value number = 0.0; type == number.index()) {
        const double real = statement.real(column);
        return digest(&real, sizeof real, type);
    }
    const std::string_view bytes = type == 0 ? std::string_view() : statement.bytes(column);
    return digest(bytes.data(), bytes.size(), type);
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
      read_(connection.prepare(select_columns(resource) + where_key(1))) {}

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

const ValueColumn& Rows::column(ColumnId id) const {
    return *std::ranges::find(resource_.columns, id, &ValueColumn::id);
}

/// A value that is another one here would pass for damage, and go back as what nobody wrote.
void Rows::check_that_it_stays(const ValueColumn& to, const Value& value) const {
    constexpr const char* kTypes[] = {"NULL", "INTEGER", "REAL", "TEXT", "BLOB"};
    if (!would_change(connection_, to.affinity, value)) return;
    throw StorageError(SQLITE_CONSTRAINT, "the column " + quoted_name(to.name) + " is " + to.type +
                                              " here, and would make another value of the " +
                                              kTypes[value.index()] +
                                              " that was written; make the table anew with the type that "
                                              "it has there, and it is tried again");
}

void Rows::check_that_it_stays(const Assignment& assignment) const {
    for (std::size_t i = 0; i < assignment.columns.size(); ++i)
        check_that_it_stays(column(assignment.columns[i]), *assignment.values[i]);
}

std::optional<AppRow> Rows::read(const Values& key) {
    const ResetAtEnd reset(read_);
    for (std::size_t i = 0; i < key.size(); ++i) read_.bind(static_cast<int>(i + 1), key[i]);
    if (!read_.step()) return std::nullopt;
    return take_row(read_, resource_.key.size());
}

bool Rows::insert(const Values& key, const Assignment& assignment) {
    check_that_it_stays(assignment);
    if (inserts_.size() >= kStatementsMax) inserts_.clear();
    Statement& statement = inserts_[assignment.columns];
    if (!statement.is_prepared()) {
        std::string names;
        std::string places;
        for (const KeyColumn& column : resource_.key)
            names += (names.empty() ? "" : ", ") + quoted_name(column.name);
        for (const ColumnId id : assignment.columns) names += ", " + quoted_name(column(id).name);
        for (std::size_t i = 0; i < key.size() + assignment.columns.size(); ++i)
            places += i > 0 ? ", ?" : "?";
        statement = connection_.prepare("INSERT OR ABORT INTO main." + quoted_name(resource_.name) + "(" +
                                        names + ") VALUES (" + places + ")");
    }
    const ResetAtEnd reset(statement);
    int at = 1;
    for (const Value& value : key) statement.bind(at++, value);
    std::optional<SmallCache> small_cache;
    if (!assignment.staged.empty()) small_cache.emplace(connection_);
    std::vector<Value> loaded;
    bind_assigned(statement, at, assignment, loaded);
    statement.step();
    if (connection_.changes() == 0) return false;
    fill_in(key, assignment);
    return true;
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
    for (const ColumnId id : columns) set(column(id).name);
    statement = connection_.prepare("UPDATE OR ABORT main." + quoted_name(resource_.name) + " SET " + sets +
                                    where_key(1));
    return statement;
}

bool Rows::update(const Values& key, const Values* respelled, const Assignment& assignment) {
    if (assignment.columns.empty() && respelled == nullptr) return true;
    check_that_it_stays(assignment);
    Statement& statement = update_statement(assignment.columns, respelled != nullptr);
    const ResetAtEnd reset(statement);
    int at = 1;
    for (const Value& value : key) statement.bind(at++, value);
    if (respelled != nullptr) {
        for (const Value& value : *respelled) statement.bind(at++, value);
    }
    std::optional<SmallCache> small_cache;
    if (!assignment.staged.empty()) small_cache.emplace(connection_);
    std::vector<Value> loaded;
    bind_assigned(statement, at, assignment, loaded);
    statement.step();
    if (connection_.changes() == 0) return false;
    fill_in(respelled != nullptr ? *respelled : key, assignment);
    return true;
}

bool Rows::remove(const Values& key) {
    if (!remove_.is_prepared())
        remove_ = connection_.prepare("DELETE FROM main." + quoted_name(resource_.name) + where_key(1));
    const ResetAtEnd reset(remove_);
    for (std::size_t i = 0; i < key.size(); ++i) remove_.bind(static_cast<int>(i + 1), key[i]);
    remove_.step();
    return connection_.changes() > 0;
}

/// A column may bear one of its names.
std::string Rows::rowid_name() const {
    Statement kind =
        connection_.prepare("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?");
    if (kind.bind_text(1, resource_.name).step() && kind.integer(0) != 0) return {};
    const auto is_taken = [&](const char* name) {
        return std::ranges::any_of(resource_.columns,
                                   [&](const auto& column) { return same_name(column.name, name); }) ||
               std::ranges::any_of(resource_.key,
                                   [&](const auto& column) { return same_name(column.name, name); });
    };
    for (const char* name : {"rowid", "oid", "_rowid_"}) {
        if (!is_taken(name)) return name;
    }
    return {};
}

const std::string& Rows::rowid() {
    if (!rowid_) rowid_ = rowid_name();
    return *rowid_;
}

void Rows::prepare_read_on(bool is_first) {
    static_cast<void>(rowid());
    if (read_on_.is_prepared() && (!rowid_->empty() || is_read_on_first_ == is_first)) return;
    is_read_on_first_ = is_first;
    std::string sql = select_columns(resource_);
    if (!rowid_->empty()) {
        sql.replace(sql.find(" FROM main."), 0, ", " + *rowid_);
        sql += " WHERE " + *rowid_ + " >= ?1 ORDER BY " + *rowid_ + " LIMIT ?2";
    } else {
        std::string names;
        std::string places;
        for (std::size_t i = 0; i < resource_.key.size(); ++i) {
            names += (i > 0 ? ", " : "") + quoted_name(resource_.key[i].name);
            places += (i > 0 ? ", ?" : "?") + std::to_string(i + 2);
        }
        if (!is_first) sql += " WHERE (" + names + ") > (" + places + ")";
        sql += " ORDER BY " + names + " LIMIT ?1";
    }
    read_on_ = connection_.prepare(sql);
}

void Rows::read_on(Position& position, std::size_t most,
                   const std::function<void(const DigestedRow&)>& take) {
    if (position.is_at_end) return;
    const bool is_first = position.key.empty();
    prepare_read_on(is_first);
    const ResetAtEnd reset(read_on_);
    if (!rowid_->empty()) {
        read_on_.bind(1, position.rowid.value_or(std::numeric_limits<std::int64_t>::min()));
        read_on_.bind(2, static_cast<std::int64_t>(most));
    } else {
        read_on_.bind(1, static_cast<std::int64_t>(most));
        for (std::size_t i = 0; !is_first && i < position.key.size(); ++i)
            read_on_.bind(static_cast<int>(i + 2), position.key[i]);
    }
    std::size_t count = 0;
    const auto keys = static_cast<int>(resource_.key.size());
    const auto columns = static_cast<int>(resource_.columns.size());
    DigestedRow row;  // One for all, as its memory is what costs most.
    for (; read_on_.step(); ++count) {
        row.key.clear();
        row.digests.clear();
        for (int i = 0; i < keys; ++i) row.key.push_back(read_on_.value(i));
        for (int i = 0; i < columns; ++i)
            set_digest(row.digests, resource_.columns[static_cast<std::size_t>(i)].id,
                       digest_of(read_on_, keys + i));
        if (!rowid_->empty()) {
            const std::int64_t rowid = read_on_.integer(keys + columns);
            position.is_at_end =
                rowid == std::numeric_limits<std::int64_t>::max();  // There is none behind it.
            position.rowid = position.is_at_end ? rowid : rowid + 1;
        } else if (count + 1 == most) {
            position.key = row.key;
        }
        take(row);
    }
    position.is_at_end = position.is_at_end || count < most;
}

Rows::Scan::Scan(Rows& rows, std::size_t whole_bytes) : rows_(rows), whole_bytes_(whole_bytes) {
    std::string order;
    for (const KeyColumn& column : rows.resource_.key)
        order += (order.empty() ? "" : ", ") + quoted_name(column.name);
    statement_ = rows.connection_.prepare(select_columns(rows.resource_) + " ORDER BY " + order);
}

std::optional<MeasuredRow> Rows::Scan::next() {
    if (!statement_.step()) return std::nullopt;
    MeasuredRow row;
    const auto keys = static_cast<int>(rows_.resource_.key.size());
    for (int i = 0; i < keys; ++i) row.key.push_back(statement_.value(i));
    row.bytes = bytes_of(row.key);
    std::uint64_t longest_bytes = 0;
    for (std::size_t i = 0; i < rows_.resource_.columns.size(); ++i) {
        const int at = keys + static_cast<int>(i);
        set_digest(row.digests, rows_.resource_.columns[i].id, digest_of(statement_, at));
        const std::size_t type = statement_.type(at);
        const bool has_bytes = type == Value(std::string()).index() || type == Value(Blob()).index();
        const bool is_text = type == Value(std::string()).index();
        const std::uint64_t bytes = has_bytes ? statement_.bytes(at).size() : 0;
        if (bytes > whole_bytes_ && rows_.can_be_large(is_text)) {
            row.large.push_back({i, is_text, bytes});
            continue;
        }
        row.bytes += bytes + bytes_of(Value{});
        if (bytes > longest_bytes) row.longest = i;
        longest_bytes = std::max(longest_bytes, bytes);
    }
    return row;
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
    const std::size_t type = value.index();
    if (const auto* text = std::get_if<std::string>(&value)) return digest(text->data(), text->size(), type);
    if (const auto* blob = std::get_if<Blob>(&value))
        return digest(blob->bytes.data(), blob->bytes.size(), type);
    if (const auto* integer = std::get_if<std::int64_t>(&value))
        return digest(integer, sizeof *integer, type);
    if (const auto* real = std::get_if<double>(&value)) return digest(real, sizeof *real, type);
    return digest(nullptr, 0, type);
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
    digests.reserve(kDigestBytes * resource.columns.size());
    for (std::size_t i = 0; i < resource.columns.size(); ++i) {
        set_digest(digests, resource.columns[i].id, digest_of(values[i]));
    }
    return digests;
}

std::int64_t count_rows(Connection& connection, const Resource& resource) {
    return connection.ask_integer("SELECT count(*) FROM " + quoted_name(resource.name));
}

}  // namespace strandline::engine::store
