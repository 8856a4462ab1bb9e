#include "net/mark.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "net/key_file.h"

namespace strandline::net {
namespace {

struct statx facts_of(const std::string& path) {
    struct statx facts {};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_CTIME | STATX_BTIME, &facts) != 0) return {};
    return facts;
}

std::string to_text(const statx_timestamp& time) {
    return std::to_string(time.tv_sec) + "s" + std::to_string(time.tv_nsec) + "ns";
}

}  // namespace

std::string mark_of(const std::string& database) {
    const struct statx key = facts_of(key_path_of(database));
    const struct statx file = facts_of(database);
    // A file system that keeps no birth leaves it zero.
    return "key " + std::to_string(key.stx_ino) + " changed " + to_text(key.stx_ctime) + ", database " +
           std::to_string(file.stx_ino) + " born " + to_text(file.stx_btime);
}

}  // namespace strandline::net
