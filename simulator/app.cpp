#include "simulator/app.h"

#define SQLITE_ENABLE_PREUPDATE_HOOK  // Debian's library has it; its header must be asked.
#include <sqlite3.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "simulator/tables.h"

namespace strandline::simulator {
namespace {

Value value_of(sqlite3_value* value) {
    const auto bytes = [&] {
        const void* data = sqlite3_value_blob(value);
        const auto size = static_cast<std::size_t>(sqlite3_value_bytes(value));
        return data != nullptr ? std::string(static_cast<const char*>(data), size) : std::string();
    };
    switch (sqlite3_value_type(value)) {
        case SQLITE_INTEGER:
            return sqlite3_value_int64(value);
        case SQLITE_FLOAT:
            return sqlite3_value_double(value);
        case SQLITE_TEXT:
            return bytes();
        case SQLITE_BLOB:
            return Blob{bytes()};
        default:
            return {};
    }
}

using Read = int (*)(sqlite3*, int, sqlite3_value**);

Values row_of(sqlite3* database, Read read, std::size_t columns) {
    Values row;
    for (std::size_t i = 0; i < columns; ++i) {
        sqlite3_value* value = nullptr;
        const auto reads = [&] { return read(database, static_cast<int>(i), &value) == SQLITE_OK; };
        // A disk that fails once may have failed only us, and the statement goes on.
        row.push_back(reads() || reads() ? value_of(value) : Value{});
    }
    return row;
}

void row_changed(void* witness, sqlite3* database, int operation, const char* /*schema*/, const char* name,
                 sqlite3_int64 /*before*/, sqlite3_int64 /*after*/) {
    const auto table = std::ranges::find(tables(), std::string_view(name), &Table::name);
    if (table == tables().end()) return;
    std::optional<Values> before;
    std::optional<Values> after;
    if (operation != SQLITE_INSERT) before = row_of(database, sqlite3_preupdate_old, table->columns.size());
    if (operation != SQLITE_DELETE) after = row_of(database, sqlite3_preupdate_new, table->columns.size());
    static_cast<Witness*>(witness)->changed(static_cast<std::size_t>(table - tables().begin()),
                                            std::move(before), std::move(after));
}

}  // namespace

App::App(const std::string& file, const std::string& vfs, bool syncs_fully, Witness& witness)
    : witness_(witness), sql_(file, vfs) {
    sql_.run(syncs_fully ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    sqlite3_preupdate_hook(sql_.raw(), row_changed, &witness_);
}

App::Outcome App::begin() {
    if (sql_.run_again("BEGIN IMMEDIATE") != SQLITE_OK) return Outcome::failed;
    is_in_transaction_ = true;
    return Outcome::done;
}

App::Outcome App::execute(const std::string& sql, const Values& values) {
    int code = SQLITE_OK;
    const std::size_t before = witness_.changes();
    {
        auto statement = sql_.ask(sql);
        for (std::size_t i = 0; i < values.size(); ++i) statement.bind(static_cast<int>(i) + 1, values[i]);
        while (statement.step()) {
        }
        code = statement.code() & 0xff;
    }
    if (code == SQLITE_DONE) return Outcome::done;
    if (code == SQLITE_CONSTRAINT) {
        witness_.undo_to(before);
        return Outcome::refused;
    }
    return give_up(false);
}

App::Outcome App::commit() {
    if (sql_.run_again("COMMIT") != SQLITE_OK) return give_up(true);
    is_in_transaction_ = false;
    witness_.committed(sql_);
    return Outcome::done;
}

void App::roll_back() {
    give_up(false);
}

void App::shorten_log() {
    sql_.run_again("PRAGMA wal_checkpoint(TRUNCATE)");
}

App::Outcome App::give_up(bool is_commit) {
    sql_.run("ROLLBACK");
    is_in_transaction_ = false;
    if (is_commit) {
        witness_.left_open();
    } else {
        witness_.rolled_back();
    }
    return Outcome::failed;
}

}  // namespace strandline::simulator
