#include <algorithm>
#include <cctype>

#include <strandline/message.h>

#include "engine/store/cell.h"
#include "engine/store/rows.h"

// Rows, continued: values that are too large to be in memory whole.
namespace strandline::engine::store {
namespace {

/// What of a value is in memory at a time.
constexpr std::size_t kPartBytes = 64 * 1024;

std::string names_of(const Resource& resource) {
    std::string names;
    for (const KeyColumn& column : resource.key)
        names += (names.empty() ? "" : ", ") + quoted_name(column.name);
    return names;
}

bool is_longer(const Value& value, std::size_t bytes) {
    if (const auto* text = std::get_if<std::string>(&value)) return text->size() > bytes;
    if (const auto* blob = std::get_if<Blob>(&value)) return blob->bytes.size() > bytes;
    return false;
}

std::string upper_case(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
    return text;
}

}  // namespace

/// One row's expressions.
Statement Rows::ask_about(const Values& key, const std::string& what) {
    Statement ask =
        connection_.prepare("SELECT " + what + " FROM main." + quoted_name(resource_.name) + where_key(1));
    for (std::size_t i = 0; i < key.size(); ++i) ask.bind(static_cast<int>(i + 1), key[i]);
    return ask;
}

bool Rows::exists(const Values& key) {
    return ask_about(key, "1").step();
}

std::optional<std::int64_t> Rows::rowid_of(const Values& key) {
    if (rowid().empty()) return std::nullopt;
    Statement ask = ask_about(key, rowid());
    return ask.step() ? std::optional(ask.integer(0)) : std::nullopt;
}

// SQLite says that a value is too long before it takes memory for it, so rows without large values cost nothing more.
std::optional<SparseRow> Rows::read_sparse(const Values& key, std::size_t whole_bytes) {
    const auto is_too_long = [&](const Value& value) { return is_longer(value, whole_bytes); };
    try {
        const LengthLimit limit(connection_, whole_bytes);
        auto row = read(key);
        if (!row) return std::nullopt;
        if (std::ranges::none_of(row->values, is_too_long)) return SparseRow{std::move(*row), {}};
    } catch (const StorageError& error) {
        if (!LengthLimit::is_reached(error)) throw;
    }
    return read_measured(key, whole_bytes);
}

/// In a database of another encoding a TEXT has other bytes than those that travel.
bool Rows::can_be_large(bool is_text) {
    if (!is_utf8_) is_utf8_ = connection_.ask_text("PRAGMA encoding") == "UTF-8";
    return !is_text || *is_utf8_;
}

std::uint64_t Rows::measure(const Values& key, std::size_t column) {
    const std::string& name = resource_.columns[column].name;
    if (const auto row = rowid_of(key))
        return OpenCell(connection_, resource_.name, name, *row, OpenCell::For::reading).bytes();
    Statement ask = ask_about(key, "length(CAST(" + quoted_name(name) + " AS BLOB))");
    return ask.step() ? static_cast<std::uint64_t>(ask.integer(0)) : 0;
}

std::optional<SparseRow> Rows::read_measured(const Values& key, std::size_t whole_bytes) {
    std::string types;
    for (const ValueColumn& column : resource_.columns)
        types += (types.empty() ? "typeof(" : ", typeof(") + quoted_name(column.name) + ")";
    SparseRow sparse;
    std::string names = names_of(resource_);
    {
        Statement ask = ask_about(key, types);
        if (!ask.step()) return std::nullopt;
        for (std::size_t i = 0; i < resource_.columns.size(); ++i) {
            const std::string type = ask.text(static_cast<int>(i));
            const bool has_bytes = type == "blob" || (type == "text" && can_be_large(true));
            const std::uint64_t bytes = has_bytes ? measure(key, i) : 0;
            const bool is_large = bytes > whole_bytes;
            if (is_large) sparse.large.push_back({i, type == "text", bytes});
            names += is_large ? ", NULL" : ", " + quoted_name(resource_.columns[i].name);
        }
    }
    Statement read = ask_about(key, names);
    if (!read.step()) return std::nullopt;
    for (int i = 0; i < read.column_count(); ++i) {
        const bool is_key = static_cast<std::size_t>(i) < resource_.key.size();
        (is_key ? sparse.row.key : sparse.row.values).push_back(read.value(i));
    }
    return sparse;
}

MeasuredRow Rows::measured(const Values& key, const SparseRow& row) {
    MeasuredRow measured{row.row.key, digests_of(resource_, row.row.values), bytes_of(row.row.key), 0,
                         row.large};
    measured.bytes += bytes_of(row.row.values);
    const auto longest =
        std::ranges::max_element(row.row.values, {}, [](const Value& value) { return bytes_of(value); });
    measured.longest = static_cast<std::size_t>(longest - row.row.values.begin());
    for (const LargeValue& value : row.large) {
        Hashing hashing(value.is_text);
        each_part(key, value, [&](std::string_view part) { hashing.add(part); });
        set_digest(measured.digests, resource_.columns[value.column].id, digest_from(hashing.hash()));
    }
    return measured;
}

void Rows::each_part(const Values& key, const LargeValue& value,
                     const std::function<void(std::string_view)>& take) {
    const std::string& name = resource_.columns[value.column].name;
    if (const auto row = rowid_of(key)) {
        const OpenCell cell(connection_, resource_.name, name, *row, OpenCell::For::reading);
        for (std::uint64_t at = 0; at < value.bytes; at += kPartBytes)
            take(cell.read(at,
                           static_cast<std::size_t>(std::min<std::uint64_t>(kPartBytes, value.bytes - at))));
        return;
    }
    Statement ask = ask_about(key, quoted_name(name));
    if (ask.step()) take(ask.bytes(0));
}

std::optional<std::string> Rows::read_part(const Values& key, const LargeValue& value, std::uint64_t offset,
                                           std::size_t count) {
    const std::string& name = resource_.columns[value.column].name;
    {
        Statement ask = ask_about(key, "typeof(" + quoted_name(name) + ")");
        if (!ask.step() || ask.text(0) != (value.is_text ? "text" : "blob")) return std::nullopt;
    }
    if (measure(key, value.column) != value.bytes) return std::nullopt;
    if (const auto row = rowid_of(key))
        return OpenCell(connection_, resource_.name, name, *row, OpenCell::For::reading).read(offset, count);
    const auto first = static_cast<int>(key.size() + 1);
    Statement ask = ask_about(key, "substr(CAST(" + quoted_name(name) + " AS BLOB), ?" +
                                       std::to_string(first) + ", ?" + std::to_string(first + 1) + ")");
    ask.bind(first, static_cast<std::int64_t>(offset + 1)).bind(first + 1, static_cast<std::int64_t>(count));
    return ask.step() ? std::optional(ask.text(0)) : std::nullopt;
}

/// Whether nobody looks at the values of a column while a row is written: no trigger of the app's, no index, no constraint,
/// no generated column. Then they may come in behind it.
bool Rows::is_unseen(ColumnId id) {
    const auto [known, is_new] = unseen_.try_emplace(id, false);
    const bool may_be_unseen = !rowid().empty() && can_be_large(true) &&
                               column(id).affinity != Affinity::numeric &&
                               column(id).affinity != Affinity::real;
    if (!is_new || !may_be_unseen) return known->second;
    Statement find = connection_.prepare(
        "SELECT (SELECT count(*) FROM main.sqlite_schema WHERE type = 'trigger' AND "
        "tbl_name = ?1 COLLATE NOCASE AND name NOT GLOB 'strandline_*'), "
        "(SELECT count(*) FROM pragma_table_xinfo(?1, 'main') WHERE hidden > 1), "
        "(SELECT count(*) FROM pragma_index_list(?1, 'main') l, pragma_index_xinfo(l.name, 'main') x "
        "WHERE l.partial = 1 OR x.cid = -2 OR x.name = ?2 COLLATE NOCASE), "
        "(SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE)");
    find.bind_text(1, resource_.name).bind_text(2, column(id).name);
    if (!find.step()) return false;
    known->second = find.integer(0) + find.integer(1) + find.integer(2) == 0 &&
                    upper_case(find.text(3)).find("CHECK") == std::string::npos;
    return known->second;
}

/// Binds values from position `at` on; `loaded` has those that came in parts and have to be whole.
void Rows::bind_assigned(Statement& statement, int at, const Assignment& assignment,
                         std::vector<Value>& loaded) {
    loaded.reserve(assignment.staged.size());
    for (std::size_t i = 0; i < assignment.values.size(); ++i, ++at) {
        const Staged* staged = assignment.staged.empty() ? nullptr : assignment.staged[i];
        if (staged == nullptr) {
            statement.bind(at, *assignment.values[i]);
        } else if (!is_unseen(assignment.columns[i])) {
            const Value& whole = loaded.emplace_back(Parts(connection_).whole(*staged));
            check_that_it_stays(column(assignment.columns[i]), whole);
            statement.bind(at, whole);
        } else if (staged->is_text) {
            statement.bind_text(at, zeros(staged->bytes));
        } else {
            statement.bind_blob(at, zeros(staged->bytes));
        }
    }
}

/// Puts what came in parts into the row, over the zeros.
void Rows::fill_in(const Values& key, const Assignment& assignment) {
    for (std::size_t i = 0; i < assignment.staged.size(); ++i) {
        const Staged* staged = assignment.staged[i];
        if (staged == nullptr || !is_unseen(assignment.columns[i])) continue;
        const auto row = rowid_of(key);
        if (!row) throw StorageError(0, "a row that was written is not there");
        OpenCell cell(connection_, resource_.name, column(assignment.columns[i]).name, *row,
                      OpenCell::For::writing);
        Parts(connection_).each(*staged, [&](std::uint64_t offset, std::string_view part) {
            cell.write(offset, part);
        });
    }
}

}  // namespace strandline::engine::store
