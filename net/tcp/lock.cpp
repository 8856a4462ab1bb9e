#include "net/tcp/lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <utility>

namespace strandline::net::tcp {
namespace {

struct flock whole_file() {
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    return range;
}

/// One file has one lock, by whatever symbolic links it is named.
std::string path_of(const std::string& database) {
    std::error_code unresolved;
    const std::string resolved = std::filesystem::weakly_canonical(database, unresolved).string();
    return (unresolved ? database : resolved) + ".lock";
}

/// The process id that stands in the file; 0: none.
int written_pid(int file) {
    std::array<char, 16> text{};
    const ssize_t size = pread(file, text.data(), text.size(), 0);
    int pid = 0;
    if (size > 0) std::from_chars(text.data(), text.data() + size, pid);
    return pid;
}

/// How many names the file has; 0: there is none.
nlink_t names_of(const std::string& database) {
    struct stat found {};
    return stat(database.c_str(), &found) == 0 ? found.st_nlink : 0;
}

bool lives(int pid) {
    return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH);
}

bool is_locked(int file) {
    auto range = whole_file();
    return fcntl(file, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

}  // namespace

Result<Lock> Lock::take(const std::string& database) {
    if (names_of(database) > 1) {
        return failure(
            Category::usage,
            database +
                " has another name too, a hard link, under which SQLite would keep a log of its own and the "
                "two would damage each other; remove all of its names but one (find . -samefile " +
                database + ")");
    }
    const std::string path = path_of(database);
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) {
        return failure(Category::storage,
                       "cannot open the lock file " + path + ": " + std::strerror(errno) +
                           "; to run a database, its folder must be there and be writable");
    }
    Lock lock(file);
    auto range = whole_file();
    if (fcntl(file, F_OFD_SETLK, &range) != 0) {
        if (errno != EAGAIN && errno != EACCES) {
            return failure(Category::storage, "cannot lock " + path + ": " + std::strerror(errno));
        }
        const int pid = lock_holder(database).value_or(0);
        const std::string who = pid > 0 ? "process " + std::to_string(pid) : "another process";
        return failure(Category::busy, database + " is run by " + who + " already; stop that one first",
                       Retry::later);
    }
    const std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(file, 0) != 0 ||
        pwrite(file, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
        return failure(Category::storage, "cannot write " + path + ": " + std::strerror(errno), Retry::later);
    }
    return lock;
}

Lock::Lock(Lock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

Lock& Lock::operator=(Lock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
}

Lock::~Lock() {
    if (file_ >= 0) close(file_);
}

Result<int> lock_holder(const std::string& database) {
    const std::string path = path_of(database);
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT) return 0;
    if (file < 0) {
        return failure(Category::storage, "cannot read the lock file " + path + ": " + std::strerror(errno));
    }
    // A few rounds: who has just taken the lock has not yet written its id over an older one. An id
    // that stays dead to us belongs to another process namespace, and is told as it stands.
    int pid = 0;
    bool locked = is_locked(file);
    for (int round = 0; locked && round < 20; ++round) {
        pid = written_pid(file);
        if (lives(pid)) break;
        usleep(5'000);
        locked = is_locked(file);
    }
    close(file);
    if (!locked) return 0;
    if (pid <= 0) {
        return failure(Category::busy, path + " is locked by a process that has not written its id there",
                       Retry::later);
    }
    return pid;
}

}  // namespace strandline::net::tcp
