#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <strandline/value.h>

struct sqlite3;
struct sqlite3_stmt;

namespace strandline::engine::store {

/// The database said no. The transaction it happened in must be rolled back, which leaving its scope does.
class StorageError : public std::runtime_error {
public:
    StorageError(int code, const std::string& message);
    /// SQLite's extended result code.
    [[nodiscard]] int code() const { return code_; }
    /// What happened, and what to do about it.
    [[nodiscard]] std::string advised() const;
    /// Another connection holds the lock: the same step may work later.
    [[nodiscard]] bool is_busy() const;
    /// Somebody asked for its end (Connection::stop_when): the same step may work later.
    [[nodiscard]] bool is_stopped() const;
    /// The row, not the disk: UNIQUE, CHECK, NOT NULL, a type, or a trigger of the app's own that refused it.
    [[nodiscard]] bool is_about_row() const;
    /// A statement that cannot be compiled, such as one that names what is not there.
    [[nodiscard]] bool is_about_sql() const;

private:
    int code_;
};

/// A prepared statement. Values are bound by position from 1; columns are read by position from 0.
class Statement {
public:
    Statement() = default;
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&& other) noexcept;
    ~Statement();

    Statement& bind(int at, std::int64_t value);
    Statement& bind(int at, const Value& value);
    /// Bytes are bound without a copy and must outlive the next reset().
    Statement& bind_text(int at, std::string_view text);
    Statement& bind_blob(int at, std::string_view bytes);
    Statement& bind_null(int at);

    /// Whether there is a row. Throws StorageError.
    bool step();
    /// Runs to the end and makes the statement ready for the next time.
    void run();
    /// Lets go of the row, of the bound values, and of the locks that reading took.
    void reset();

    [[nodiscard]] bool is_null(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::string text(int column) const;
    /// Valid until the next step() or reset().
    [[nodiscard]] std::string_view bytes(int column) const;
    [[nodiscard]] Value value(int column) const;
    /// Its storage class, as the index of its alternative in a Value.
    [[nodiscard]] std::size_t type(int column) const;
    [[nodiscard]] double real(int column) const;
    /// Whether it is a number, or a text that a column for numbers would make one of.
    [[nodiscard]] bool is_number(int column) const;
    [[nodiscard]] int column_count() const;
    [[nodiscard]] std::string column_name(int column) const;
    [[nodiscard]] bool is_prepared() const { return statement_ != nullptr; }

private:
    friend class Connection;
    /// Statements of one text, of the connection.
    struct Text {
        std::vector<sqlite3_stmt*> idle;
        std::size_t in_use = 0;
    };
    Statement(sqlite3_stmt* statement, Text& home) : statement_(statement), home_(&home) { ++home.in_use; }

    sqlite3_stmt* statement_ = nullptr;
    Text* home_ = nullptr;  ///< where it goes when it is let go of
};

/// Resets a statement at the end of a scope, however the scope is left.
class ResetAtEnd {
public:
    explicit ResetAtEnd(Statement& statement) : statement_(statement) {}
    ResetAtEnd(const ResetAtEnd&) = delete;
    ResetAtEnd& operator=(const ResetAtEnd&) = delete;
    ~ResetAtEnd() { statement_.reset(); }

private:
    Statement& statement_;
};

enum class OpenMode {
    read_only,
    immutable,  ///< read only, and taken for a file that nobody writes to: no locks, no WAL, no shared memory
    existing,
    create,
};

/// One connection to a database. Threads: one at a time.
class Connection {
public:
    /// Throws StorageError. `vfs` empty: the default one.
    Connection(const std::string& path, OpenMode mode, const std::string& vfs = {});
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// Runs statements that give no rows.
    void execute(const std::string& sql);
    /// Compiled once: a statement that is let go of is kept for whoever asks for the same text again, until there are a
    /// thousand texts. Statements must not outlive their connection.
    [[nodiscard]] Statement prepare(std::string_view sql);
    /// The first column of the first row of a query about the database itself.
    [[nodiscard]] std::int64_t ask_integer(std::string_view sql);
    [[nodiscard]] std::string ask_text(std::string_view sql);
    /// How many rows the last statement changed.
    [[nodiscard]] std::int64_t changes() const;
    /// From now on no commit brings the log into the database, which can wait for checkpoint().
    void defer_checkpoints();
    /// How many pages the last commit left in the log; none, when checkpoint() was called since.
    [[nodiscard]] int log_pages() const { return log_pages_; }
    /// Brings into the database what nobody reads or writes just now. Where that fails nothing is lost: the log has it.
    void checkpoint();
    /// Whether rows were changed since the last commit of a Transaction, and perhaps taken back.
    [[nodiscard]] bool has_written() const;
    /// Waits at most so long for another connection's lock.
    void set_busy_ms(int milliseconds);
    /// Statements are ended with an error once `asked` says so; it is asked every few thousand steps of SQLite's machine, so
    /// a short statement never is.
    void stop_when(std::function<bool()> asked);
    /// Throws that error, if it is time: for what is long and runs no statement.
    void stop_if_asked() const;
    /// Whether they are now.
    void set_stoppable(bool is_stoppable) { is_stoppable_ = is_stoppable; }
    /// How often something was taken back: who mirrors what is written reads it anew then.
    [[nodiscard]] std::uint64_t rollbacks() const { return rollbacks_; }
    void note_rollback() { ++rollbacks_; }
    [[nodiscard]] sqlite3* raw() { return database_; }

private:
    sqlite3* database_ = nullptr;
    friend class Transaction;
    std::int64_t changes_committed_ = 0;  ///< of all that were ever made
    std::function<bool()> stop_asked_;
    bool is_stoppable_ = true;
    std::uint64_t rollbacks_ = 0;
    int log_pages_ = 0;
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name.
    };
    /// By their text, looked up with every step.
    std::unordered_map<std::string, Statement::Text, Hash, std::equal_to<>> texts_;
};

/// BEGIN IMMEDIATE; rolled back unless committed.
class Transaction {
public:
    explicit Transaction(Connection& connection);
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();
    void commit();

private:
    Connection& connection_;
    bool open_ = true;
};

/// A part of a transaction that can be taken back alone; it is, unless kept.
class Savepoint {
public:
    explicit Savepoint(Connection& connection);
    Savepoint(const Savepoint&) = delete;
    Savepoint& operator=(const Savepoint&) = delete;
    ~Savepoint();
    void keep();

private:
    Connection& connection_;
    bool open_ = true;
};

/// One consistent view of the database for several reads.
class Snapshot {
public:
    explicit Snapshot(Connection& connection);
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot();

private:
    Statement end_;
};

/// An identifier as SQL wants it: the only place where names are quoted.
[[nodiscard]] std::string quoted_name(std::string_view identifier);
/// A text literal, for SQL that cannot bind: triggers.
[[nodiscard]] std::string quoted_text(std::string_view text);

}  // namespace strandline::engine::store
