// Locks, restored files and copies, other processes' requests.
#include <catch2/catch.hpp>

#include <filesystem>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";

/// Copies a database that nobody has open.
void copy(const std::string& from, const std::string& to) {
    std::filesystem::remove(to + "-wal");
    std::filesystem::remove(to + "-shm");
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
}

}  // namespace

TEST_CASE("while another connection holds the lock a message waits, and is applied later") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.converge();
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2)");
    group.app(1).run("BEGIN IMMEDIATE; INSERT INTO notes VALUES ('b', 1, 2)");
    while (group.carry(0, 1)) {
    }
    CHECK_FALSE(group.engine(1).wants_input());
    CHECK_FALSE(group.engine(1).failure());
    REQUIRE(group.engine(1).next_deadline());
    group.write(0, "INSERT INTO notes VALUES ('c', 1, 2)");
    CHECK_FALSE(group.carry(0, 1));
    group.app(1).run("COMMIT");
    group.pass(100);
    CHECK(group.engine(1).wants_input());
    group.converge();
    CHECK(group.app(1).ask("SELECT id FROM notes ORDER BY id") == "'a'\n'b'\n'c'");
    CHECK(group.is_same("notes"));
    CHECK(group.rows_received(1) == 2);
}

TEST_CASE("a lock in the way of local writes puts them off, and loses none") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.converge();
    App other(group.path(0), "strandline-test-0");
    group.app(0).run("INSERT INTO notes VALUES ('a', 1, 2)");
    other.run("BEGIN IMMEDIATE");
    group.engine(0).database_changed(group.now(0));
    CHECK_FALSE(group.engine(0).failure());
    other.run("COMMIT");
    group.converge();
    CHECK(group.table(1, "notes") == "'a'|1|2");
}

TEST_CASE("a session that begins while another connection holds the lock goes on as if nothing had been") {
    Group group(2, kNotes, {"notes"});
    group.write(1, "INSERT INTO notes VALUES ('a', 1, 2)");
    group.app(0).run("BEGIN IMMEDIATE");
    group.connect(0, 1);
    group.settle();
    for (int i = 0; i < 3; ++i) group.pass(60);
    CHECK_FALSE(group.engine(0).failure());
    CHECK(group.is_connected(0, 1));
    group.app(0).run("COMMIT");
    group.converge();
    group.write(1, "INSERT INTO notes VALUES ('b', 1, 2)");
    group.settle();
    CHECK(group.is_connected(0, 1));
    CHECK(group.app(0).ask("SELECT count(*) FROM notes") == "2");
    CHECK(group.engine(0).is_in_step(group.id(1)));
}

TEST_CASE("an operator's request that meets a lock is an error that may work later, and changes nothing") {
    Group group(1, kNotes, {});
    group.app(0).run("BEGIN IMMEDIATE");
    const auto tracked = group.engine(0).track({"notes"}, Ownership::shared, group.now(0));
    REQUIRE_FALSE(tracked);
    CHECK(tracked.error().category == Category::busy);
    CHECK(tracked.error().retry == Retry::later);
    group.app(0).run("COMMIT");
    CHECK(group.engine(0).track({"notes"}, Ownership::shared, group.now(0)));
}

TEST_CASE("a database restored from a copy goes on as a new origin, and nothing is lost") {
    const bool writes_first = GENERATE(false, true);
    Group group(3, kNotes, {"notes"});
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('old', 'of 0', '')");
    group.converge();
    group.stop(0);
    group.close_app(0);
    copy(group.path(0), group.path(0) + ".copy");
    group.reopen_app(0);
    group.start(0);
    group.connect_all();
    group.write(
        0, "INSERT INTO notes VALUES ('lost', 'of 0', ''); UPDATE notes SET body = 'lost' WHERE id = 'old'");
    group.converge();
    REQUIRE(group.app(2).ask("SELECT count(*) FROM notes") == "2");
    group.stop(0);
    group.close_app(0);
    copy(group.path(0) + ".copy", group.path(0));
    group.reopen_app(0);
    if (writes_first) {
        group.pass(10);
        group.app(0).run(
            "INSERT INTO notes VALUES ('restored', 'of 0', ''); UPDATE notes SET title = 'restored' WHERE id "
            "= 'old'");
    }
    group.start(0);
    group.connect(0, 1);
    group.converge();
    CHECK(group.was_told(0, EventKind::incarnation));
    group.write(0, "INSERT INTO notes VALUES ('after', 'of 0', '')");
    group.connect(0, 2);
    group.converge();
    CHECK(group.is_same("notes"));
    const std::string title = writes_first ? "'restored'" : "'of 0'";
    CHECK(group.app(2).ask("SELECT title, body FROM notes WHERE id = 'old'") == title + "|'lost'");
    CHECK(group.app(0).ask("SELECT count(*) FROM notes") == (writes_first ? "4" : "3"));
}

TEST_CASE("a database restored together with its key file is found out by what its peers hold") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('old', 'of 0', '')");
    group.converge();
    group.stop(0);
    group.close_app(0);
    copy(group.path(0), group.path(0) + ".copy");
    const std::uint64_t opened = group.opened(0);
    group.reopen_app(0);
    group.start(0);
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('lost', 'of 0', '')");
    group.converge();
    group.stop(0);
    group.close_app(0);
    copy(group.path(0) + ".copy", group.path(0));
    group.set_opened(0, opened);
    group.reopen_app(0);
    group.start(0);
    CHECK_FALSE(group.was_told(0, EventKind::incarnation));
    group.connect(0, 1);
    group.converge();
    CHECK(group.was_told(0, EventKind::incarnation));
    group.write(0, "INSERT INTO notes VALUES ('after', 'of 0', '')");
    group.converge();
    CHECK(group.app(1).ask("SELECT id FROM notes ORDER BY id") == "'after'\n'lost'\n'old'");
    CHECK(group.is_same("notes"));
}

TEST_CASE("a host that counts its openings finds a restored copy before any peer is heard") {
    Group group(1, kNotes, {"notes"});
    group.stop(0);
    EngineOptions options;
    options.database = group.path(0);
    options.device = group.id(0);
    options.entropy = [] { return 99U; };
    const auto told = [&](std::uint64_t opened) {
        options.opened = opened;
        auto engine = Engine::open(options, group.now(0));
        REQUIRE(engine);
        engine->advance({group.now(0).wall, {group.now(0).steady.value + 2'000}});
        bool is_new = false;
        while (auto event = engine->next_event()) is_new = is_new || event->kind == EventKind::incarnation;
        return is_new;
    };
    CHECK_FALSE(told(1));
    CHECK_FALSE(told(2));
    group.close_app(0);
    copy(group.path(0), group.path(0) + ".copy");
    CHECK_FALSE(told(3));
    copy(group.path(0) + ".copy", group.path(0));
    CHECK(told(4));
    CHECK_FALSE(told(5));
    CHECK(told(5));
}

TEST_CASE("a request that another process left is answered, yes or with a reason") {
    Group group(1, kNotes, {});
    DeviceId friend_id;
    friend_id.bytes[0] = 99;
    const auto good = leave_request(group.path(0), {"track", {"notes"}});
    const auto bad = leave_request(group.path(0), {"track", {"nowhere"}});
    const auto let_in = leave_request(group.path(0), {"trust", {to_hex(friend_id), "friend"}});
    REQUIRE(good);
    REQUIRE(bad);
    CHECK(request_answered(group.path(0), *good) == false);
    group.engine(0).database_changed(group.now(0));
    CHECK(request_answered(group.path(0), *good) == true);
    REQUIRE_FALSE(request_answered(group.path(0), *bad));
    CHECK(request_answered(group.path(0), *bad).error().message.find("nowhere") != std::string::npos);
    CHECK(request_answered(group.path(0), *let_in) == true);
    CHECK(group.engine(0).is_trusted(friend_id));
    CHECK(group.engine(0).status().resources.size() == 1);
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2)");
    CHECK(group.engine(0).status().resources.at(0).rows == 1);
}

TEST_CASE("what cannot be opened says why") {
    Group group(1, kNotes, {});
    EngineOptions options;
    options.device = group.id(0);
    options.entropy = [] { return 1U; };
    options.database = group.path(0) + ".none";
    CHECK_FALSE(Engine::open(options, group.now(0)));
    App(options.database, "unix").run("CREATE TABLE t(id)");
    CHECK(Engine::open(options, group.now(0)).error().message.find("init") != std::string::npos);
    options.database = group.path(0);
    options.device.bytes[5] = 5;
    CHECK(Engine::open(options, group.now(0)).error().message.find("belongs to device") != std::string::npos);
    CHECK(init_database({group.path(0), group.id(0), "", {}, options.entropy}, group.now(0))
              .error()
              .message.find("already") != std::string::npos);
}

TEST_CASE("events are numbered, kept, and read by others in their order") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2)");
    group.converge();
    group.write(0, "UPDATE notes SET title = 3");
    group.converge();
    const auto events = read_events(group.path(1), 0, 100);
    REQUIRE(events);
    std::int64_t last = 0;
    for (const Event& event : *events) {
        CHECK(event.number > last);
        last = event.number;
    }
    const auto has = [&](EventKind kind) { return std::ranges::count(*events, kind, &Event::kind); };
    CHECK(has(EventKind::tracked) == 1);
    CHECK(has(EventKind::peer_up) == 1);
    CHECK(has(EventKind::changes_applied) >= 1);
    CHECK(has(EventKind::in_step) >= 1);
    CHECK(read_events(group.path(1), last, 100)->empty());
}
