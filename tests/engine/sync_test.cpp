// What devices say to each other, and what comes of it.
#include <catch2/catch.hpp>

#include "engine/limits.h"
#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";

std::string many_rows(int count) {
    return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
           std::to_string(count) +
           ") INSERT INTO notes SELECT printf('%06d', i), 'title ' || i, 'body' FROM n";
}

std::size_t count_of(const Group& group, std::size_t kind, std::size_t from) {
    return static_cast<std::size_t>(std::ranges::count_if(
        group.log(), [&](const auto& carried) { return carried.kind == kind && carried.from == from; }));
}

}  // namespace

TEST_CASE("what was there before a table was tracked reaches the other device") {
    Group group(2, kNotes, {});
    group.app(0).run(many_rows(100));
    group.track(0, {"notes"});
    group.track(1, {"notes"});
    group.connect(0, 1);
    group.converge();
    CHECK(group.table(1, "notes") == group.table(0, "notes"));
    CHECK(group.app(1).ask("SELECT count(*) FROM notes") == "100");
    CHECK(group.engine(0).is_in_step(group.id(1)));
    CHECK(group.engine(1).is_in_step(group.id(0)));
    CHECK(group.engine(1).status().resources.at(0).rows == 100);
}

TEST_CASE("an incremental catch-up of ten rows moves ten rows") {
    Group group(2, kNotes, {"notes"});
    group.write(0, many_rows(1'000));
    group.connect(0, 1);
    group.converge();
    group.disconnect(0, 1);
    const auto before = group.rows_received(1);
    REQUIRE(before == 1'000);
    group.write(0, "UPDATE notes SET title = 'new' WHERE id > '000990'");
    group.connect(0, 1);
    group.converge();
    CHECK(group.rows_received(1) - before == 10);
    CHECK(group.rows_received(0) == 0);
    CHECK(group.is_same("notes"));
    CHECK(group.app(1).ask("SELECT count(*) FROM notes WHERE title = 'new'") == "10");
}

TEST_CASE("edits of different columns of one row both survive") {
    Group group(2, kNotes, {"notes"});
    group.write(0, "INSERT INTO notes VALUES ('a', 'title', 'body')");
    group.connect(0, 1);
    group.converge();
    group.disconnect(0, 1);
    group.write(0, "UPDATE notes SET title = 'of 0'");
    group.pass(10);
    group.write(1, "UPDATE notes SET body = 'of 1'");
    group.connect(0, 1);
    group.converge();
    CHECK(group.table(0, "notes") == "'a'|'of 0'|'of 1'");
    CHECK(group.is_same("notes"));
}

TEST_CASE("an UPDATE that assigns a column its old value does not take a concurrent edit of it away") {
    Group group(2, kNotes, {"notes"});
    group.write(0, "INSERT INTO notes VALUES ('a', 'title', 'body')");
    group.connect(0, 1);
    group.converge();
    group.disconnect(0, 1);
    group.write(0, "UPDATE notes SET title = 'edited'");
    group.pass(10);
    group.write(1, "UPDATE notes SET title = 'title', body = 'of 1'");
    group.connect(0, 1);
    group.converge();
    CHECK(group.table(0, "notes") == "'a'|'edited'|'of 1'");
    CHECK(group.is_same("notes"));
}

TEST_CASE("a delete beats an edit that did not know of it, the older and the younger") {
    const bool deletes_first = GENERATE(false, true);
    Group group(2, kNotes, {"notes"});
    group.write(0, "INSERT INTO notes VALUES ('a', 'title', 'body')");
    group.connect(0, 1);
    group.converge();
    group.disconnect(0, 1);
    if (deletes_first) group.write(0, "DELETE FROM notes");
    group.pass(10);
    group.write(1, "UPDATE notes SET body = 'edited'");
    group.pass(10);
    if (!deletes_first) group.write(0, "DELETE FROM notes");
    group.connect(0, 1);
    group.converge();
    CHECK(group.table(0, "notes").empty());
    CHECK(group.is_same("notes"));
}

TEST_CASE("inserting again after a delete survives it, also beside an edit of the old row") {
    Group group(2, kNotes, {"notes"});
    group.write(0, "INSERT INTO notes VALUES ('a', 'title', 'body')");
    group.connect(0, 1);
    group.converge();
    group.disconnect(0, 1);
    group.write(0, "DELETE FROM notes");
    group.pass(10);
    group.write(0, "INSERT INTO notes VALUES ('a', 'again', 'here')");
    group.pass(10);
    group.write(1, "UPDATE notes SET body = 'edited'");
    group.connect(0, 1);
    group.converge();
    CHECK(group.table(0, "notes") == "'a'|'again'|'here'");
    CHECK(group.is_same("notes"));
}

TEST_CASE("a third device relays, live and after the fact") {
    Group group(3, kNotes, {"notes"});
    group.connect(0, 1);
    group.connect(1, 2);
    group.converge();
    group.write(0, "INSERT INTO notes VALUES ('a', 'from 0', '')");
    group.write(2, "INSERT INTO notes VALUES ('b', 'from 2', '')");
    group.converge();
    CHECK(group.app(2).ask("SELECT count(*) FROM notes") == "2");
    CHECK(group.is_same("notes"));
    group.disconnect(1, 2);
    group.write(0, "UPDATE notes SET title = 'edited' WHERE id = 'b'");
    group.converge();
    group.stop(0);
    group.connect(1, 2);
    group.converge();
    CHECK(group.app(2).ask("SELECT title FROM notes WHERE id = 'b'") == "'edited'");
}

TEST_CASE("in a full mesh a change crosses each device's door once") {
    Group group(3, kNotes, {"notes"});
    group.connect_all();
    group.converge();
    group.write(0, "INSERT INTO notes VALUES ('a', '', '')");
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.rows_received(0) == 0);
    CHECK(group.rows_received(1) == 1);
    CHECK(group.rows_received(2) == 1);
}

TEST_CASE("both devices' rows meet when each had a table full of its own") {
    Group group(2, kNotes, {"notes"});
    group.write(0, many_rows(500));
    group.write(1, many_rows(500) + " WHERE i > 250; UPDATE notes SET title = 'mine'");
    group.write(1, "INSERT INTO notes VALUES ('z', 1, 2)");
    group.connect(0, 1);
    group.converge();
    CHECK(group.app(0).ask("SELECT count(*) FROM notes") == "501");
    CHECK(group.is_same("notes"));
}

TEST_CASE("a transaction over two tables arrives as one") {
    Group group(2, "CREATE TABLE a(id INTEGER PRIMARY KEY, v); CREATE TABLE b(id INTEGER PRIMARY KEY, v)",
                {"a", "b"});
    group.connect(0, 1);
    group.converge();
    const std::size_t before = group.log().size();
    group.write(0, "BEGIN; INSERT INTO a VALUES (1, 'x'); INSERT INTO b VALUES (1, 'x'); COMMIT");
    for (bool said = true; said;) {
        said = group.carry(0, 1).has_value();
        CHECK(group.app(1).ask("SELECT (SELECT count(*) FROM a) = (SELECT count(*) FROM b)") == "1");
        said = group.carry(1, 0).has_value() || said;
    }
    CHECK(group.app(1).ask("SELECT count(*) FROM b") == "1");
    const auto pushes =
        std::ranges::count_if(group.log().begin() + static_cast<std::ptrdiff_t>(before), group.log().end(),
                              [](const auto& carried) { return carried.kind == Group::kPages; });
    CHECK(pushes == 1);
}

TEST_CASE(
    "a transaction of some mebibytes over many rows of a small table arrives as one, pushed or pulled") {
    constexpr const char* kLarge =
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12) "
        "INSERT INTO notes SELECT 'large ' || i, randomblob(200000), '' FROM n";
    const bool is_pushed = GENERATE(true, false);
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    for (std::size_t i = 0; i < 2; ++i)
        group.write(i, "INSERT INTO notes VALUES ('" + std::to_string(i) + "', '', '')");
    group.converge();
    if (!is_pushed) group.disconnect(0, 1);
    group.write(0, kLarge);
    if (!is_pushed) group.connect(0, 1);
    while (group.app(1).ask("SELECT count(*) FROM notes") == "2") {
        group.carry(0, 1);
        group.carry(1, 0);
    }
    CHECK(group.app(1).ask("SELECT count(*) FROM notes") == "14");
}

TEST_CASE("devices are not in step while a push is under way") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.converge();
    // More than one message takes.
    group.write(0,
                "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12) "
                "INSERT INTO notes SELECT i, randomblob(1000000), '' FROM n");
    while (group.app(1).ask("SELECT count(*) FROM notes") == "0") group.carry(0, 1);
    while (group.carry(1, 0)) {
    }
    CHECK(group.app(1).ask("SELECT count(*) < 12 FROM notes") == "1");
    CHECK_FALSE(group.engine(1).is_in_step(group.id(0)));
    group.converge();
    CHECK(group.engine(1).is_in_step(group.id(0)));
}

TEST_CASE("after convergence there is silence, heartbeats apart") {
    Group group(3, kNotes, {"notes"});
    group.connect_all();
    for (std::size_t i = 0; i < 3; ++i)
        group.write(i, "INSERT INTO notes VALUES ('" + std::to_string(i) + "', '', '')");
    group.converge();
    const std::size_t before = group.log().size();
    for (int i = 0; i < 120; ++i) group.pass(1'000);
    for (std::size_t i = before; i < group.log().size(); ++i)
        CHECK((group.log()[i].kind == Group::kPing || group.log()[i].kind == Group::kPong));
    CHECK(count_of(group, Group::kPing, 0) >= 12);
    CHECK(group.is_connected(0, 1));
}

TEST_CASE("a row of a mebibyte travels, live and in a backfill") {
    Group group(3, kNotes, {"notes"});
    group.connect(0, 1);
    group.converge();
    group.write(0, "INSERT INTO notes VALUES ('big', randomblob(1048576), zeroblob(7))");
    group.converge();
    group.disconnect(0, 1);
    group.connect(1, 2);
    group.converge();
    CHECK(group.app(2).ask("SELECT length(title), length(body) FROM notes") == "1048576|7");
    CHECK(group.is_same("notes"));
}

TEST_CASE(
    "what is due for a peer whose connection has no room wakes nobody again and again, and its silence is "
    "heard") {
    Group group(2, kNotes, {"notes"});
    const auto later = [&](std::int64_t ms) {
        return Now{{group.now(0).wall.value + ms}, {group.now(0).steady.value + ms}};
    };
    group.engine(0).peer_up(group.id(1), group.now(0));
    while (group.engine(0).next_message(group.id(1), group.now(0))) {
    }
    // From now on the host asks for no message.
    for (const std::int64_t ms : {engine::kPingEveryMs, engine::kPingEveryMs + 5'000}) {
        group.engine(0).advance(later(ms));
        REQUIRE(group.engine(0).next_deadline());
        CHECK(*group.engine(0).next_deadline() > later(ms).steady);
    }
    CHECK_FALSE(group.engine(0).is_closed(group.id(1)));
    group.engine(0).advance(later(engine::kSilenceMaxMs + 1));
    CHECK(group.engine(0).is_closed(group.id(1)));
}

TEST_CASE("a peer that falls silent is let go, and told why") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.converge();
    Now late = group.now(0);
    late.steady.value += 36'000;
    group.engine(0).advance(late);
    const auto bye = group.engine(0).next_message(group.id(1), late);
    REQUIRE(bye);
    CHECK(std::holds_alternative<message::Bye>(*bye));
    CHECK(group.engine(0).is_closed(group.id(1)));
}
