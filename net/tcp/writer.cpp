#include "net/tcp/writer.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace strandline::net::tcp {
namespace {

/// The byte of the shared memory file that a writer locks in WAL mode (WAL_WRITE_LOCK in SQLite's walformat.html).
constexpr std::uint64_t kWriteLockAt = 120;

/// One line of /proc/locks (proc_locks(5)): "1: POSIX  ADVISORY  WRITE 4711 08:02:2531452 120 120".
struct Held {
    std::string access;
    int process = 0;
    std::string file;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
};

Held parsed(const std::string& line) {
    std::istringstream words(line);
    std::string number;
    std::string kind;
    std::string mode;
    std::string last;
    Held held;
    words >> number >> kind >> mode >> held.access >> held.process >> held.file >> held.first >> last;
    if (!words) return {};  // Such as a process that waits: its line has an arrow more.
    held.last = last == "EOF" ? UINT64_MAX : std::strtoull(last.c_str(), nullptr, 10);
    return held;
}

/// A file as /proc/locks names it; empty: there is none.
std::string listed_name(const std::string& path) {
    struct stat found {};
    if (stat(path.c_str(), &found) != 0) return {};
    char name[64];
    std::snprintf(name, sizeof name, "%02x:%02x:%llu", major(found.st_dev), minor(found.st_dev),
                  static_cast<unsigned long long>(found.st_ino));
    return name;
}

std::string named(int process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/comm");
    std::string name;
    std::getline(file, name);
    return "process " + std::to_string(process) + (name.empty() ? "" : " (" + name + ")");
}

}  // namespace

std::string writer_of(const std::string& database) {
    std::error_code trouble;
    auto path = std::filesystem::weakly_canonical(database, trouble);
    if (trouble) path = database;
    const std::string itself = listed_name(path.string());
    const std::string shared_memory = listed_name(path.string() + "-shm");
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        const Held held = parsed(line);
        if (held.access != "WRITE" || held.process <= 0) continue;
        const bool writes =
            held.file == shared_memory && held.first <= kWriteLockAt && kWriteLockAt <= held.last;
        // Locked as a whole: another journal mode, or exclusive locking.
        if (writes || held.file == itself) return named(held.process);
    }
    return "another process";
}

}  // namespace strandline::net::tcp
