#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

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

/// Values for some columns, aligned with their ids.
struct Assignment {
    std::vector<ColumnId> columns;
    std::vector<const Value*> values;
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
        Scan(Connection& connection, const Resource& resource);
        [[nodiscard]] std::optional<AppRow> next();

    private:
        Statement statement_;
        std::size_t key_columns_;
    };

private:
    [[nodiscard]] std::string rowid_name() const;
    void prepare_read_on(bool is_first);
    [[nodiscard]] std::string where_key(std::size_t first) const;
    [[nodiscard]] const ValueColumn& column(ColumnId id) const;
    void check_that_it_stays(const Assignment& assignment) const;
    Statement& update_statement(const std::vector<ColumnId>& columns, bool respelled);

    Connection& connection_;
    const Resource& resource_;
    Statement read_;
    Statement remove_;
    std::optional<std::string> rowid_;  ///< its name; empty: the table has none
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
