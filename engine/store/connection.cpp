#include "engine/store/connection.h"

#include <sqlite3.h>

#include <filesystem>
#include <utility>

namespace strandline::engine::store {
namespace {

[[noreturn]] void fail(sqlite3* database, int code) {
    const char* message = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
    throw StorageError(database != nullptr ? sqlite3_extended_errcode(database) : code, message);
}

void check(sqlite3* database, int code) {
    if (code != SQLITE_OK) fail(database, code);
}

std::string in_quotes(std::string_view text, char quote) {
    std::string out(1, quote);
    for (const char c : text) {
        out += c;
        if (c == quote) out += quote;
    }
    out += quote;
    return out;
}

/// The path as a URI's, which ends at a '?' or '#' and reads '%' as the beginning of a byte.
std::string uri_of(const std::string& path) {
    constexpr const char* kDigits = "0123456789ABCDEF";
    std::string uri = "file:";
    for (const char byte : std::filesystem::absolute(path).string()) {
        if (byte == '%' || byte == '?' || byte == '#') {
            const auto code = static_cast<unsigned char>(byte);
            uri += {'%', kDigits[code >> 4U], kDigits[code & 0xfU]};
        } else {
            uri += byte;
        }
    }
    return uri + "?immutable=1";
}

int flags_of(OpenMode mode) {
    const int common = SQLITE_OPEN_NOMUTEX;
    switch (mode) {
        case OpenMode::read_only:
            return common | SQLITE_OPEN_READONLY;
        case OpenMode::immutable:
            return common | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
        case OpenMode::existing:
            return common | SQLITE_OPEN_READWRITE;
        case OpenMode::create:
            return common | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    }
    return common;
}

void finalize(const std::vector<sqlite3_stmt*>& statements) {
    for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
}

}  // namespace

StorageError::StorageError(int code, const std::string& message) : std::runtime_error(message), code_(code) {}

std::string StorageError::advised() const {
    std::string happened = what();
    switch (code_ & 0xff) {
        case SQLITE_NOTADB:
            return happened + "; check the path";
        case SQLITE_FULL:
            return happened + "; make room on that disk";
        case SQLITE_IOERR:
            return happened + "; the disk may be full, or failing: `df` and the system's log say more";
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
            return happened + "; the file and its folder have to be writable for the user who runs this";
        case SQLITE_CORRUPT:
            return happened + "; `PRAGMA integrity_check` says more, and a copy may have to be restored";
        default:
            return happened;
    }
}

bool StorageError::is_busy() const {
    const int primary = code_ & 0xff;
    return primary == SQLITE_BUSY || primary == SQLITE_LOCKED;
}

bool StorageError::is_stopped() const {
    return (code_ & 0xff) == SQLITE_INTERRUPT;
}

bool StorageError::is_about_row() const {
    const int primary = code_ & 0xff;
    return primary == SQLITE_CONSTRAINT || primary == SQLITE_MISMATCH || primary == SQLITE_TOOBIG ||
           primary == SQLITE_ERROR;
}

bool StorageError::is_about_sql() const {
    return (code_ & 0xff) == SQLITE_ERROR;
}

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), home_(other.home_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
    std::swap(statement_, other.statement_);
    std::swap(home_, other.home_);
    return *this;
}

Statement::~Statement() {
    if (statement_ == nullptr) return;
    reset();
    --home_->in_use;
    home_->idle.push_back(statement_);
}

Statement& Statement::bind(int at, std::int64_t value) {
    check(sqlite3_db_handle(statement_), sqlite3_bind_int64(statement_, at, value));
    return *this;
}

Statement& Statement::bind_text(int at, std::string_view text) {
    check(sqlite3_db_handle(statement_),
          sqlite3_bind_text64(statement_, at, text.data() != nullptr ? text.data() : "", text.size(),
                              SQLITE_STATIC, SQLITE_UTF8));
    return *this;
}

Statement& Statement::bind_blob(int at, std::string_view bytes) {
    check(sqlite3_db_handle(statement_),
          sqlite3_bind_blob64(statement_, at, bytes.data() != nullptr ? bytes.data() : "", bytes.size(),
                              SQLITE_STATIC));
    return *this;
}

Statement& Statement::bind_null(int at) {
    check(sqlite3_db_handle(statement_), sqlite3_bind_null(statement_, at));
    return *this;
}

Statement& Statement::bind(int at, const Value& value) {
    switch (value.index()) {
        case 1:
            return bind(at, std::get<std::int64_t>(value));
        case 2:
            check(sqlite3_db_handle(statement_),
                  sqlite3_bind_double(statement_, at, std::get<double>(value)));
            return *this;
        case 3:
            return bind_text(at, std::get<std::string>(value));
        case 4:
            return bind_blob(at, std::get<Blob>(value).bytes);
        default:
            return bind_null(at);
    }
}

bool Statement::step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    sqlite3* database = sqlite3_db_handle(statement_);
    StorageError error(sqlite3_extended_errcode(database), sqlite3_errmsg(database));
    sqlite3_reset(statement_);
    throw error;
}

void Statement::run() {
    while (step()) {
    }
    reset();
}

void Statement::reset() {
    if (statement_ == nullptr) return;
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}
std::string Statement::text(int column) const {
    return std::string(bytes(column));
}

std::string_view Statement::bytes(int column) const {
    // Asked for as text, it comes as UTF-8 whatever the database's encoding is.
    const bool is_text = sqlite3_column_type(statement_, column) == SQLITE_TEXT;
    const void* data =
        is_text ? sqlite3_column_text(statement_, column) : sqlite3_column_blob(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return data != nullptr ? std::string_view(static_cast<const char*>(data), size) : std::string_view();
}

Value Statement::value(int column) const {
    switch (sqlite3_column_type(statement_, column)) {
        case SQLITE_INTEGER:
            return integer(column);
        case SQLITE_FLOAT:
            return sqlite3_column_double(statement_, column);
        case SQLITE_TEXT:
            return text(column);
        case SQLITE_BLOB:
            return Blob{text(column)};
        default:
            return std::monostate{};
    }
}

std::size_t Statement::type(int column) const {
    constexpr std::size_t kIndexes[] = {0, 1, 2, 3, 4, 0};  // By SQLite's own numbers, INTEGER to NULL.
    return kIndexes[sqlite3_column_type(statement_, column)];
}

double Statement::real(int column) const {
    return sqlite3_column_double(statement_, column);
}

bool Statement::is_number(int column) const {
    // A copy, for asking converts it.
    sqlite3_value* const value = sqlite3_value_dup(sqlite3_column_value(statement_, column));
    if (value == nullptr) throw StorageError(SQLITE_NOMEM, sqlite3_errstr(SQLITE_NOMEM));
    const int type = sqlite3_value_numeric_type(value);
    sqlite3_value_free(value);
    return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

int Statement::column_count() const {
    return sqlite3_column_count(statement_);
}
std::string Statement::column_name(int column) const {
    return sqlite3_column_name(statement_, column);
}

Connection::Connection(const std::string& path, OpenMode mode, const std::string& vfs) {
    const std::string name = mode == OpenMode::immutable ? uri_of(path) : path;
    const int code =
        sqlite3_open_v2(name.c_str(), &database_, flags_of(mode), vfs.empty() ? nullptr : vfs.c_str());
    if (code != SQLITE_OK) {
        const StorageError error(code,
                                 database_ != nullptr ? sqlite3_errmsg(database_) : sqlite3_errstr(code));
        sqlite3_close(std::exchange(database_, nullptr));
        throw error;
    }
    sqlite3_extended_result_codes(database_, 1);
}

void Connection::stop_when(std::function<bool()> asked) {
    constexpr int kStepsBetween = 5'000;  // Well below a millisecond of work.
    stop_asked_ = std::move(asked);
    if (!stop_asked_) return;
    const auto ask = [](void* self) {
        const auto* connection = static_cast<const Connection*>(self);
        return static_cast<int>(connection->is_stoppable_ && connection->stop_asked_());
    };
    sqlite3_progress_handler(database_, kStepsBetween, ask, this);
}

void Connection::stop_if_asked() const {
    if (stop_asked_ && is_stoppable_ && stop_asked_()) throw StorageError(SQLITE_INTERRUPT, "interrupted");
}

Connection::~Connection() {
    for (const auto& [sql, text] : texts_) finalize(text.idle);
    sqlite3_close_v2(database_);
}

void Connection::execute(const std::string& sql) {
    check(database_, sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr));
}

Statement Connection::prepare(std::string_view sql) {
    // Of a wide table each set of columns that is written is a text; a few hundred are all that most devices ever have.
    constexpr std::size_t kTextsMax = 1'000;
    auto at = texts_.find(sql);
    if (at == texts_.end()) {
        if (texts_.size() >= kTextsMax) {
            std::erase_if(texts_, [](const auto& entry) {
                if (entry.second.in_use == 0) finalize(entry.second.idle);
                return entry.second.in_use == 0;
            });
        }
        at = texts_.try_emplace(std::string(sql)).first;
    }
    Statement::Text& text = at->second;
    if (!text.idle.empty()) {
        Statement kept(text.idle.back(), text);
        text.idle.pop_back();
        return kept;
    }
    sqlite3_stmt* statement = nullptr;
    check(database_, sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
    return {statement, text};
}

std::int64_t Connection::ask_integer(std::string_view sql) {
    Statement statement = prepare(sql);
    return statement.step() ? statement.integer(0) : 0;
}

std::string Connection::ask_text(std::string_view sql) {
    Statement statement = prepare(sql);
    return statement.step() ? statement.text(0) : std::string();
}

std::int64_t Connection::changes() const {
    return sqlite3_changes64(database_);
}

bool Connection::has_written() const {
    return sqlite3_total_changes64(database_) != changes_committed_;
}

void Connection::set_busy_ms(int milliseconds) {
    check(database_, sqlite3_busy_timeout(database_, milliseconds));
}

void Connection::defer_checkpoints() {
    const auto note = [](void* self, sqlite3*, const char*, int log_pages) {
        static_cast<Connection*>(self)->log_pages_ = log_pages;
        return SQLITE_OK;
    };
    sqlite3_wal_hook(database_, note, this);
}

void Connection::checkpoint() {
    log_pages_ = 0;
    sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

Transaction::Transaction(Connection& connection) : connection_(connection) {
    connection_.prepare("BEGIN IMMEDIATE").run();
}

Transaction::~Transaction() {
    // SQLite has rolled back by itself after some errors; a second ROLLBACK then only says so.
    if (!open_) return;
    sqlite3_exec(connection_.raw(), "ROLLBACK", nullptr, nullptr, nullptr);
    connection_.note_rollback();
}

void Transaction::commit() {
    connection_.prepare("COMMIT").run();
    open_ = false;
    connection_.changes_committed_ = sqlite3_total_changes64(connection_.database_);
}

Savepoint::Savepoint(Connection& connection) : connection_(connection) {
    connection_.prepare("SAVEPOINT strandline").run();
}

Savepoint::~Savepoint() {
    if (!open_) return;
    sqlite3_exec(connection_.raw(), "ROLLBACK TO strandline; RELEASE strandline", nullptr, nullptr, nullptr);
    connection_.note_rollback();
}

void Savepoint::keep() {
    connection_.prepare("RELEASE strandline").run();
    open_ = false;
}

Snapshot::Snapshot(Connection& connection) : end_(connection.prepare("COMMIT")) {
    connection.prepare("BEGIN").run();
}
Snapshot::~Snapshot() {
    try {
        end_.run();
    } catch (const StorageError&) {
        // SQLite has ended it by itself after some errors, and nothing was written.
    }
}

std::string quoted_name(std::string_view identifier) {
    return in_quotes(identifier, '"');
}
std::string quoted_text(std::string_view text) {
    return in_quotes(text, '\'');
}

}  // namespace strandline::engine::store
