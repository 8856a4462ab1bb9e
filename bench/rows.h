#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/sqlite.h"

/// The rows that everything here is measured on: six columns, a random key of 16 bytes, about 150 bytes in all.
namespace strandline::bench {

inline constexpr const char* kTable = "items";
inline constexpr const char* kCreateTable =
    "CREATE TABLE items (id BLOB PRIMARY KEY, name TEXT, body TEXT, amount INTEGER, price REAL, changed_at "
    "INTEGER)";
inline constexpr const char* kInsert = "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)";
inline constexpr const char* kUpdate = "UPDATE items SET amount = ?2 WHERE id = ?1";

struct Row {
    std::string id;
    std::string name;
    std::string body;
    std::int64_t amount = 0;
    double price = 0;
    std::int64_t changed_at = 0;
};

/// The row with this number: the same in every run and on every machine, its key as good as random.
[[nodiscard]] Row row_at(std::int64_t number);
/// So many numbers below `rows`, each at most once, as good as random: which rows are changed, in this order.
[[nodiscard]] std::vector<std::int64_t> shuffled(std::int64_t rows, std::int64_t count, std::uint64_t seed);

void insert(Statement& statement, const Row& row);
/// Makes the table and fills it with `rows` rows, in transactions of 10,000; tells how far it is.
void fill(Database& database, std::int64_t rows);

}  // namespace strandline::bench
