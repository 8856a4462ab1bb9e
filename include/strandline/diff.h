#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <strandline/result.h>
#include <strandline/value.h>

/// Compares two database files row by row, without either device's help: the proof that does not
/// rest on anything that Strandline itself wrote down.
namespace strandline {

/// One column of one row that says something else on each side.
struct ColumnDifference {
    std::string column;
    Value a;
    Value b;
};

struct RowDifference {
    enum class Where { only_a, only_b, both };
    Where where{};
    Values key;                             ///< as A spells it, or B where A has no such row
    std::vector<ColumnDifference> columns;  ///< empty unless both have the row
};

struct TableDifference {
    std::string table;
    std::vector<std::string> key;             ///< the names of the primary key's columns
    std::vector<std::string> columns_only_a;  ///< not compared: the other side lacks them
    std::vector<std::string> columns_only_b;
    std::int64_t rows_a = 0;
    std::int64_t rows_b = 0;
    std::int64_t only_a = 0;  ///< rows
    std::int64_t only_b = 0;
    std::int64_t changed = 0;
    std::vector<RowDifference> first;  ///< in key order, as many as were asked for

    [[nodiscard]] bool is_equal() const;
};

struct Difference {
    std::vector<TableDifference> tables;
    std::vector<std::string> tracked_only_a;  ///< tables not compared: the other side does not track them
    std::vector<std::string> tracked_only_b;

    [[nodiscard]] bool is_equal() const;
};

/// Compares `tables`, or those that both track when there are none, each file in one snapshot of its
/// own. Keys are equal as SQLite holds them equal; columns are matched by name, and their values must
/// have the same storage class and the same bytes. Generated columns follow from the others and are
/// left out. Tables are read in key order, one row of each side in memory. Changes nothing; works
/// beside running devices.
///
/// `most_rows`: how many differing rows a table keeps; all are counted.
/// Error: a file that is no database or, where no tables are named, no device's; a table that is not
/// in both, has no primary key, or has another one on the other side; nothing that both track;
/// (timeout) `stop_asked`, asked every few milliseconds, said yes.
[[nodiscard]] Result<Difference> diff_databases(const std::string& a, const std::string& b,
                                                const std::vector<std::string>& tables, std::size_t most_rows,
                                                const std::function<bool()>& stop_asked = {});

}  // namespace strandline
