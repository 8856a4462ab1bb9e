#include "net/tcp/unfinished.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace strandline::net::tcp {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMark = ".strandline-";
constexpr std::size_t kDrawn = 6;  ///< characters that mkostemp() draws

void remove_with_logs(const std::string& path) {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) fs::remove(path + suffix, ignored);
}

/// Whether `file` is the one at `path`, and nobody has taken it away before it was locked.
bool is_at(int file, const std::string& path) {
    struct stat held {};
    struct stat found {};
    return ::fstat(file, &held) == 0 && ::stat(path.c_str(), &found) == 0 && held.st_dev == found.st_dev &&
           held.st_ino == found.st_ino;
}

void remove_left_over(const std::string& name) {
    const fs::path folder = fs::path(name).parent_path();
    const std::string prefix = fs::path(name).filename().string() + std::string(kMark);
    std::error_code trouble;
    for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, trouble)) {
        const std::string found = entry.path().filename().string();
        if (found.size() != prefix.size() + kDrawn || !found.starts_with(prefix)) continue;
        const int file = ::open(entry.path().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (file < 0) continue;
        if (::flock(file, LOCK_EX | LOCK_NB) == 0) remove_with_logs(entry.path().string());
        ::close(file);
    }
}

tl::unexpected<Error> disk_trouble(const std::string& path, int trouble) {
    return failure(Category::storage, path + " could not be made: " + std::strerror(trouble));
}

}  // namespace

Result<Unfinished> Unfinished::make(const std::string& name) {
    remove_left_over(name);
    while (true) {
        std::string path = name + std::string(kMark) + std::string(kDrawn, 'X');
        const int file = ::mkostemp(path.data(), O_CLOEXEC);
        if (file < 0) return disk_trouble(name, errno);
        Unfinished made(file, path);
        // Where a file system has no locks, what a crash leaves stays.
        if (::flock(file, LOCK_EX | LOCK_NB) != 0 || is_at(file, path)) return made;
    }
}

Unfinished::Unfinished(Unfinished&& other) noexcept
    : file_(std::exchange(other.file_, -1)), path_(std::exchange(other.path_, "")) {}

Unfinished::~Unfinished() {
    if (!path_.empty()) remove_with_logs(path_);
    if (file_ >= 0) ::close(file_);
}

Result<void> Unfinished::grant(uid_t user, gid_t group, mode_t mode) const {
    // Only root may give files away; to others a file of theirs is as good.
    const bool is_given = ::fchown(file_, user, group) == 0 || errno == EPERM;
    if (!is_given || ::fchmod(file_, mode & 0777) != 0) return disk_trouble(path_, errno);
    return {};
}

Result<void> Unfinished::name_new(const std::string& name) {
    const bool is_named =
        ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0 ||
        // Some file systems cannot promise it; asked a moment ago, the name was free.
        (errno == EINVAL && ::rename(path_.c_str(), name.c_str()) == 0);
    if (!is_named) return disk_trouble(name, errno);
    path_.clear();
    return {};
}

Result<void> Unfinished::name_over(const std::string& name) {
    if (::rename(path_.c_str(), name.c_str()) != 0)
        return failure(Category::storage, name + " could not be replaced: " + std::strerror(errno));
    path_.clear();
    return {};
}

}  // namespace strandline::net::tcp
