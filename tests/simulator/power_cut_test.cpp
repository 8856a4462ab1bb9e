// Power cuts and crashes: at every call of a workload, with every policy of what survives.
#include <catch2/catch.hpp>

#include <array>

#include "tests/simulator/made_disk.h"

using namespace strandline;
using namespace strandline::tests;
using namespace strandline::simulator::disk;

namespace {

constexpr int kCommits = 12;
constexpr Survival kTearAll{0, 0, 1, 0};
constexpr Survival kGarbleAll{0, 0, 0, 1};
constexpr std::array kPolicies{kKeepAll, kDropAll, kTearAll, kGarbleAll, kMixed, kMixed, kMixed};

/// Makes a database and commits row after row, until the disk dies; how many commits were told as done.
/// WAL checkpoints come often, and the file is closed and opened again, so that the WAL is made anew.
int commit_rows(const Disk& disk, const std::string& synchronous) {
    int committed = 0;
    try {
        for (const int until : {kCommits / 2, kCommits}) {
            const auto app = app_on(disk);
            app->run("PRAGMA synchronous = " + synchronous + "; PRAGMA wal_autocheckpoint = 5");
            app->run("PRAGMA journal_mode = wal");
            app->run(
                "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v); CREATE INDEX IF NOT EXISTS i ON "
                "t(v)");
            for (int i = committed + 1; i <= until; ++i) {
                app->run("INSERT INTO t VALUES (" + std::to_string(i) + ", hex(zeroblob(700)) || " +
                         std::to_string(i) + ")");
                committed = i;
            }
        }
    } catch (const std::runtime_error&) {
        // The power went.
    }
    return committed;
}

/// Checks that the database is sound and holds the rows 1 to n, and nothing else; n.
int rows_held(const Disk& disk) {
    const auto app = app_on(disk);
    REQUIRE(app->ask("PRAGMA integrity_check") == "'ok'");
    if (app->ask("SELECT count(*) FROM sqlite_schema WHERE name = 't'") == "0") return 0;
    const int count = std::stoi(app->ask("SELECT count(*) FROM t"));
    CHECK(app->ask("SELECT count(*) FROM t WHERE v = hex(zeroblob(700)) || id AND id BETWEEN 1 AND " +
                   std::to_string(count)) == std::to_string(count));
    return count;
}

struct Losses {
    int runs = 0;
    int runs_with_loss = 0;
};

/// Cuts the power at every call of the workload, with every policy, and checks what is left.
Losses cut_everywhere(const std::string& synchronous) {
    Losses losses;
    std::uint64_t seed = 0;
    for (const Survival& policy : kPolicies) {
        bool was_cut = true;
        for (std::uint64_t n = 1; was_cut; ++n) {
            Disk disk(options_of_disk(++seed));
            disk.cut_power_at_call(n, policy);
            const int committed = commit_rows(disk, synchronous);
            was_cut = disk.is_down();
            if (!was_cut) {
                CHECK(committed == kCommits);
                disk.cut_power(policy);
            }
            INFO("cut at call " << n << ", seed " << seed << ", committed " << committed);
            disk.reboot();
            const int held = rows_held(disk);
            CHECK(held <= committed + 1);
            ++losses.runs;
            if (held < committed) ++losses.runs_with_loss;
        }
    }
    return losses;
}

}  // namespace

TEST_CASE(
    "what SQLite commits with synchronous FULL survives a power cut at every call, whatever else does") {
    const Losses losses = cut_everywhere("FULL");
    CHECK(losses.runs > 500);
    CHECK(losses.runs_with_loss == 0);
}

TEST_CASE("with synchronous NORMAL commits are lost, the last ones, and the database is always sound") {
    const Losses losses = cut_everywhere("NORMAL");
    CHECK(losses.runs > 500);
    CHECK(losses.runs_with_loss > 50);
}

TEST_CASE("with synchronous OFF a power cut can destroy a database: the disk is as cruel as a disk may be") {
    int destroyed = 0;
    for (std::uint64_t n = 20; n < 120; ++n) {
        Disk disk(options_of_disk(n));
        disk.cut_power_at_call(n, kMixed);
        commit_rows(disk, "OFF");
        if (!disk.is_down()) disk.cut_power(kMixed);
        disk.reboot();
        const auto app = app_on(disk);
        if (app->refusal("SELECT sum(length(v)), count(*) FROM t").find("no such table") ==
                std::string::npos &&
            (!app->refusal("PRAGMA integrity_check").empty() || app->ask("PRAGMA integrity_check") != "'ok'"))
            ++destroyed;
    }
    CHECK(destroyed > 0);
}

TEST_CASE("a frame of the WAL that is torn or garbled is there and counts as nothing") {
    const Survival policy = GENERATE(kTearAll, kGarbleAll);
    Disk disk(options_of_disk(3));
    auto app = app_on(disk);
    app->run("PRAGMA journal_mode = wal; CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
    app->run("PRAGMA synchronous = FULL; INSERT INTO t VALUES (1, 'synced')");
    const auto synced = disk.durable_image().files().at("db-wal").size();
    app->run("PRAGMA synchronous = NORMAL; INSERT INTO t VALUES (2, randomblob(9000))");
    CHECK(disk.durable_image().files().at("db-wal").size() == synced);
    disk.cut_power(policy);
    app.reset();
    disk.reboot();
    CHECK(disk.durable_image().files().at("db-wal").size() > synced);
    CHECK(app_on(disk)->ask("SELECT v FROM t") == "'synced'");
}

TEST_CASE("the worst that a cut could leave can be looked at without a cut") {
    Disk disk(options_of_disk(4));
    const auto app = app_on(disk);
    app->run("PRAGMA journal_mode = wal; CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
    app->run("PRAGMA synchronous = FULL; INSERT INTO t VALUES (1, 'synced')");
    app->run("PRAGMA synchronous = NORMAL; INSERT INTO t VALUES (2, 'not yet')");
    CHECK(ask_image(disk.durable_image(), "SELECT v FROM t") == "'synced'");
    app->run("PRAGMA synchronous = FULL; INSERT INTO t VALUES (3, 'synced with all before it')");
    CHECK(ask_image(disk.durable_image(), "SELECT count(*) FROM t") == "3");
    CHECK(app->ask("SELECT count(*) FROM t") == "3");
}

TEST_CASE("a connection over a disk that is filled anew reads of each image what a new one would") {
    Disk disk(options_of_disk(4));
    const auto app = app_on(disk);
    app->run("PRAGMA journal_mode = wal; CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
    app->run("PRAGMA wal_checkpoint(TRUNCATE)");
    Disk left(options_of_disk(5, "left"));
    const auto looks_on = app_on(left);
    for (int i = 0; i < 40; ++i) {
        app->run(i % 3 == 0 ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        app->run("INSERT INTO t(v) VALUES (hex(randomblob(1000))); UPDATE t SET v = id WHERE id % 7 = " +
                 std::to_string(i % 7));
        // The log begins anew, with and without what was in it before; the schema becomes another one.
        if (i % 10 == 4) app->run("PRAGMA wal_checkpoint(RESTART)");
        if (i % 10 == 7) app->run("PRAGMA wal_checkpoint(TRUNCATE)");
        if (i == 25) app->run("ALTER TABLE t ADD COLUMN w DEFAULT 'new'");
        // Without its log, as after a checkpoint that was the last connection's.
        const DiskImage alone(DiskImage::Files{{"db", disk.visible_image().files().at("db")}});
        for (const DiskImage& image : {disk.durable_image(), alone, disk.visible_image()}) {
            left.refill(image);
            CHECK(looks_on->ask("SELECT * FROM t") == ask_image(image, "SELECT * FROM t"));
        }
    }
    CHECK(looks_on->ask("PRAGMA integrity_check") == "'ok'");
}

TEST_CASE("a file that was made without a sync of the directory is gone, and one so deleted comes back") {
    Disk disk(options_of_disk(5));
    auto app = app_on(disk);
    app->run("PRAGMA journal_mode = delete; CREATE TABLE t(id INTEGER PRIMARY KEY)");
    REQUIRE(disk.durable_image().contains("db"));
    CHECK(disk.durable_image().contains("db-journal"));
    CHECK_FALSE(disk.visible_image().contains("db-journal"));
    sqlite3_vfs* vfs = sqlite3_vfs_find(disk.name().c_str());
    REQUIRE(vfs->xDelete(vfs, "db-journal", 1) == SQLITE_IOERR_DELETE_NOENT);
    const auto unsynced = app_on(disk, "unsynced");
    unsynced->run("PRAGMA synchronous = OFF; PRAGMA journal_mode = memory; CREATE TABLE t(id)");
    CHECK(disk.visible_image().contains("unsynced"));
    CHECK_FALSE(disk.durable_image().contains("unsynced"));
    app->run("PRAGMA synchronous = EXTRA; INSERT INTO t VALUES (1)");
    CHECK(disk.durable_image().contains("unsynced"));
    CHECK_FALSE(disk.durable_image().contains("db-journal"));
}

TEST_CASE("a dead disk answers nothing, and the connections of before stay dead when it lives again") {
    const bool crashes = GENERATE(false, true);
    Disk disk(options_of_disk(6));
    const auto old = app_on(disk);
    old->run("PRAGMA journal_mode = wal; CREATE TABLE t(id INTEGER PRIMARY KEY)");
    old->run("BEGIN; INSERT INTO t VALUES (1)");
    crashes ? disk.crash() : disk.cut_power(kKeepAll);
    CHECK(disk.is_down());
    CHECK(old->refusal("COMMIT") == "disk I/O error");
    CHECK_THROWS(app_on(disk));
    CHECK(disk.counters().power_cuts == (crashes ? 0 : 1));
    CHECK(disk.counters().crashes == (crashes ? 1 : 0));
    disk.reboot();
    const auto fresh = app_on(disk);
    fresh->run("INSERT INTO t VALUES (2)");
    CHECK(old->refusal("INSERT INTO t VALUES (3)") == "disk I/O error");
    CHECK(fresh->ask("SELECT id FROM t") == "2");
}

TEST_CASE("locks and shared memory die with their process, whether or not its connections are ever closed") {
    const auto* const mode = GENERATE("wal", "delete");
    Disk disk(options_of_disk(6));
    const auto old = app_on(disk);
    old->run(std::string("PRAGMA journal_mode = ") + mode);
    old->run("CREATE TABLE t(id INTEGER PRIMARY KEY); BEGIN EXCLUSIVE; INSERT INTO t VALUES (1)");
    disk.crash();
    disk.reboot();
    const auto fresh = app_on(disk);
    fresh->run("INSERT INTO t VALUES (2)");
    CHECK(fresh->ask("SELECT id FROM t") == "2");
}

TEST_CASE("a crash of the process at any call loses no commit, synced or not, and leaves no lock") {
    bool was_down = true;
    for (std::uint64_t n = 1; was_down; ++n) {
        Disk disk(options_of_disk(n));
        disk.crash_at_call(n);
        const int committed = commit_rows(disk, "OFF");
        was_down = disk.is_down();
        if (!was_down) disk.crash();
        disk.reboot();
        INFO("crash at call " << n << ", committed " << committed);
        CHECK(rows_held(disk) >= committed);
        CHECK(app_on(disk)->refusal("CREATE TABLE other(id)").empty());
    }
}

TEST_CASE("after a crash a power cut still takes what was not synced") {
    Disk disk(options_of_disk(7));
    auto app = app_on(disk);
    app->run("PRAGMA journal_mode = wal; PRAGMA synchronous = FULL; CREATE TABLE t(id INTEGER PRIMARY KEY)");
    app->run("PRAGMA synchronous = NORMAL; INSERT INTO t VALUES (1)");
    const bool reboots_between = GENERATE(false, true);
    disk.crash();
    app.reset();
    if (reboots_between) disk.reboot();
    disk.cut_power(kDropAll);
    disk.reboot();
    CHECK(app_on(disk)->ask("SELECT count(*) FROM t") == "0");
}

TEST_CASE("the same calls and the same chance leave the same bytes, and other chance leaves others") {
    const auto bytes_after_cut = [](std::uint64_t seed) {
        seed_sqlite(7);
        Disk disk(options_of_disk(seed));
        disk.cut_power_at_call(90, kMixed);
        commit_rows(disk, "NORMAL");
        disk.reboot();
        const DiskImage image = disk.visible_image();
        std::string all;
        for (const auto& [name, content] : image.files()) all += name + image.bytes(name);
        return all;
    };
    const std::string once = bytes_after_cut(1);
    CHECK(once.size() > 10'000);
    CHECK((bytes_after_cut(1) == once));  // In brackets: nobody wants to read the bytes of a whole disk.
    CHECK((bytes_after_cut(2) != once));
}
