#include "simulator/sql.h"

#include <sqlite3.h>

#include <utility>

namespace strandline::simulator {

Sql::Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), code_(other.code_) {}

Sql::Statement::~Statement() {
    if (statement_ == nullptr) return;
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

Sql::Statement& Sql::Statement::bind(int at, const Value& value) {
    if (statement_ == nullptr) return *this;
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        sqlite3_bind_int64(statement_, at, *number);
    } else if (const auto* real = std::get_if<double>(&value)) {
        sqlite3_bind_double(statement_, at, *real);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
        sqlite3_bind_text64(statement_, at, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    } else if (const auto* blob = std::get_if<Blob>(&value)) {
        sqlite3_bind_blob64(statement_, at, blob->bytes.data(), blob->bytes.size(), SQLITE_TRANSIENT);
    } else {
        sqlite3_bind_null(statement_, at);
    }
    return *this;
}

bool Sql::Statement::step() {
    if (statement_ == nullptr) return false;
    code_ = sqlite3_step(statement_);
    return code_ == SQLITE_ROW;
}

bool Sql::Statement::is_done() const {
    return code_ == SQLITE_DONE;
}

std::int64_t Sql::Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::string Sql::Statement::bytes(int column) const {
    const void* data = sqlite3_column_blob(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return data != nullptr ? std::string(static_cast<const char*>(data), size) : std::string();
}

Value Sql::Statement::value(int column) const {
    switch (sqlite3_column_type(statement_, column)) {
        case SQLITE_INTEGER:
            return integer(column);
        case SQLITE_FLOAT:
            return sqlite3_column_double(statement_, column);
        case SQLITE_TEXT:
            return bytes(column);
        case SQLITE_BLOB:
            return Blob{bytes(column)};
        default:
            return {};
    }
}

Sql::Sql(const std::string& file, const std::string& vfs) {
    constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    is_open_ = sqlite3_open_v2(file.c_str(), &database_, kFlags, vfs.c_str()) == SQLITE_OK;
    sqlite3_busy_timeout(database_, 1'000);
}

Sql::~Sql() {
    forget_statements();
    sqlite3_close(database_);
}

void Sql::forget_statements() {
    for (const auto& [text, statement] : statements_) sqlite3_finalize(statement);
    statements_.clear();
}

Sql::Statement Sql::ask(const std::string& sql) {
    auto at = statements_.find(sql);
    if (at == statements_.end()) {
        sqlite3_stmt* statement = nullptr;
        const int code =
            sqlite3_prepare_v3(database_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
        if (code != SQLITE_OK) return Statement(nullptr, code);
        at = statements_.emplace(sql, statement).first;
    }
    return Statement(at->second, SQLITE_OK);
}

int Sql::run(const std::string& sql) {
    return sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) & 0xff;
}

int Sql::run_again(const std::string& sql) {
    auto statement = ask(sql);
    while (statement.step()) {
    }
    return statement.is_done() ? SQLITE_OK : statement.code() & 0xff;
}

std::string Sql::error() const {
    return sqlite3_errmsg(database_);
}

}  // namespace strandline::simulator
