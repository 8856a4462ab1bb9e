// Another process holds the database's write lock: how long anybody waits for it, and what is not lost by leaving.
#include <catch2/catch.hpp>

#include "engine/limits.h"
#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";

/// SQLite's own file system, on which nobody sleeps: what would have been slept is counted.
class SleeplessVfs {
public:
    SleeplessVfs() {
        vfs_.base = *sqlite3_vfs_find(nullptr);
        vfs_.base.zName = "strandline-sleepless";
        vfs_.base.pNext = nullptr;
        vfs_.base.xSleep = [](sqlite3_vfs* vfs, int microseconds) {
            reinterpret_cast<Shim*>(vfs)->slept_us += microseconds;
            return microseconds;
        };
        sqlite3_vfs_register(&vfs_.base, 0);
    }
    ~SleeplessVfs() { sqlite3_vfs_unregister(&vfs_.base); }
    SleeplessVfs(const SleeplessVfs&) = delete;
    SleeplessVfs& operator=(const SleeplessVfs&) = delete;

    [[nodiscard]] const char* name() const { return vfs_.base.zName; }
    /// Since the last time that somebody asked.
    [[nodiscard]] std::int64_t slept_ms() { return std::exchange(vfs_.slept_us, 0) / 1'000; }

private:
    struct Shim {
        sqlite3_vfs base;  // First, so that SQLite's pointer to it is a pointer to the whole.
        std::int64_t slept_us;
    };
    Shim vfs_{};
};

/// To open a device of the group a second time, another way.
EngineOptions options_of(const Group& group) {
    EngineOptions options;
    options.database = group.path(0);
    options.device = group.id(0);
    options.entropy = [] { return 9U; };
    options.opening = group.opening(0);
    return options;
}

}  // namespace

TEST_CASE("who meets another process's lock waits once until the next try, however many doors are used") {
    SleeplessVfs vfs;
    Group group(1, kNotes, {"notes"});
    group.stop(0);
    EngineOptions options = options_of(group);
    options.vfs = vfs.name();
    auto engine = Engine::open(options, group.now(0));
    REQUIRE(engine);
    const auto at = [&](std::int64_t ms) {
        return Now{{group.now(0).wall.value + ms}, {group.now(0).steady.value + ms}};
    };
    CHECK_FALSE(engine->locked_since());
    group.app(0).run("INSERT INTO notes VALUES ('a', 1, 2); BEGIN IMMEDIATE");
    (void)vfs.slept_ms();

    engine->database_changed(at(0));
    CHECK(vfs.slept_ms() > 0);
    CHECK(engine->locked_since() == at(0).steady);
    for (std::uint8_t peer = 100; peer < 110; ++peer) {
        DeviceId id;
        id.bytes[0] = peer;
        engine->peer_up(id, at(1));
        (void)engine->next_message(id, at(1));
        engine->peer_down(id, "the test said so", at(1));
    }
    engine->advance(at(2));
    CHECK(vfs.slept_ms() == 0);

    REQUIRE(engine->next_deadline());
    engine->advance(at(60));
    const auto slept = vfs.slept_ms();
    CHECK(slept > 0);
    CHECK(slept <= engine::kBusyMs);
    CHECK(engine->locked_since() == at(0).steady);

    group.app(0).run("COMMIT");
    engine->advance(at(120));
    engine->advance(at(180));
    CHECK_FALSE(engine->locked_since());
    CHECK(engine->status().resources.at(0).rows == 1);
}

TEST_CASE(
    "a peer that leaves while another process holds the lock is remembered as gone, and what it had as "
    "held") {
    Group group(2, kNotes, {"notes"});
    REQUIRE(group.engine(0).trust(group.id(1), "", group.now(0)));
    group.connect(0, 1);
    group.converge();
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2)");
    group.settle();
    REQUIRE(group.engine(0).is_in_step(group.id(1)));
    group.app(0).run("BEGIN IMMEDIATE");
    group.disconnect(0, 1);
    group.app(0).run("COMMIT");
    group.pass(1'100);
    const auto peers = read_status(group.path(0), true)->peers;
    REQUIRE(peers.size() == 1);
    CHECK_FALSE(peers[0].connected);
    CHECK(peers[0].behind == 0);
    CHECK(group.was_told(0, EventKind::peer_down));
}

TEST_CASE("a device stopped while another process holds the lock is told of nothing that is not so") {
    Group group(2, kNotes, {"notes"});
    REQUIRE(group.engine(0).trust(group.id(1), "", group.now(0)));
    group.connect(0, 1);
    group.converge();
    group.app(0).run("BEGIN IMMEDIATE; INSERT INTO notes VALUES ('a', 1, 2)");
    group.stop(0);
    group.app(0).run("COMMIT");
    const auto status = read_status(group.path(0), false);
    REQUIRE(status);
    CHECK_FALSE(status->peers.at(0).connected);
    group.start(0);
    group.connect(0, 1);
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.app(1).ask("SELECT count(*) FROM notes") == "1");
}

TEST_CASE("a long journal that is folded at opening is left where it is when the host has to stop") {
    constexpr const char* kMany =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
        "INSERT INTO notes SELECT i, 'title', 'body' FROM n";
    Group group(1, kNotes, {"notes"});
    group.stop(0);
    group.app(0).run(kMany);
    EngineOptions options = options_of(group);
    int asked = 0;
    int stops_after = GENERATE(0, 20, 300);
    CAPTURE(stops_after);
    options.stop_asked = [&] { return ++asked > stops_after; };
    const auto stopped = Engine::open(options, group.now(0));
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().category == Category::busy);
    CHECK(asked < stops_after + 10);
    CHECK(group.app(0).ask("SELECT count(*) > 0 FROM strandline_journal") == "1");
    group.start(0);
    CHECK(group.app(0).ask("SELECT count(*) FROM strandline_journal") == "0");
    CHECK(group.engine(0).status().resources[0].rows == 60'000);
}

TEST_CASE("a large value is not in the way when the host has to stop") {
    Group group(1, kNotes, {"notes"});
    group.stop(0);
    EngineOptions options = options_of(group);
    bool stops = false;
    options.stop_asked = [&] { return stops; };
    auto engine = Engine::open(options, group.now(0));
    REQUIRE(engine);
    group.app(0).run("INSERT INTO notes VALUES ('n', 'title', zeroblob(8000000))");
    stops = true;
    engine->database_changed(group.now(0));
    CHECK_FALSE(engine->failure());
    CHECK(group.app(0).ask("SELECT count(*) FROM strandline_journal") == "1");
    stops = false;
    engine->advance({group.now(0).wall, {group.now(0).steady.value + 10'000}});
    CHECK(group.app(0).ask("SELECT count(*) FROM strandline_journal") == "0");
}

TEST_CASE("tracking a large table is all or nothing when the host has to stop, and so is what runs then") {
    Group group(1, "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)", {});
    group.app(0).run(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        "INSERT INTO notes SELECT i, 'title', 'body' FROM n");
    group.stop(0);
    EngineOptions options = options_of(group);
    bool stops = false;
    options.stop_asked = [&] { return stops; };
    auto engine = Engine::open(options, group.now(0));
    REQUIRE(engine);
    stops = true;
    CHECK(engine->track({"notes"}, Ownership::shared, group.now(0)).error().category == Category::busy);
    CHECK(engine->status().resources.empty());
    CHECK(group.app(0).ask("SELECT count(*) FROM strandline_stamps") == "0");
    stops = false;
    REQUIRE(engine->track({"notes"}, Ownership::shared, group.now(0)));
    group.app(0).run("UPDATE notes SET title = 'other'");
    stops = true;
    engine->database_changed(group.now(0));
    CHECK_FALSE(engine->failure());
    CHECK_FALSE(engine->locked_since());
    CHECK(group.app(0).ask("SELECT count(*) > 0 FROM strandline_journal") == "1");
    stops = false;
    engine->advance({group.now(0).wall, {group.now(0).steady.value + 10'000}});
    CHECK(group.app(0).ask("SELECT count(*) FROM strandline_journal") == "0");
}

TEST_CASE("who waits for a lock is woken for the next try, and not for what cannot be done before it") {
    Group group(1, kNotes, {"notes"});
    const auto later = [&](std::int64_t ms) {
        return Now{{group.now(0).wall.value + ms}, {group.now(0).steady.value + ms}};
    };
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2)");
    group.app(0).run("INSERT INTO notes VALUES ('b', 1, 2); BEGIN IMMEDIATE");
    group.engine(0).database_changed(later(0));
    const Now figures_due = later(2 * engine::kFiguresEveryMs);
    group.engine(0).advance(figures_due);
    REQUIRE(group.engine(0).next_deadline());
    CHECK(*group.engine(0).next_deadline() > figures_due.steady);
    group.app(0).run("COMMIT");
}

TEST_CASE("a receipt changes nothing in the database, and is heard while another process holds the lock") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.converge();
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2)");
    REQUIRE(group.carry(0, 1));
    group.app(0).run("BEGIN IMMEDIATE");
    REQUIRE(group.carry(1, 0));
    CHECK(group.engine(0).wants_input());
    CHECK_FALSE(group.engine(0).locked_since());
    CHECK(group.engine(0).is_in_step(group.id(1)));
    group.app(0).run("COMMIT");
}
