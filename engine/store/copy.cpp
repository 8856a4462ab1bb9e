// Whole copies of a database, and what they must be before they may stand in its place.
#include <strandline/snapshot.h>

#include <sqlite3.h>

#include <optional>

#include "engine/limits.h"
#include "engine/store/reading.h"
#include "engine/store/schema.h"

namespace strandline {

using engine::store::Connection;
using engine::store::OpenMode;
using engine::store::StorageError;

namespace {

/// No host ever finds this at an opening: so whoever opens the copy sees that it is one.
constexpr const char* kCopyMark = "a copy";

constexpr int kPagesAtOnce = 2'000;  // Some milliseconds; then is asked whether to stop.

/// In one reading transaction, however long it takes: no write that is made meanwhile is in it, or hinders it.
void copy_pages(Connection& from, Connection& to, const std::function<bool()>& stop_asked) {
    const engine::store::Snapshot snapshot(from);
    sqlite3_backup* backup = sqlite3_backup_init(to.raw(), "main", from.raw(), "main");
    if (backup == nullptr) throw StorageError(sqlite3_extended_errcode(to.raw()), sqlite3_errmsg(to.raw()));
    int code = SQLITE_OK;
    while (code == SQLITE_OK)
        code = stop_asked && stop_asked() ? SQLITE_INTERRUPT : sqlite3_backup_step(backup, kPagesAtOnce);
    sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE) throw StorageError(code, sqlite3_errstr(code));
}

Error trouble_of(const std::string& from, const StorageError& error) {
    if (error.is_busy()) return {Category::busy, from + " is locked by another process", Retry::later};
    if (error.is_stopped())
        return {Category::timeout, "stopped while " + from + " was copied; nothing was changed",
                Retry::later};
    return {Category::storage, from + " could not be copied: " + error.advised(), Retry::never};
}

}  // namespace

Result<void> copy_database(const std::string& from, const std::string& to, const DeviceId& device,
                           const std::function<bool()>& stop_asked) {
    std::optional<Connection> made;
    try {
        made.emplace(to, OpenMode::create);
    } catch (const StorageError& error) {
        return failure(Category::storage, to + " could not be made: " + error.advised());
    }
    try {
        Connection& copy = *made;
        {
            engine::store::Reading reading(from);
            if (auto objection = engine::store::objection_to(reading.connection(), from, device))
                return tl::unexpected(*objection);
            copy_pages(reading.connection(), copy, stop_asked);
            if (reading.is_torn()) {
                return failure(Category::busy, from + " was written to while it was read; try again",
                               Retry::later);
            }
        }
        copy.stop_when(stop_asked);
        // An app's CHECK may need functions that only the app has.
        copy.execute("PRAGMA ignore_check_constraints = ON");
        if (const std::string fault = copy.ask_text("PRAGMA quick_check(1)"); fault != "ok") {
            return failure(Category::storage, from + " is damaged (" + fault +
                                                  "); the data that can be read is in `sqlite3 " + from +
                                                  " .recover`");
        }
        if (copy.ask_text("PRAGMA journal_mode = WAL") != "wal")
            return failure(Category::storage, to + " cannot be put into WAL mode, which Strandline needs");
        auto opening = engine::store::read_opening(copy);
        opening.mark = kCopyMark;
        engine::store::write_opening(copy, opening);
        return {};  // The last connection brings the WAL into the file, and removes it.
    } catch (const StorageError& error) {
        return tl::unexpected(trouble_of(from, error));
    }
}

Result<void> settle_database(const std::string& database) {
    try {
        Connection connection(database, OpenMode::existing);
        // Leaving WAL mode is what only somebody who has the file to himself can do.
        if (connection.ask_text("PRAGMA journal_mode = DELETE") == "delete") return {};
        return failure(Category::busy, database + " is open in another process", Retry::later);
    } catch (const StorageError& error) {
        if (error.is_busy())
            return failure(Category::busy, database + " is open in another process", Retry::later);
        return failure(Category::storage, database + " is damaged: " + error.advised());
    }
}

}  // namespace strandline
