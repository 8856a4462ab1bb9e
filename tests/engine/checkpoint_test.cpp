// When the WAL is copied into the database: not while somebody waits for what the commit allows to be said.
#include <catch2/catch.hpp>

#include <filesystem>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

TEST_CASE(
    "a commit that makes the WAL long does not copy it into the database: that is done when time passes "
    "next") {
    Group group(1, "CREATE TABLE notes(id TEXT PRIMARY KEY, title)", {"notes"});
    group.app(0).run("PRAGMA wal_autocheckpoint = 0");
    const auto size = [&] { return std::filesystem::file_size(group.path(0)); };
    const auto before = size();
    group.write(0,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
                "INSERT INTO notes SELECT hex(randomblob(16)), 'title' FROM n");
    CHECK(group.app(0).ask("SELECT count(*) FROM strandline_journal") == "0");
    CHECK(size() == before);
    REQUIRE(group.engine(0).next_deadline());
    CHECK(*group.engine(0).next_deadline() <= group.now(0).steady);
    group.engine(0).advance(group.now(0));
    CHECK(size() > before + 1'000'000);
    CHECK_FALSE(*group.engine(0).next_deadline() <= group.now(0).steady);
}

TEST_CASE("a WAL that grows and grows while no time passes is copied all the same") {
    Group group(1, "CREATE TABLE notes(id TEXT PRIMARY KEY, title)", {"notes"});
    group.app(0).run("PRAGMA wal_autocheckpoint = 0");
    for (int i = 0; i < 12; ++i) {
        group.write(0,
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
                    "INSERT INTO notes SELECT hex(randomblob(16)), 'title' FROM n");
    }
    CHECK(std::filesystem::file_size(group.path(0) + "-wal") < 100'000'000);
    CHECK(std::filesystem::file_size(group.path(0)) > 1'000'000);
}
