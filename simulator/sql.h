#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <strandline/value.h>

struct sqlite3;
struct sqlite3_stmt;

namespace strandline::simulator {

/// A plain connection to a device's database, as the app and the checks have one.
class Sql {
public:
    /// Statements stay prepared, and one text is parsed once, until they are forgotten.
    class Statement {
    public:
        Statement(Statement&& other) noexcept;
        Statement& operator=(Statement&&) = delete;
        ~Statement();
        Statement& bind(int at, const Value& value);
        /// True: a row. False: done, or an error, which is in code().
        bool step();
        [[nodiscard]] int code() const { return code_; }
        /// All rows have been read, without an error.
        [[nodiscard]] bool is_done() const;
        [[nodiscard]] Value value(int column) const;
        [[nodiscard]] std::int64_t integer(int column) const;
        [[nodiscard]] std::string bytes(int column) const;

    private:
        friend class Sql;
        explicit Statement(sqlite3_stmt* statement, int code) : statement_(statement), code_(code) {}
        sqlite3_stmt* statement_;
        int code_;
    };

    Sql(const std::string& file, const std::string& vfs);
    ~Sql();
    Sql(const Sql&) = delete;
    Sql& operator=(const Sql&) = delete;

    [[nodiscard]] Statement ask(const std::string& sql);
    /// SQLite's primary result code.
    int run(const std::string& sql);
    /// The same, for one statement that is run often: it stays prepared.
    int run_again(const std::string& sql);
    [[nodiscard]] sqlite3* raw() const { return database_; }
    [[nodiscard]] bool is_open() const { return is_open_; }
    /// Lets go of all prepared statements, of which none is in use.
    void forget_statements();
    [[nodiscard]] std::string error() const;

private:
    sqlite3* database_ = nullptr;
    bool is_open_ = false;
    std::map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace strandline::simulator
