// Errors that a process lives through: no space, and calls that fail.
#include <catch2/catch.hpp>

#include "tests/simulator/made_disk.h"

using namespace strandline;
using namespace strandline::tests;
using namespace strandline::simulator::disk;

namespace {

constexpr const char* kTable = "PRAGMA journal_mode = wal; CREATE TABLE t(id INTEGER PRIMARY KEY, v)";

}  // namespace

TEST_CASE("a full disk refuses what needs room, harms nothing, and takes it when space has come back") {
    Disk disk(options_of_disk(1));
    const auto app = app_on(disk);
    app->run(kTable);
    app->run("INSERT INTO t VALUES (1, 'before')");
    disk.set_capacity(disk.visible_image().files().at("db").size() +
                      disk.visible_image().files().at("db-wal").size() + 5'000);
    CHECK(app->refusal("INSERT INTO t VALUES (2, randomblob(50000))") == "database or disk is full");
    CHECK(disk.counters().disk_fulls == 1);
    CHECK(app->ask("SELECT v FROM t") == "'before'");
    app->run("INSERT INTO t VALUES (3, 'small')");
    disk.set_capacity(std::nullopt);
    app->run("INSERT INTO t VALUES (2, randomblob(50000))");
    CHECK(app->ask("SELECT count(*) FROM t") == "3");
    CHECK(app->ask("PRAGMA integrity_check") == "'ok'");
}

TEST_CASE("an I/O error hits the n-th call of its kind, once, and the next try works") {
    struct Case {
        Hits hits;
        const char* sql;
        int code;
        std::uint64_t Counters::*counter;
    };
    const auto tried = GENERATE(
        Case{Hits::reads, "SELECT sum(length(hex(v))) FROM t", SQLITE_IOERR_READ,
             &Counters::io_errors_of_reads},
        Case{Hits::writes, "INSERT INTO t VALUES (9, 'x')", SQLITE_IOERR_WRITE,
             &Counters::io_errors_of_writes},
        Case{Hits::syncs, "INSERT INTO t VALUES (9, 'x')", SQLITE_IOERR_FSYNC, &Counters::io_errors_of_syncs},
        Case{Hits::any, "INSERT INTO t VALUES (9, 'x')", SQLITE_IOERR_WRITE, &Counters::io_errors_of_writes});
    Disk disk(options_of_disk(1));
    app_on(disk)->run(std::string(kTable) + "; INSERT INTO t VALUES (1, zeroblob(100000))");
    const auto app = app_on(disk);
    sqlite3_extended_result_codes(app->raw(), 1);
    app->run(
        "PRAGMA synchronous = FULL; INSERT INTO t VALUES (2, 'the WAL is there, the row is not cached')");
    disk.fail({tried.hits, 1, false});
    CHECK_FALSE(app->refusal(tried.sql).empty());
    CHECK(sqlite3_extended_errcode(app->raw()) == tried.code);
    CHECK(disk.counters().*tried.counter == 1);
    app->run(tried.sql);
    CHECK(disk.counters().*tried.counter == 1);
    CHECK(app->ask("PRAGMA integrity_check") == "'ok'");
    CHECK(app->ask("SELECT count(*) FROM t WHERE id < 9") == "2");
}

TEST_CASE("opening and deleting fail like everything else") {
    Disk disk(options_of_disk(1));
    auto app = app_on(disk);
    app->run("PRAGMA journal_mode = delete; CREATE TABLE t(id INTEGER PRIMARY KEY)");
    disk.fail({Hits::any, 1, true});
    CHECK_THROWS(app_on(disk));
    sqlite3_vfs* vfs = sqlite3_vfs_find(disk.name().c_str());
    CHECK(vfs->xDelete(vfs, "db", 0) == SQLITE_IOERR_DELETE);
    CHECK(disk.counters().io_errors_of_others == 2);
    disk.heal();
    CHECK(app->ask("SELECT count(*) FROM t") == "0");
}

TEST_CASE("a sticky I/O error begins at its call and lasts until it is healed") {
    Disk disk(options_of_disk(1));
    const auto app = app_on(disk);
    app->run(kTable);
    app->run("PRAGMA synchronous = FULL");
    disk.fail({Hits::syncs, 3, true});
    app->run("INSERT INTO t VALUES (1, 'x')");
    app->run("INSERT INTO t VALUES (2, 'x')");
    for (int i = 0; i < 3; ++i) CHECK(app->refusal("INSERT INTO t VALUES (3, 'x')") == "disk I/O error");
    CHECK(disk.counters().io_errors_of_syncs == 3);
    disk.heal();
    app->run("INSERT INTO t VALUES (3, 'x')");
    CHECK(app->ask("SELECT count(*) FROM t") == "3");
}

TEST_CASE("what a failed sync leaves durable is chance, and what a later one promises is true") {
    int durable_count = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Disk disk(options_of_disk(seed));
        auto app = app_on(disk);
        app->run(kTable);
        app->run("PRAGMA synchronous = FULL; INSERT INTO t VALUES (1, 'x')");
        disk.fail({Hits::syncs, 1, false});
        REQUIRE(app->refusal("INSERT INTO t VALUES (2, 'in doubt')") == "disk I/O error");
        if (ask_image(disk.durable_image(), "SELECT count(*) FROM t") == "2") ++durable_count;
        app->run("INSERT INTO t VALUES (3, 'promised')");
        disk.cut_power(kDropAll);
        app.reset();
        disk.reboot();
        CHECK(app_on(disk)->ask("SELECT id FROM t WHERE v <> 'in doubt'") == "1\n3");
    }
    CHECK(durable_count > 0);
    CHECK(durable_count < 20);
}

TEST_CASE(
    "an I/O error at any call of a workload leaves a database that opens and holds what was committed") {
    const bool sticky = GENERATE(false, true);
    bool was_hit = true;
    for (std::uint64_t n = 1; was_hit; ++n) {
        Disk disk(options_of_disk(n));
        disk.fail({Hits::any, n, sticky});
        int committed = 0;
        try {
            const auto app = app_on(disk);
            app->run(std::string("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4;") + kTable);
            for (int i = 1; i <= 6; ++i) {
                app->run("INSERT INTO t VALUES (" + std::to_string(i) + ", randomblob(6000))");
                committed = i;
            }
        } catch (const std::runtime_error&) {
            // The app gives up at the first error.
        }
        const Counters& counters = disk.counters();
        was_hit = counters.io_errors_of_reads + counters.io_errors_of_writes + counters.io_errors_of_syncs +
                      counters.io_errors_of_others >
                  0;
        disk.heal();
        INFO("call " << n << ", committed " << committed);
        const auto app = app_on(disk);
        CHECK(app->ask("PRAGMA integrity_check") == "'ok'");
        if (committed > 0) CHECK(std::stoi(app->ask("SELECT count(*) FROM t")) >= committed);
    }
}
