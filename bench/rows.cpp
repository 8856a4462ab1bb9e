#include "bench/rows.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>

#include "bench/report.h"

namespace strandline::bench {
namespace {

constexpr std::int64_t kFillRowsPerTransaction = 10'000;
constexpr std::size_t kNameBytes = 24;
constexpr std::size_t kBodyBytes = 84;

/// The next 64 bits of SplitMix64 (Steele, Lea, Flood 2014): any seed is a good seed.
std::uint64_t next(std::uint64_t& state) {
    std::uint64_t bits = state += 0x9e3779b97f4a7c15;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
}

std::string letters(std::uint64_t& state, std::size_t bytes) {
    std::string text;
    text.reserve(bytes);
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < bytes; ++i, bits >>= 5) {
        if (i % 12 == 0) bits = next(state);
        text += "abcdefghijklmnopqrstuvwxyz      "[bits & 31];
    }
    return text;
}

std::string key(std::uint64_t& state) {
    std::string bytes;
    for (int word = 0; word < 2; ++word) {
        const std::uint64_t bits = next(state);
        for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(bits >> shift & 0xff);
    }
    return bytes;
}

}  // namespace

Row row_at(std::int64_t number) {
    auto state = static_cast<std::uint64_t>(number) * 0x2545f4914f6cdd1d;
    Row row;
    row.id = key(state);
    row.name = letters(state, kNameBytes);
    row.body = letters(state, kBodyBytes);
    row.amount = static_cast<std::int64_t>(next(state) % 100'000);
    row.price = static_cast<double>(next(state) % 1'000'000) / 100;
    row.changed_at = 1'700'000'000'000 + number;
    return row;
}

std::vector<std::int64_t> shuffled(std::int64_t rows, std::int64_t count, std::uint64_t seed) {
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(rows));
    std::iota(numbers.begin(), numbers.end(), 0);
    std::mt19937_64 random(seed);
    std::shuffle(numbers.begin(), numbers.end(), random);
    numbers.resize(static_cast<std::size_t>(std::min(count, rows)));
    return numbers;
}

void insert(Statement& statement, const Row& row) {
    statement.bind_blob(1, row.id);
    statement.bind_text(2, row.name);
    statement.bind_text(3, row.body);
    statement.bind(4, row.amount);
    statement.bind(5, row.price);
    statement.bind(6, row.changed_at);
    statement.run();
}

void fill(Database& database, std::int64_t rows) {
    database.execute(kCreateTable);
    Statement statement(database, kInsert);
    Progress progress("filling a table", rows);
    for (std::int64_t number = 0; number < rows; ++number) {
        if (number % kFillRowsPerTransaction == 0) database.execute(number == 0 ? "BEGIN" : "COMMIT; BEGIN");
        insert(statement, row_at(number));
        progress.at(number);
    }
    database.execute("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
}

}  // namespace strandline::bench
