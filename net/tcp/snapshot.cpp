// Files that come and go whole: a snapshot appears under its name when it is complete, and a restored database takes the
// place of the old one by one rename.
#include <strandline/snapshot.h>
#include <strandline/status.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/key_file.h"
#include "net/tcp/lock.h"
#include "net/tcp/unfinished.h"

namespace strandline {

namespace fs = std::filesystem;
using net::tcp::Unfinished;

namespace {

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

/// A whole and durable copy beside `name`, for those alone who may read and write the file `like`.
Result<Unfinished> copied_beside(const std::string& name, const std::string& from, const std::string& like,
                                 const DeviceId& device, const std::function<bool()>& stop_asked) {
    struct stat rights {};
    if (::stat(like.c_str(), &rights) != 0) return disk_trouble(like, "read");
    auto fresh = Unfinished::make(name);
    if (!fresh) return fresh;
    if (auto copied = copy_database(from, fresh->path(), device, stop_asked); !copied)
        return tl::unexpected(copied.error());
    std::error_code ignored;
    if (fs::exists(fresh->path() + "-wal", ignored))
        return failure(Category::storage, name + " could not be written to the end; is the disk full?");
    if (auto granted = fresh->grant(rights.st_uid, rights.st_gid, rights.st_mode); !granted)
        return tl::unexpected(granted.error());
    if (auto synced = sync(fresh->path(), O_RDONLY); !synced) return tl::unexpected(synced.error());
    return fresh;
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

Result<std::string> put_in_place(Unfinished& fresh, const std::string& database) {
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
    if (auto named = fresh.name_over(database); !named) return tl::unexpected(named.error());
    if (auto synced = sync_folder_of(database); !synced) return tl::unexpected(synced.error());
    return is_there ? kept : std::string();
}

}  // namespace

Result<void> take_snapshot(const std::string& database, const std::string& file,
                           const std::function<bool()>& stop_asked) {
    const auto key = net::KeyFile::load(net::key_path_of(database));
    if (!key) return tl::unexpected(key.error());
    if (file.empty()) return failure(Category::usage, "the path of the snapshot is empty");
    std::error_code trouble;
    const std::string is_taken = file + " is there already; give the snapshot another name";
    if (fs::exists(fs::symlink_status(file, trouble))) return failure(Category::usage, is_taken);
    const fs::path folder = fs::path(file).parent_path();
    if (!folder.empty() && !fs::is_directory(folder, trouble))
        return failure(Category::usage, "there is no folder " + folder.string() + " to put the snapshot in");
    auto fresh = copied_beside(file, database, database, key->identity().device(), stop_asked);
    if (!fresh) return tl::unexpected(fresh.error());
    if (auto named = fresh->name_new(file); !named) return named;
    return sync_folder_of(file);
}

Result<std::string> restore_database(const std::string& database, const std::string& file,
                                     const std::function<bool()>& stop_asked) {
    const auto key = net::KeyFile::load(net::key_path_of(database));
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
    // Where the database is gone, its key file says as well whose it was.
    const std::string like = fs::exists(place, trouble) ? place : net::key_path_of(database);
    auto fresh = copied_beside(place, file, like, key->identity().device(), stop_asked);
    if (!fresh) return tl::unexpected(fresh.error());
    return put_in_place(*fresh, place);
}

}  // namespace strandline
