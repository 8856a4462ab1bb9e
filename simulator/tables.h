#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <strandline/status.h>
#include <strandline/value.h>

namespace strandline::simulator {

/// One of the app's tables. The key's columns come first, in the order of the PRIMARY KEY.
struct Table {
    std::string name;
    std::string sql;  ///< CREATE TABLE ...
    std::vector<std::string> columns;
    std::size_t key_columns = 1;
    Ownership ownership = Ownership::shared;
    bool folds_case = false;  ///< the key is NOCASE
};

/// Every shape of table that Strandline tracks, small enough that devices meet in the same rows.
[[nodiscard]] const std::vector<Table>& tables();
/// The place of a table, which is there, among them.
[[nodiscard]] std::size_t index_of_table(const std::string& name);

/// A key as docs/schema.md lays it out, written anew: two keys are one exactly when these bytes are. Knows what
/// the tables above have in their keys: integers from 0 on, text, blobs.
[[nodiscard]] std::string encoded_key(const Table& table, const Values& row);

/// A value as text in which type and bytes can be told apart: NULL, 1, 1.5, 'a', x'0b'.
[[nodiscard]] std::string to_text(const Value& value);
[[nodiscard]] std::string to_text(const Values& values);

}  // namespace strandline::simulator
