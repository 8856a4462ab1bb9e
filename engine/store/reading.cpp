#include "engine/store/reading.h"

#include <sqlite3.h>

#include <filesystem>

namespace strandline::engine::store {
namespace {

/// Readers wait for nobody in WAL mode, but for a moment where a WAL is made, or put right after a crash.
constexpr int kReaderBusyMs = 5'000;

/// What SQLite says where it can make no shared memory: it depends on which of the files are there.
bool needs_to_write(const StorageError& error) {
    const int primary = error.code() & 0xff;
    return primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY;
}

bool has_content(const std::string& path) {
    std::error_code trouble;
    return std::filesystem::file_size(path, trouble) > 0 && !trouble;
}

/// SQLite follows symbolic links and keeps the WAL beside the file that they lead to.
std::string followed(const std::string& path) {
    std::error_code trouble;
    const auto file = std::filesystem::weakly_canonical(path, trouble);
    return trouble ? path : file.string();
}

}  // namespace

Reading::Reading(const std::string& path)
    : path_(followed(path)), connection_(std::make_unique<Connection>(path, OpenMode::read_only)) {
    connection_->set_busy_ms(kReaderBusyMs);
    try {
        (void)connection_->ask_integer("SELECT count(*) FROM sqlite_schema");
    } catch (const StorageError& error) {
        if (!needs_to_write(error)) throw;
        as_it_stood_ = mark();
        if (!as_it_stood_) throw;
        if (has_content(path_ + "-wal")) {
            throw StorageError(
                error.code(),
                "a part of it is in " + path_ +
                    "-wal, which can be read only where its folder can be written to; copy both files "
                    "to such a folder, and read them there");
        }
        connection_ = std::make_unique<Connection>(path, OpenMode::immutable);
        (void)connection_->ask_integer("SELECT count(*) FROM sqlite_schema");
    }
}

bool Reading::is_torn() const {
    return as_it_stood_ && (as_it_stood_ != mark() || has_content(path_ + "-wal"));
}

std::optional<Reading::Mark> Reading::mark() const {
    std::error_code trouble;
    const auto size = std::filesystem::file_size(path_, trouble);
    if (trouble) return std::nullopt;
    const auto changed = std::filesystem::last_write_time(path_, trouble);
    if (trouble) return std::nullopt;
    return Mark{size, changed.time_since_epoch().count()};
}

}  // namespace strandline::engine::store
