#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

/// The least of SQLite in C++ that the benchmark's "app" needs.
namespace strandline::bench {

/// Anything that keeps a benchmark from running. main() prints the sentence and stops.
class Trouble : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// How durable a commit of the app's is: `normal` writes to the WAL, `full` also syncs it.
enum class Sync { normal, full };

/// A connection in WAL mode, with the pragmas of kPragmas pinned.
class Database {
public:
    Database(const std::string& path, Sync sync);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    void execute(const char* sql);
    [[nodiscard]] std::int64_t ask(const char* sql);
    [[nodiscard]] sqlite3* handle() const { return database_; }

private:
    sqlite3* database_ = nullptr;
};

/// What every connection of the benchmark's is set to, beside journal_mode=WAL and synchronous.
inline constexpr const char* kPragmas =
    "PRAGMA page_size=4096; PRAGMA wal_autocheckpoint=1000; PRAGMA cache_size=-2000;";

class Statement {
public:
    Statement(const Database& database, std::string_view sql);
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement() { sqlite3_finalize(statement_); }

    // Texts and blobs must live until the next run() or step() is over.
    void bind(int at, std::int64_t value);
    void bind(int at, double value);
    void bind_text(int at, std::string_view text);
    void bind_blob(int at, std::string_view bytes);

    /// True: there is a row.
    bool step();
    void reset() { sqlite3_reset(statement_); }
    /// Runs it to its end, ready to be bound again.
    void run();

    [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
    [[nodiscard]] double real(int column) const { return sqlite3_column_double(statement_, column); }
    [[nodiscard]] std::string_view bytes(int column) const;

private:
    void check(int code) const;

    sqlite3_stmt* statement_ = nullptr;
};

}  // namespace strandline::bench
