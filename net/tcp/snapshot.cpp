// Files that come and go whole: a snapshot appears under its name when it is complete, and a restored database takes the
// place of the old one by one rename.
#include <strandline/snapshot.h>
#include <strandline/status.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

#include "net/key_file.h"
#include "net/tcp/lock.h"

namespace strandline {

namespace fs = std::filesystem;

namespace {

/// What a copy is called until it is whole. One that was left by a crash is in nobody's way.
constexpr const char* kUnfinished = ".new";
constexpr const char* kKept = ".before-restore";

tl::unexpected<Error> disk_trouble(const std::string& path, const std::string& action) {
    return failure(Category::storage, path + " could not be " + action + ": " + std::strerror(errno));
}

Result<void> sync(const std::string& path, int flags) {
    const int file = ::open(path.c_str(), flags | O_CLOEXEC);
    const bool is_synced = file >= 0 && ::fsync(file) == 0;
    const int trouble = errno;
    if (file >= 0) ::close(file);
    errno = trouble;
    if (!is_synced) return disk_trouble(path, "made durable");
    return {};
}

Result<void> sync_folder_of(const std::string& path) {
    const fs::path folder = fs::path(path).parent_path();
    return sync(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
}

/// SQLite follows symbolic links, and keeps the WAL beside the file that they lead to.
std::string followed(const std::string& path) {
    std::error_code trouble;
    const auto file = fs::weakly_canonical(path, trouble);
    return trouble ? path : file.string();
}

void remove_unfinished(const std::string& path) {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) fs::remove(path + suffix, ignored);
}

/// A whole and durable copy at `to`, or nothing.
Result<void> copy_whole(const std::string& from, const std::string& to, const DeviceId& device) {
    remove_unfinished(to);
    auto copied = copy_database(from, to, device);
    std::error_code ignored;
    if (copied && fs::exists(to + "-wal", ignored))
        copied = failure(Category::storage, to + " could not be written to the end; is the disk full?");
    if (copied) copied = sync(to, O_RDONLY);
    if (!copied) remove_unfinished(to);
    return copied;
}

/// Never over a file that is there.
Result<void> name_new(const std::string& from, const std::string& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
    // Some file systems cannot promise it; asked a moment ago, the name was free.
    if (errno == EINVAL && ::rename(from.c_str(), to.c_str()) == 0) return {};
    const auto trouble = disk_trouble(to, "made");
    remove_unfinished(from);
    return trouble;
}

/// The old database under another name, beside the first where the file system can do that: then its place is never empty.
Result<void> keep_old(const std::string& database, const std::string& kept) {
    const bool is_kept = ::link(database.c_str(), kept.c_str()) == 0 ||
                         (errno != EEXIST && ::rename(database.c_str(), kept.c_str()) == 0);
    if (!is_kept) return disk_trouble(database, "kept as " + kept);
    return {};
}

/// What SQLite left beside a database would be taken for a part of its successor.
Result<void> move_wal(const std::string& database, const std::string& kept) {
    if (::rename((database + "-wal").c_str(), (kept + "-wal").c_str()) != 0 && errno != ENOENT)
        return disk_trouble(database + "-wal", "moved");
    if (::unlink((database + "-shm").c_str()) != 0 && errno != ENOENT)
        return disk_trouble(database + "-shm", "removed");
    return {};
}

Result<std::string> put_in_place(const std::string& fresh, const std::string& database) {
    std::error_code trouble;
    const bool is_there = fs::exists(database, trouble);
    const std::string kept = database + kKept;
    if (is_there) {
        // One that is damaged is replaced all the same: that is what a restore is for.
        if (auto settled = settle_database(database); !settled && settled.error().category == Category::busy)
            return tl::unexpected(settled.error());
        if (auto done = keep_old(database, kept); !done) return tl::unexpected(done.error());
    }
    if (auto moved = move_wal(database, kept); !moved) return tl::unexpected(moved.error());
    if (::rename(fresh.c_str(), database.c_str()) != 0) return disk_trouble(database, "replaced");
    if (auto synced = sync_folder_of(database); !synced) return tl::unexpected(synced.error());
    return is_there ? kept : std::string();
}

}  // namespace

Result<void> take_snapshot(const std::string& database, const std::string& file) {
    const auto key = net::KeyFile::load(database + ".key");
    if (!key) return tl::unexpected(key.error());
    std::error_code trouble;
    if (fs::exists(fs::symlink_status(file, trouble)))
        return failure(Category::usage, file + " is there already; give the snapshot another name");
    const fs::path folder = fs::path(file).parent_path();
    if (!folder.empty() && !fs::is_directory(folder, trouble))
        return failure(Category::usage, "there is no folder " + folder.string() + " to put the snapshot in");
    const std::string unfinished = file + kUnfinished;
    if (auto copied = copy_whole(database, unfinished, key->identity().device()); !copied) return copied;
    if (auto named = name_new(unfinished, file); !named) return named;
    return sync_folder_of(file);
}

Result<std::string> restore_database(const std::string& database, const std::string& file) {
    const auto key = net::KeyFile::load(database + ".key");
    if (!key) return tl::unexpected(key.error());
    std::error_code trouble;
    if (fs::equivalent(database, file, trouble))
        return failure(Category::usage, file + " is the database itself; give a snapshot of it");
    const auto whose = read_device_id(file);
    if (!whose) return tl::unexpected(whose.error());
    if (*whose != key->identity().device()) {
        return failure(Category::usage,
                       file + " is of device " + short_hex(*whose) + ", and " + database + " is " +
                           short_hex(key->identity().device()) +
                           "; to begin with another device's rows, init a new database and let it catch up");
    }
    const auto lock = net::tcp::Lock::take(database);
    if (!lock) return tl::unexpected(lock.error());
    const std::string place = followed(database);
    if (fs::exists(place + kKept, trouble)) {
        return failure(Category::usage,
                       place + kKept + " is there, from an earlier restore; move it away, or remove it");
    }
    const std::string fresh = place + kUnfinished;
    if (auto copied = copy_whole(file, fresh, key->identity().device()); !copied)
        return tl::unexpected(copied.error());
    auto kept = put_in_place(fresh, place);
    if (!kept) remove_unfinished(fresh);
    return kept;
}

}  // namespace strandline
