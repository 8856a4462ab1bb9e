#include "bench/sqlite.h"

namespace strandline::bench {

namespace {

constexpr int kBusyMs = 10'000;

}  // namespace

Database::Database(const std::string& path, Sync sync) {
    if (sqlite3_open(path.c_str(), &database_) != SQLITE_OK)
        throw Trouble("SQLite cannot open " + path + ": " + sqlite3_errmsg(database_));
    sqlite3_busy_timeout(database_, kBusyMs);
    execute(kPragmas);
    execute("PRAGMA journal_mode=WAL");
    execute(sync == Sync::full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
}

Database::~Database() {
    sqlite3_close_v2(database_);
}

void Database::execute(const char* sql) {
    if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
        throw Trouble(std::string("SQLite refused '") + sql + "': " + sqlite3_errmsg(database_));
}

std::int64_t Database::ask(const char* sql) {
    Statement statement(*this, sql);
    if (!statement.step()) throw Trouble(std::string("SQLite gave no row for '") + sql + "'");
    return statement.integer(0);
}

Statement::Statement(const Database& database, std::string_view sql) {
    if (sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()), &statement_,
                           nullptr) != SQLITE_OK)
        throw Trouble("SQLite refused '" + std::string(sql) + "': " + sqlite3_errmsg(database.handle()));
}

void Statement::check(int code) const {
    if (code == SQLITE_OK) return;
    sqlite3* const database = sqlite3_db_handle(statement_);
    throw Trouble(std::string("SQLite gave an error: ") + sqlite3_errmsg(database));
}

void Statement::bind(int at, std::int64_t value) {
    check(sqlite3_bind_int64(statement_, at, value));
}

void Statement::bind(int at, double value) {
    check(sqlite3_bind_double(statement_, at, value));
}

void Statement::bind_text(int at, std::string_view text) {
    check(sqlite3_bind_text64(statement_, at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind_blob(int at, std::string_view bytes) {
    check(sqlite3_bind_blob64(statement_, at, bytes.data(), bytes.size(), SQLITE_STATIC));
}

bool Statement::step() {
    const int code = sqlite3_step(statement_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) check(code);
    return code == SQLITE_ROW;
}

void Statement::run() {
    while (step()) {
    }
    reset();
}

std::string_view Statement::bytes(int column) const {
    const void* const at = sqlite3_column_blob(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return at != nullptr ? std::string_view(static_cast<const char*>(at), size) : std::string_view();
}

}  // namespace strandline::bench
