// Where a database is, and who writes to it just now.
#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>

#include "net/tcp/place.h"
#include "net/tcp/writer.h"
#include "tests/tcp/device.h"
#include "tests/tcp/folder.h"

using namespace strandline;
using namespace strandline::tests;
using net::tcp::Place;

namespace {

/// A database in WAL mode that somebody has open.
struct Open {
    explicit Open(const std::string& path) : app(path) {
        app.run("PRAGMA journal_mode = WAL");
        app.run("CREATE TABLE notes(id TEXT PRIMARY KEY, body TEXT)");
    }
    App app;
};

}  // namespace

TEST_CASE("a database that stays where it is is not lost, also behind a symbolic link") {
    const Folder folder;
    const Open open(folder / "a.db");
    std::filesystem::create_directory(folder / "elsewhere");
    std::filesystem::create_symlink(folder / "a.db", folder / "elsewhere/link.db");
    for (const char* name : {"a.db", "elsewhere/link.db"}) {
        Place place(folder / name);
        place.note_rest();
        CHECK_FALSE(place.lost());
    }
}

TEST_CASE("each of a database's three files is missed when it is removed, moved or replaced") {
    const std::string suffix = GENERATE(as<std::string>(), "", "-wal", "-shm");
    const Folder folder;
    const Open open(folder / "a.db");
    Place place(folder / "a.db");
    place.note_rest();
    const std::string file = folder / ("a.db" + suffix);
    std::filesystem::rename(file, file + ".moved");
    REQUIRE(place.lost());
    CHECK_THAT(place.lost()->message, Catch::Contains(file + " is gone"));
    std::filesystem::copy_file(file + ".moved", file);
    REQUIRE(place.lost());
    CHECK_THAT(place.lost()->message, Catch::Contains(file + " is another file now"));
    std::filesystem::rename(file + ".moved", file);
    CHECK_FALSE(place.lost());
}

TEST_CASE("who holds a database's write lock is named while it does") {
    const Folder folder;
    Open open(folder / "a.db");
    const std::string own = "process " + std::to_string(getpid()) + " (test_tcp)";
    CHECK(net::tcp::writer_of(folder / "a.db") == "another process");
    open.app.run("BEGIN IMMEDIATE");
    CHECK(net::tcp::writer_of(folder / "a.db") == own);
    open.app.run("COMMIT");
    CHECK(net::tcp::writer_of(folder / "a.db") == "another process");
    open.app.run("PRAGMA journal_mode = DELETE");
    open.app.run("BEGIN EXCLUSIVE");
    CHECK(net::tcp::writer_of(folder / "a.db") == own);
}
