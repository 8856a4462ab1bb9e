// Locks, other processes' requests.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";

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
