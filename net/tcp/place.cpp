#include "net/tcp/place.h"

#include <sys/stat.h>

#include <filesystem>

namespace strandline::net::tcp {

Place::Place(const std::string& database) : files_{{database, identity_of(database)}} {}

void Place::note_rest() {
    // SQLite follows symbolic links and keeps these beside the file that they lead to.
    std::error_code trouble;
    auto path = std::filesystem::weakly_canonical(files_.front().path, trouble);
    if (trouble) path = files_.front().path;
    for (const char* suffix : {"-wal", "-shm"}) {
        const std::string beside = path.string() + suffix;
        files_.push_back({beside, identity_of(beside)});
    }
}

std::optional<Error> Place::lost() const {
    for (const File& file : files_) {
        const Identity now = identity_of(file.path);
        if (now && now == file.identity) continue;
        const std::string what =
            now ? " is another file now than the one that was opened" : " is gone: it was removed or moved";
        return Error{
            Category::storage,
            file.path + what +
                " while the device ran. The device stops, since what it wrote from there on may be lost; it "
                "has told no peer that it holds any of that. Put the file back, or start on what is there"};
    }
    return std::nullopt;
}

Place::Identity Place::identity_of(const std::string& path) {
    struct stat found {};
    if (stat(path.c_str(), &found) != 0) return std::nullopt;
    return std::pair(found.st_dev, found.st_ino);
}

}  // namespace strandline::net::tcp
