#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/store/parts.h"
#include "engine/store/resource.h"

namespace strandline::engine::store {

/// One row of the app's own table.
struct AppRow {
    Values key;     ///< as the table spells it
    Values values;  ///< in the order of Resource::columns
};

/// The same, but for the values: their digests.
struct DigestedRow {
    Values key;
    std::string digests;
};

/// A value that was left where it is.
struct LargeValue {
    std::size_t column = 0;  ///< its place in Resource::columns
    bool is_text = false;    ///< else it is a BLOB
    std::uint64_t bytes = 0;
};

/// The same, but for large values: NULL stands for them.
struct SparseRow {
    AppRow row;
    std::vector<LargeValue> large;  ///< in the order of the columns
};

/// The same without any value: what it hashes to, and what it would take to send it.
struct MeasuredRow {
    Values key;
    std::string digests;
    std::uint64_t bytes = 0;        ///< of key and values, but for large ones
    std::size_t longest = 0;        ///< the column with the longest of those
    std::vector<LargeValue> large;  ///< in the order of the columns
};

/// Values for some columns, aligned with their ids.
struct Assignment {
    std::vector<ColumnId> columns;
    std::vector<const Value*> values;
    /// Those that came in parts, in the place of their values; else null. Empty: there are none.
    std::vector<const Staged*> staged = {};
};

/// The app's own table: THE place where its rows are read and written.
///
/// Writes never use REPLACE: what would remove another row is an error of this row instead, and so is a value that its
/// column would convert. They throw StorageError; is_about_row() tells the row's trouble from the disk's.
class Rows {
public:
    Rows(Connection& connection, const Resource& resource);

    /// `key`: canonical values, as decode_key() gives them.
    [[nodiscard]] std::optional<AppRow> read(const Values& key);
    /// As read(), but no value of more than `whole_bytes` bytes is taken into memory, where the table has rowids.
    [[nodiscard]] std::optional<SparseRow> read_sparse(const Values& key, std::size_t whole_bytes);
    /// A row that was just read, with its large values hashed in parts.
    [[nodiscard]] MeasuredRow measured(const Values& key, const SparseRow& row);
    /// Gives the bytes of a TEXT or BLOB in order, in parts; the row is there.
    void each_part(const Values& key, const LargeValue& value,
                   const std::function<void(std::string_view)>& take);
    /// Some bytes of it. Empty: there is no such value, of that length, any more.
    [[nodiscard]] std::optional<std::string> read_part(const Values& key, const LargeValue& value,
                                                       std::uint64_t offset, std::size_t count);
    [[nodiscard]] bool exists(const Values& key);
    /// False: a trigger of the app's ignored the row.
    bool insert(const Values& key, const Assignment& assignment);
    /// `respelled`: the key's values too, where the whole row is set. False: there is no such row.
    bool update(const Values& key, const Values* respelled, const Assignment& assignment);
    bool remove(const Values& key);

    /// Where a reading of the whole table in parts stands.
    struct Position {
        std::optional<std::int64_t> rowid;  ///< the next one
        Values key;                         ///< of a table without: the last one that was read
        bool is_at_end = false;
    };
    /// Gives the next rows, at most `most`, in the order in which they lie in the table.
    void read_on(Position& position, std::size_t most, const std::function<void(const DigestedRow&)>& take);

    /// Reads the whole table; in the order of the key as SQLite sees it.
    class Scan {
    public:
        Scan(Rows& rows, std::size_t whole_bytes);
        [[nodiscard]] std::optional<MeasuredRow> next();

    private:
        Rows& rows_;
        std::size_t whole_bytes_;
        Statement statement_;
    };

private:
    [[nodiscard]] std::string rowid_name() const;
    [[nodiscard]] const std::string& rowid();
    [[nodiscard]] std::optional<std::int64_t> rowid_of(const Values& key);
    [[nodiscard]] Statement ask_about(const Values& key, const std::string& what);
    [[nodiscard]] bool can_be_large(bool is_text);
    [[nodiscard]] std::optional<SparseRow> read_measured(const Values& key, std::size_t whole_bytes);
    [[nodiscard]] std::uint64_t measure(const Values& key, std::size_t column);
    [[nodiscard]] bool is_unseen(ColumnId column);
    void bind_assigned(Statement& statement, int at, const Assignment& assignment,
                       std::vector<Value>& loaded);
    void fill_in(const Values& key, const Assignment& assignment);
    void prepare_read_on(bool is_first);
    [[nodiscard]] std::string where_key(std::size_t first) const;
    [[nodiscard]] const ValueColumn& column(ColumnId id) const;
    void check_that_it_stays(const ValueColumn& to, const Value& value) const;
    void check_that_it_stays(const Assignment& assignment) const;
    Statement& update_statement(const std::vector<ColumnId>& columns, bool respelled);

    Connection& connection_;
    const Resource& resource_;
    Statement read_;
    Statement remove_;
    std::optional<std::string> rowid_;  ///< its name; empty: the table has none
    std::optional<bool> is_utf8_;       ///< the database
    std::map<ColumnId, bool> unseen_;
    Statement read_on_;
    bool is_read_on_first_ = false;
    std::map<std::vector<ColumnId>, Statement> inserts_;
    std::map<std::pair<bool, std::vector<ColumnId>>, Statement> updates_;
};

/// What a value takes in a message. Roughly.
[[nodiscard]] std::size_t bytes_of(const Value& value);
[[nodiscard]] std::size_t bytes_of(const Values& values);
/// The digest of one value: kDigestBytes, never all zero, which stands for "not known".
[[nodiscard]] std::string digest_of(const Value& value);
/// Puts a column's digest into a row's digests.
void set_digest(std::string& digests, ColumnId column, std::string_view digest);
/// Empty when the digests do not reach to that column.
[[nodiscard]] std::string_view get_digest(std::string_view digests, ColumnId column);
/// Stands in the digests for a value that is not known, and not here: its column was dropped.
constexpr std::string_view kDigestOfDropped = "\xff\xff\xff\xff\xff";
/// Takes over the digests of columns that the table does not have from before a row was written: by them it is known
/// that the row had values there.
void keep_absent(std::string& digests, std::string_view before);
/// The digests of a whole row.
[[nodiscard]] std::string digests_of(const Resource& resource, const Values& values);

/// All rows of the app's table, in one walk through it.
[[nodiscard]] std::int64_t count_rows(Connection& connection, const Resource& resource);

}  // namespace strandline::engine::store
