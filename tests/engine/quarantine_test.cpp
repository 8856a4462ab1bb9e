// Rows that cannot enter a table just now are kept, told and passed on.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";

/// Three devices in a row, of which the one in the middle has a schema of its own.
struct Chain : Group {
    explicit Chain(const std::string& middle) : Group(3, "", {}) {
        for (std::size_t i = 0; i < 3; ++i) {
            app(i).run(i == 1 ? middle : kNotes);
            Group::track(i, {"notes"});
        }
        connect(0, 1);
        connect(1, 2);
        converge();
    }
};

}  // namespace

TEST_CASE("a row that a constraint refuses waits, is passed on, and the rest applies") {
    const auto* middle =
        GENERATE("CREATE TABLE notes(id TEXT PRIMARY KEY, title UNIQUE, body)",
                 "CREATE TABLE notes(id TEXT PRIMARY KEY, title CHECK (title <> 'same' OR id = 'a'), body)");
    Chain chain(middle);
    chain.write(0, "INSERT INTO notes VALUES ('a', 'same', 1), ('b', 'same', 2), ('c', 'other', 3)");
    chain.converge();
    CHECK(chain.app(1).ask("SELECT id FROM notes ORDER BY id") == "'a'\n'c'");
    CHECK(chain.engine(1).status().quarantined == 1);
    CHECK(chain.was_told(1, EventKind::quarantined));
    CHECK(chain.table(2, "notes") == chain.table(0, "notes"));
    CHECK(chain.engine(1).is_in_step(chain.id(0)));
    CHECK(chain.engine(2).is_in_step(chain.id(1)));
}

TEST_CASE("an edit of a row in quarantine meets it there, and mends it") {
    Chain chain("CREATE TABLE notes(id TEXT PRIMARY KEY, title UNIQUE, body)");
    chain.write(0, "INSERT INTO notes VALUES ('a', 'same', 1), ('b', 'same', 2)");
    chain.converge();
    REQUIRE(chain.engine(1).status().quarantined == 1);
    chain.write(0, "UPDATE notes SET body = 'edited' WHERE id = 'b'");
    chain.converge();
    CHECK(chain.table(2, "notes") == chain.table(0, "notes"));
    CHECK(chain.engine(1).status().quarantined == 1);
    chain.write(0, "UPDATE notes SET title = 'free' WHERE id = 'b'");
    chain.converge();
    CHECK(chain.engine(1).status().quarantined == 0);
    CHECK(chain.is_same("notes"));
}

TEST_CASE("an assignment that changes nothing does not undo the update that waits for its row") {
    Chain chain("CREATE TABLE notes(id TEXT PRIMARY KEY, title UNIQUE, body)");
    chain.write(0, "INSERT INTO notes VALUES ('a', 'x', 1), ('b', 'y', 2)");
    chain.converge();
    chain.write(0, "UPDATE notes SET title = 'x' WHERE id = 'b'");
    chain.converge();
    REQUIRE(chain.engine(1).status().quarantined == 1);
    chain.write(1, "UPDATE notes SET title = title");
    chain.converge();
    CHECK(chain.table(0, "notes") == "'a'|'x'|1\n'b'|'x'|2");
    CHECK(chain.engine(1).status().quarantined == 1);
    chain.write(0, "UPDATE notes SET title = 'z' WHERE id = 'a'");
    chain.converge();
    CHECK(chain.table(1, "notes") == "'a'|'z'|1\n'b'|'x'|2");
    CHECK(chain.is_same("notes"));
}

TEST_CASE("rows that change places under a UNIQUE change them everywhere, and nobody is told of trouble") {
    constexpr const char* kUnique = "CREATE TABLE notes(id TEXT PRIMARY KEY, title UNIQUE, body)";
    Group group(2, kUnique, {"notes"});
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('a', 'x', 1), ('b', 'y', 2), ('c', 'z', 3), ('d', 'w', 4)");
    group.converge();
    (void)group.events(1);
    group.write(0,
                "BEGIN; UPDATE notes SET title = id; UPDATE notes SET title = 'y' WHERE id = 'a';"
                "UPDATE notes SET title = 'z' WHERE id = 'b'; UPDATE notes SET title = 'x' WHERE id = 'c';"
                "UPDATE notes SET title = 'w' WHERE id = 'd'; COMMIT");
    group.converge();
    CHECK(group.table(1, "notes") == "'a'|'y'|1\n'b'|'z'|2\n'c'|'x'|3\n'd'|'w'|4");
    CHECK(group.engine(1).status().quarantined == 0);
    CHECK_FALSE(group.was_told(1, EventKind::quarantined));
}

TEST_CASE("rows change places also beside one that finds none, and when what was in their way goes later") {
    Chain chain("CREATE TABLE notes(id TEXT PRIMARY KEY, title UNIQUE, body CHECK (body <> 'bad'))");
    chain.write(0, "INSERT INTO notes VALUES ('a', 'x', 1), ('b', 'y', 2), ('c', 'z', 3)");
    chain.converge();
    chain.write(1, "INSERT INTO notes VALUES ('in the way', 'free', 4)");
    chain.disconnect(0, 1);
    chain.write(0,
                "BEGIN; INSERT INTO notes VALUES ('poison', 'p', 'bad'); UPDATE notes SET title = id;"
                "UPDATE notes SET title = 'y' WHERE id = 'a'; UPDATE notes SET title = 'x' WHERE id = 'b';"
                "UPDATE notes SET title = 'free' WHERE id = 'c'; COMMIT");
    chain.connect(0, 1);
    chain.converge();
    CHECK(chain.table(1, "notes") == "'a'|'y'|1\n'b'|'x'|2\n'c'|'z'|3\n'in the way'|'free'|4");
    CHECK(chain.engine(1).status().quarantined == 2);
    chain.write(1, "DELETE FROM notes WHERE id = 'in the way'");
    chain.converge();
    CHECK(chain.table(1, "notes") == "'a'|'y'|1\n'b'|'x'|2\n'c'|'free'|3");
    CHECK(chain.engine(1).status().quarantined == 1);
}

TEST_CASE("a column that a device does not have holds back its own values, and no others on the same page") {
    Chain chain("CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)");
    chain.write(0, "INSERT INTO notes VALUES ('a', 'x', 1), ('b', 'y', 2)");
    chain.converge();
    chain.app(0).run("ALTER TABLE notes ADD COLUMN colour");
    chain.write(0,
                "BEGIN; UPDATE notes SET title = 'new' WHERE id = 'a';"
                "UPDATE notes SET colour = 'red' WHERE id = 'b'; COMMIT");
    chain.converge();
    CHECK(chain.table(1, "notes") == "'a'|'new'|1\n'b'|'y'|2");
    CHECK(chain.engine(1).status().quarantined == 1);
}

TEST_CASE("a row in quarantine that is deleted is gone everywhere") {
    Chain chain("CREATE TABLE notes(id TEXT PRIMARY KEY, title UNIQUE, body)");
    chain.write(0, "INSERT INTO notes VALUES ('a', 'same', 1), ('b', 'same', 2)");
    chain.converge();
    chain.write(0, "DELETE FROM notes WHERE id = 'b'");
    chain.converge();
    CHECK(chain.engine(1).status().quarantined == 0);
    CHECK(chain.is_same("notes"));
}

TEST_CASE("a row in quarantine is tried again when what was in its way is gone") {
    Chain chain("CREATE TABLE notes(id TEXT PRIMARY KEY, title UNIQUE, body)");
    chain.write(0, "INSERT INTO notes VALUES ('a', 'same', 1), ('b', 'same', 2)");
    chain.converge();
    REQUIRE(chain.engine(1).status().quarantined == 1);
    SECTION("a local write") {
        chain.write(1, "UPDATE notes SET title = 'moved' WHERE id = 'a'");
    }
    SECTION("a peer's write") {
        chain.write(0, "UPDATE notes SET title = 'moved' WHERE id = 'a'");
    }
    SECTION("a local delete") {
        chain.write(1, "DELETE FROM notes WHERE id = 'a'");
    }
    chain.converge();
    CHECK(chain.engine(1).status().quarantined == 0);
    CHECK(chain.is_same("notes"));
}

TEST_CASE("a change of a column that a device lacks waits there until the column is added") {
    Chain chain("CREATE TABLE notes(id TEXT PRIMARY KEY, title)");
    chain.write(0, "INSERT INTO notes VALUES ('a', 'title', 'body')");
    chain.converge();
    CHECK(chain.engine(1).status().quarantined == 1);
    CHECK(chain.table(2, "notes") == "'a'|'title'|'body'");
    chain.write(1, "ALTER TABLE notes ADD COLUMN body");
    chain.converge();
    CHECK(chain.engine(1).status().quarantined == 0);
    CHECK(chain.is_same("notes"));
}

TEST_CASE("a thousand refused rows are tried again in steps, and all of them find their way") {
    Chain chain("CREATE TABLE notes(id TEXT PRIMARY KEY, title)");
    chain.write(0,
                "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
                "INSERT INTO notes SELECT 'n' || i, i, i FROM n");
    chain.converge();
    REQUIRE(chain.engine(1).status().quarantined == 1'000);
    chain.write(1, "ALTER TABLE notes ADD COLUMN body");
    CHECK(chain.app(1).ask("SELECT count(*) FROM notes") == "200");
    for (int step = 0; step < 3; ++step) {
        REQUIRE(chain.engine(1).next_deadline());
        CHECK(*chain.engine(1).next_deadline() <= chain.now(1).steady);
        chain.engine(1).advance(chain.now(1));
    }
    CHECK(chain.app(1).ask("SELECT count(*) FROM notes") == "800");
    chain.converge();
    CHECK(chain.engine(1).status().quarantined == 0);
    CHECK(chain.is_same("notes"));
}

TEST_CASE("a table that was dropped gets its rows when it is made again") {
    Chain chain(kNotes);
    chain.write(0, "INSERT INTO notes VALUES ('old', 'title', 'body')");
    chain.converge();
    chain.write(1, "DROP TABLE notes");
    chain.write(0, "INSERT INTO notes VALUES ('a', 'title', 'body')");
    chain.converge();
    chain.connect(0, 1);
    chain.connect(1, 2);
    chain.converge();
    CHECK(chain.table(2, "notes") == "'old'|'title'|'body'");
    CHECK(chain.engine(1).is_in_step(chain.id(0)));
    chain.write(1, kNotes);
    chain.converge();
    chain.connect(0, 1);
    chain.connect(1, 2);
    chain.converge();
    CHECK(chain.table(2, "notes") == "'a'|'title'|'body'\n'old'|'title'|'body'");
    CHECK(chain.engine(1).status().quarantined == 0);
    CHECK(chain.is_same("notes"));
}

TEST_CASE("a change from a clock far ahead is held, passed on, and applied when its time has come") {
    Group group(3, kNotes, {"notes"});
    group.connect(0, 1);
    group.connect(1, 2);
    group.converge();
    group.shift_clock(0, 3'600'000);
    group.shift_clock(2, 3'600'000);
    group.write(0, "INSERT INTO notes VALUES ('a', 'tomorrow', '')");
    group.converge();
    CHECK(group.table(1, "notes").empty());
    CHECK(group.was_told(1, EventKind::held));
    CHECK(group.engine(1).status().quarantined == 1);
    CHECK(group.table(2, "notes") == "'a'|'tomorrow'|''");
    CHECK(group.engine(1).is_in_step(group.id(0)));
    group.write(1, "INSERT INTO notes VALUES ('b', 'today', '')");
    for (int i = 0; i < 10; ++i) group.pass(300'000);
    CHECK(group.app(1).ask("SELECT count(*) FROM notes") == "1");
    group.connect_all();
    for (int i = 0; i < 2; ++i) group.pass(300'000);
    group.connect_all();
    group.converge();
    CHECK(group.app(1).ask("SELECT count(*) FROM notes") == "2");
    CHECK(group.engine(1).status().quarantined == 0);
    CHECK(group.is_same("notes"));
}

TEST_CASE("cells of a row that is held wait with it, though they are not too far ahead themselves") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.converge();
    group.shift_clock(0, 3'600'000);
    group.write(0, "INSERT INTO notes VALUES ('a', 'tomorrow', '')");
    group.settle();
    CHECK(group.engine(1).status().quarantined == 1);
    // Its clock is put right by an hour; the row is still held when the next delta comes.
    group.shift_clock(1, 3'600'000);
    group.write(0, "UPDATE notes SET body = 'edited' WHERE id = 'a'");
    group.settle();
    group.converge();
    group.pass(60'000);
    CHECK(group.table(1, "notes") == "'a'|'tomorrow'|'edited'");
    CHECK(group.engine(1).status().quarantined == 0);
    CHECK(group.is_same("notes"));
}

TEST_CASE("what was held when a delta began, and is a row before it ends, travels with it") {
    Group group(3, kNotes, {"notes"});
    group.write(0,
                "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
                "INSERT INTO notes SELECT 'old ' || i, '', '' FROM n");
    group.connect(0, 1);
    group.connect(1, 2);
    group.converge();
    group.disconnect(1, 2);
    group.shift_clock(0, 3'600'000);
    // More than one message takes.
    group.write(0,
                "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) "
                "INSERT INTO notes SELECT 'new ' || i, 'tomorrow', randomblob(400000) FROM n");
    group.settle();
    REQUIRE(group.engine(1).status().quarantined == 20);
    group.disconnect(0, 1);
    group.connect(1, 2);
    for (std::size_t rows = 0; rows == 0;) {
        const auto there = group.carry(1, 2);
        if (there) rows = there->rows;
        group.carry(2, 1);
    }
    for (std::size_t i = 1; i < 3; ++i) group.shift_clock(i, 3'600'000);
    group.write(2, "INSERT INTO notes VALUES ('mine', '', '')");
    while (group.carry(2, 1)) {
    }
    group.engine(1).advance(group.now(1));
    REQUIRE(group.engine(1).status().quarantined == 0);
    group.converge();
    CHECK(group.app(1).ask("SELECT count(*) FROM notes WHERE title = 'tomorrow'") == "20");
    CHECK(group.app(2).ask("SELECT count(*) FROM notes WHERE title = 'tomorrow'") == "20");
}

TEST_CASE("a held change is applied when its time has come, though the device was started again meanwhile") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.converge();
    group.shift_clock(0, 3'600'000);
    group.write(0, "INSERT INTO notes VALUES ('a', 'tomorrow', '')");
    group.settle();
    REQUIRE(group.engine(1).status().quarantined == 1);
    group.stop(1);
    group.start(1);
    // Nobody is connected, so nothing but time can bring it.
    for (int i = 0; i < 70; ++i) group.pass(60'000);
    CHECK(group.table(1, "notes") == "'a'|'tomorrow'|''");
    CHECK(group.engine(1).status().quarantined == 0);
}

TEST_CASE("a held change that is let in while a long answer is under way is in that answer") {
    constexpr const char* kSchema =
        "CREATE TABLE big(id TEXT PRIMARY KEY, body); "
        "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";
    const std::string some = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 99) ";
    Group group(3, kSchema, {"big", "notes"});
    group.write(0, some + "INSERT INTO big SELECT 'row ' || i, '' FROM n");
    group.write(0, some + "INSERT INTO notes SELECT 'row ' || i, '', '' FROM n");
    group.connect_all();
    group.converge();
    group.disconnect(0, 1);
    group.disconnect(1, 2);
    group.shift_clock(2, 3'600'000);
    group.write(2, "INSERT INTO notes VALUES ('a', 'tomorrow', '')");
    group.settle();
    REQUIRE(group.engine(0).status().quarantined == 1);
    group.write(0, "UPDATE big SET body = zeroblob(1000000) WHERE id < 'row 18'");
    group.connect(0, 1);
    for (int idle = 0; idle < 100; ++idle) {
        const auto carried = group.carry(0, 1);
        if (carried && carried->rows > 0) break;
        group.carry(1, 0);
    }
    REQUIRE(group.app(1).ask("SELECT count(*) FROM big WHERE body <> ''") == "5");
    // Its hour has come at device 0, before the second half of the answer is read.
    group.shift_clock(0, 3'600'000);
    group.shift_clock(1, 3'600'000);
    group.write(2, "UPDATE notes SET body = 'edited' WHERE id = 'a'");
    while (group.carry(2, 0)) {
    }
    REQUIRE(group.table(0, "notes").find("'tomorrow'|'edited'") != std::string::npos);
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.is_same("big"));
}

TEST_CASE("a device that boots in 1970 takes everything once it has seen the present") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.write(1, "INSERT INTO notes VALUES ('b', '', '')");
    group.converge();
    group.shift_clock(1, -Group::kStartMs);
    group.write(0, "INSERT INTO notes VALUES ('a', '', '')");
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.app(1).ask("SELECT count(*) FROM notes") == "2");
    group.write(1, "UPDATE notes SET title = 'mine' WHERE id = 'a'");
    group.converge();
    CHECK(group.app(0).ask("SELECT title FROM notes WHERE id = 'a'") == "'mine'");
}

TEST_CASE("in a device-owned table only the device that inserted a row may change it") {
    Group group(3, kNotes, {"notes"}, Ownership::device_owned);
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('a', 'of 0', '')");
    group.converge();
    for (const char* sql :
         {"UPDATE notes SET title = 'mine'", "DELETE FROM notes", "UPDATE notes SET id = 'b'",
          "INSERT OR REPLACE INTO notes VALUES ('a', 'mine', '')"}) {
        CAPTURE(sql);
        CHECK(group.app(1).refusal(sql).find("belongs to another device") != std::string::npos);
    }
    group.write(0, "UPDATE notes SET title = 'edited'");
    group.converge();
    CHECK(group.table(2, "notes") == "'a'|'edited'|''");
    CHECK(group.is_same("notes"));
    group.write(0, "DELETE FROM notes");
    group.converge();
    group.write(1, "INSERT INTO notes VALUES ('a', 'of 1', '')");
    group.converge();
    CHECK(group.table(2, "notes") == "'a'|'of 1'|''");
    CHECK(group.is_same("notes"));
    CHECK_FALSE(group.app(0).refusal("DELETE FROM notes").empty());
}

TEST_CASE("of two inserts of one key in a device-owned table the first one stays everywhere") {
    Group group(3, kNotes, {"notes"}, Ownership::device_owned);
    group.write(0, "INSERT INTO notes VALUES ('a', 'first', '')");
    group.pass(10);
    group.write(1, "INSERT INTO notes VALUES ('a', 'second', '')");
    group.connect(1, 2);
    group.converge();
    CHECK(group.table(2, "notes") == "'a'|'second'|''");
    group.connect(0, 2);
    group.connect(0, 1);
    group.converge();
    CHECK(group.table(2, "notes") == "'a'|'first'|''");
    CHECK(group.is_same("notes"));
    CHECK(group.was_told(1, EventKind::refused));
    CHECK(group.engine(1).status().quarantined == 1);
    CHECK_FALSE(group.app(1).refusal("UPDATE notes SET title = 'mine'").empty());
    CHECK(group.app(0).refusal("UPDATE notes SET title = 'still first'").empty());
}

TEST_CASE("a table that is shared here and device-owned there is not exchanged, and that is told") {
    Group group(2, kNotes, {});
    group.track(0, {"notes"}, Ownership::shared);
    group.track(1, {"notes"}, Ownership::device_owned);
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('a', '', '')");
    group.converge();
    CHECK(group.table(1, "notes").empty());
    CHECK(group.was_told(0, EventKind::not_exchanged));
    CHECK(group.was_told(1, EventKind::not_exchanged));
}
