#include "net/mark.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "tests/net/devices.h"

using namespace strandline;
using namespace strandline::net;
namespace {

using tests::Folder;

void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::trunc) << text;
}

/// A device's two files, and a disk whose clock has moved on since they were made: what is done next has another time.
struct Files {
    Files() {
        write(database, "rows");
        write(key, "seed");
        const std::string made = time_of(key);
        do {
            write(folder / "later", "");
            std::filesystem::permissions(folder / "later", std::filesystem::perms(0600));
        } while (time_of(folder / "later") == made);
    }
    [[nodiscard]] static std::string time_of(const std::filesystem::path& path) {
        struct stat facts {};
        REQUIRE(stat(path.c_str(), &facts) == 0);
        return std::to_string(facts.st_ctim.tv_sec) + "." + std::to_string(facts.st_ctim.tv_nsec);
    }
    [[nodiscard]] std::string mark() const { return mark_of(database.string()); }
    /// Away and back, as `cp -p` does: the same bytes, owner and times.
    static void restore(const std::filesystem::path& path) {
        const auto written = std::filesystem::last_write_time(path);
        std::filesystem::copy_file(path, path.string() + ".copy");
        std::filesystem::remove(path);
        std::filesystem::copy_file(path.string() + ".copy", path);
        std::filesystem::last_write_time(path, written);
    }

    Folder folder;
    std::filesystem::path database = folder / "db";
    std::filesystem::path key = folder / "db.key";
};

TEST_CASE("a mark stays while the database is read, written, enlarged and renamed") {
    Files files;
    const std::string mark = files.mark();
    CHECK(files.mark() == mark);
    write(files.database, "other rows, and more of them");
    CHECK(files.mark() == mark);
    std::filesystem::rename(files.database, files.folder / "elsewhere");
    std::filesystem::rename(files.folder / "elsewhere", files.database);
    CHECK(files.mark() == mark);
}

TEST_CASE("a key file that was written anew, restored, or touched in any way has another mark") {
    Files files;
    const std::string mark = files.mark();
    SECTION("restored") {
        Files::restore(files.key);
    }
    SECTION("written over by its copy") {
        write(files.key, "seed");
    }
    SECTION("its old times put back") {
        const auto written = std::filesystem::last_write_time(files.key);
        write(files.key, "seed");
        std::filesystem::last_write_time(files.key, written);
    }
    SECTION("its mode set") {
        std::filesystem::permissions(files.key, std::filesystem::perms(0600));
    }
    SECTION("moved away and back") {
        std::filesystem::rename(files.key, files.folder / "away");
        std::filesystem::rename(files.folder / "away", files.key);
    }
    SECTION("gone") {
        std::filesystem::remove(files.key);
    }
    CHECK(files.mark() != mark);
}

TEST_CASE("a database that was removed and restored has another mark") {
    Files files;
    const std::string mark = files.mark();
    Files::restore(files.database);
    CHECK(files.mark() != mark);
}

}  // namespace
