// A disk as SQLite sees it while nothing goes wrong, and what its owner can take from it and put there.
#include <catch2/catch.hpp>

#include "tests/simulator/made_disk.h"

using namespace strandline;
using namespace strandline::tests;
using namespace strandline::simulator::disk;

namespace {

constexpr const char* kTable = "CREATE TABLE t(id INTEGER PRIMARY KEY, v)";
constexpr const char* kThousandRows =
    "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
    "SELECT i, hex(zeroblob(100)) FROM n";
constexpr const char* kFacts = "SELECT count(*), sum(id), sum(length(v)) FROM t";

}  // namespace

TEST_CASE("SQLite keeps a database on the disk in every journal mode, and finds it again") {
    const auto* const mode = GENERATE("wal", "delete", "truncate", "persist");
    const Disk disk(options_of_disk(1));
    {
        const auto app = app_on(disk);
        REQUIRE(app->ask(std::string("PRAGMA journal_mode = ") + mode) == "'" + std::string(mode) + "'");
        app->run(kTable);
        app->run(kThousandRows);
        app->run("BEGIN; DELETE FROM t WHERE id > 10; ROLLBACK; DELETE FROM t WHERE id % 2");
    }
    const auto app = app_on(disk);
    CHECK(app->ask(kFacts) == "500|250500|100000");
    CHECK(app->ask("PRAGMA integrity_check") == "'ok'");
    CHECK(disk.counters().bytes_written > 100'000);
    CHECK(disk.counters().syncs > 3);
}

TEST_CASE(
    "two connections see each other's commits and keep each other from writing, in every journal mode") {
    const auto* const mode = GENERATE("wal", "delete");
    int slept = 0;
    auto options = options_of_disk(1);
    options.slept = [&](int /*microseconds*/) { ++slept; };
    const Disk disk(options);
    const auto one = app_on(disk);
    const auto two = app_on(disk);
    one->run(std::string("PRAGMA journal_mode = ") + mode);
    one->run(kTable);
    one->run("BEGIN IMMEDIATE; INSERT INTO t VALUES (1, 'a')");
    CHECK(two->ask("SELECT count(*) FROM t") == "0");
    CHECK(two->refusal("INSERT INTO t VALUES (2, 'b')") == "database is locked");
    CHECK(slept > 5);
    CHECK(disk.counters().sleeps == static_cast<std::uint64_t>(slept));
    one->run("COMMIT");
    two->run("INSERT INTO t VALUES (2, 'b')");
    CHECK(one->ask("SELECT group_concat(v) FROM t") == "'a,b'");
}

TEST_CASE("a reader holds up a writer's commit without a WAL, and keeps its snapshot with one") {
    const Disk disk(options_of_disk(1));
    const auto reader = app_on(disk);
    const auto writer = app_on(disk);
    writer->run(kTable);
    reader->run("BEGIN");
    CHECK(reader->ask("SELECT count(*) FROM t") == "0");
    CHECK(writer->refusal("INSERT INTO t VALUES (1, 'a')") == "database is locked");
    reader->run("COMMIT");
    writer->run("PRAGMA journal_mode = wal");
    reader->run("BEGIN");
    CHECK(reader->ask("SELECT count(*) FROM t") == "0");
    writer->run("INSERT INTO t VALUES (1, 'a')");
    CHECK(reader->ask("SELECT count(*) FROM t") == "0");
    CHECK(writer->ask("PRAGMA wal_checkpoint(TRUNCATE)").substr(0, 1) == "1");
    reader->run("COMMIT");
    CHECK(reader->ask("SELECT count(*) FROM t") == "1");
    CHECK(writer->ask("PRAGMA wal_checkpoint(TRUNCATE)") == "0|0|0");
}

TEST_CASE("VACUUM gives space back to the disk, and temporary files need none") {
    Disk disk(options_of_disk(1));
    const auto app = app_on(disk);
    app->run("PRAGMA journal_mode = wal; PRAGMA cache_size = 10");
    app->run(kTable);
    app->run(kThousandRows);
    app->run("PRAGMA wal_checkpoint(TRUNCATE)");
    const auto full = disk.visible_image().files().at("db").size();
    disk.set_capacity(full);
    CHECK(app->ask("SELECT count(*) FROM (SELECT DISTINCT v || id || randomblob(900) FROM t ORDER BY 1)") ==
          "1000");
    disk.set_capacity(std::nullopt);
    app->run("DELETE FROM t WHERE id > 10; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    CHECK(disk.visible_image().files().at("db").size() < full / 5);
    CHECK(app->ask("PRAGMA integrity_check") == "'ok'");
    CHECK(app->ask(kFacts) == "10|55|2000");
}

TEST_CASE("the time on a disk is its owner's") {
    WallMs wall{0};
    auto options = options_of_disk(1);
    options.wall_clock = [&] { return wall; };
    const Disk disk(options);
    const auto app = app_on(disk);
    const std::string now = "SELECT CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)";
    CHECK(app->ask(now) == "0");
    wall = {1'700'000'000'123};
    CHECK(app->ask(now) == "1700000000123");
}

TEST_CASE("what is not on a disk cannot be opened or deleted, and an empty file counts as none") {
    const Disk disk(options_of_disk(1));
    sqlite3* database = nullptr;
    CHECK(sqlite3_open_v2("db", &database, SQLITE_OPEN_READWRITE, disk.name().c_str()) == SQLITE_CANTOPEN);
    sqlite3_close(database);
    sqlite3_vfs* vfs = sqlite3_vfs_find(disk.name().c_str());
    REQUIRE(vfs != nullptr);
    CHECK(vfs->xDelete(vfs, "db", 0) == SQLITE_IOERR_DELETE_NOENT);
    const auto app = app_on(disk);
    int exists = -1;
    vfs->xAccess(vfs, "db", SQLITE_ACCESS_EXISTS, &exists);
    CHECK(exists == 0);
    app->run(kTable);
    vfs->xAccess(vfs, "db", SQLITE_ACCESS_EXISTS, &exists);
    CHECK(exists == 1);
}

TEST_CASE("a disk's name is free again when it is gone, and disks of other names share nothing") {
    {
        const Disk one(options_of_disk(1, "one"));
        const Disk two(options_of_disk(1, "two"));
        app_on(one)->run(kTable);
        CHECK(app_on(two)->refusal("SELECT * FROM t") == "no such table: t");
    }
    CHECK(sqlite3_vfs_find("one") == nullptr);
    const Disk again(options_of_disk(1, "one"));
    CHECK(again.visible_image().files().empty());
}

TEST_CASE("an image stays what it was, whatever its disk and the disks made from it do") {
    const Disk disk(options_of_disk(1, "origin"));
    const auto app = app_on(disk);
    app->run("PRAGMA journal_mode = wal");
    app->run(kTable);
    app->run("INSERT INTO t VALUES (1, 'at the image')");
    const DiskImage image = disk.visible_image();
    const std::string before = image.bytes("db") + image.bytes("db-wal");
    app->run("UPDATE t SET v = 'later'; PRAGMA wal_checkpoint(TRUNCATE)");
    const Disk clone(options_of_disk(2, "clone"), image);
    const auto twin = app_on(clone);
    CHECK(twin->ask("SELECT v FROM t") == "'at the image'");
    twin->run("UPDATE t SET v = 'at the clone'; PRAGMA wal_checkpoint(TRUNCATE)");
    CHECK(app->ask("SELECT v FROM t") == "'later'");
    CHECK(ask_image(image, "SELECT v FROM t") == "'at the image'");
    CHECK((image.bytes("db") + image.bytes("db-wal") == before));
    CHECK(image.bytes("nowhere").empty());
}

TEST_CASE("a disk can be opened to read alone, its WAL included") {
    const Disk disk(options_of_disk(1, "origin"));
    const auto app = app_on(disk);
    app->run("PRAGMA journal_mode = wal");
    app->run(kTable);
    app->run("INSERT INTO t VALUES (1, 'in the WAL')");
    const Disk clone(options_of_disk(2, "clone"), disk.visible_image());
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open_v2("db", &database, SQLITE_OPEN_READONLY, "clone") == SQLITE_OK);
    CHECK(sqlite3_exec(database, "SELECT CAST(v AS INTEGER) / count(*) FROM t", nullptr, nullptr, nullptr) ==
          SQLITE_OK);
    CHECK(sqlite3_exec(database, "DELETE FROM t", nullptr, nullptr, nullptr) == SQLITE_READONLY);
    sqlite3_close(database);
    CHECK(app_on(clone)->ask("SELECT v FROM t") == "'in the WAL'");
}

TEST_CASE("an old image put back is all that there is, durably, and connections of before are dead") {
    Disk disk(options_of_disk(1));
    auto app = app_on(disk);
    app->run("PRAGMA journal_mode = wal");
    app->run(kTable);
    const DiskImage image = disk.visible_image();
    app->run(kThousandRows);
    app_on(disk, "other")->run(kTable);
    disk.cut_power_at_call(1'000'000, kDropAll);
    disk.fail({Hits::any, 1, true});
    disk.restore(image);
    CHECK_FALSE(disk.is_down());
    CHECK(app->refusal("SELECT * FROM t") == "disk I/O error");
    app.reset();
    CHECK((disk.visible_image().bytes("db-wal") == image.bytes("db-wal")));
    CHECK_FALSE(disk.visible_image().contains("other"));
    disk.cut_power(kDropAll);
    disk.reboot();
    app = app_on(disk);
    CHECK(app->ask("SELECT count(*) FROM t") == "0");
    CHECK(app->ask("PRAGMA integrity_check") == "'ok'");
}

TEST_CASE("what was written back is durable, whoever has synced it") {
    Disk disk(options_of_disk(1));
    const auto app = app_on(disk);
    app->run("PRAGMA journal_mode = wal");
    app->run("PRAGMA synchronous = NORMAL");
    app->run(kTable);
    app->run("PRAGMA wal_checkpoint");
    app->run("INSERT INTO t VALUES (1, 'a')");
    CHECK(ask_image(disk.durable_image(), "SELECT count(*) FROM t") == "0");
    disk.write_back();
    CHECK(disk.is_synced());
    CHECK(ask_image(disk.durable_image(), "SELECT count(*) FROM t") == "1");
}
