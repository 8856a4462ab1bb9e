// The app changes its schema, as apps do, without asking anybody.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

struct Pair : Group {
    explicit Pair(const std::string& schema) : Group(2, schema, {"t"}) {
        connect(0, 1);
        converge();
    }
    void write_both(const std::string& sql) {
        write(0, sql);
        write(1, sql);
        converge();
    }
};

constexpr const char* kTable = "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c)";

}  // namespace

TEST_CASE("DROP COLUMN works on a tracked table, and later updates are captured") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 'a', 'b', 'c')");
    pair.converge();
    CHECK(pair.app(0).refusal("ALTER TABLE t DROP COLUMN b").empty());
    CHECK(pair.app(1).refusal("ALTER TABLE t DROP COLUMN b").empty());
    pair.app(0).run("UPDATE t SET c = 'before the engine looks'");
    pair.write(0, "SELECT 1");
    pair.write(1, "SELECT 1");
    pair.converge();
    CHECK(pair.table(1, "t") == "1|'a'|'before the engine looks'");
    pair.write(0, "UPDATE t SET a = 'after'; INSERT INTO t VALUES (2, 3, 4)");
    pair.converge();
    CHECK(pair.table(1, "t") == "1|'after'|'before the engine looks'\n2|3|4");
    CHECK(pair.engine(1).status().quarantined == 0);
}

TEST_CASE("a column that is added and written before the engine looks is found") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 'a', 'b', 'c'), (2, 'a', 'b', 'c')");
    pair.converge();
    pair.write(1, "ALTER TABLE t ADD COLUMN d DEFAULT 'none'");
    pair.app(0).run("ALTER TABLE t ADD COLUMN d DEFAULT 'none'; UPDATE t SET d = 'new' WHERE id = 1");
    pair.engine(0).database_changed(pair.now(0));
    pair.converge();
    CHECK(pair.app(1).ask("SELECT d FROM t ORDER BY id") == "'new'\n'none'");
    pair.write(0, "UPDATE t SET d = 'newer'");
    pair.converge();
    CHECK(pair.app(1).ask("SELECT d FROM t ORDER BY id") == "'newer'\n'newer'");
    CHECK(pair.is_same("t"));
}

TEST_CASE("a column that is added while no engine runs, with a default and without, is found when written") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 'a', 'b', 'c')");
    pair.converge();
    pair.stop(0);
    pair.app(0).run(
        "ALTER TABLE t ADD COLUMN d; ALTER TABLE t ADD COLUMN e INTEGER NOT NULL DEFAULT 5; "
        "UPDATE t SET d = 'd', e = 6; INSERT INTO t(id, e) VALUES (2, 7)");
    pair.write(1, "ALTER TABLE t ADD COLUMN d; ALTER TABLE t ADD COLUMN e INTEGER NOT NULL DEFAULT 5");
    pair.start(0);
    pair.connect(0, 1);
    pair.converge();
    CHECK(pair.table(1, "t") == "1|'a'|'b'|'c'|'d'|6\n2|NULL|NULL|NULL|NULL|7");
    CHECK(pair.is_same("t"));
}

TEST_CASE("a write to a new or renamed column, and to others, before the engine looks is found whole") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 'a', 'b', 'c'), (2, 'a', 'b', 'c')");
    pair.converge();
    const std::string change = GENERATE("ALTER TABLE t ADD COLUMN d", "ALTER TABLE t RENAME COLUMN b TO d");
    pair.write(1, change);
    pair.app(0).run(change +
                    "; UPDATE t SET a = 'x', d = 'new' WHERE id = 1; UPDATE t SET d = 'newer' WHERE id = 2");
    pair.engine(0).database_changed(pair.now(0));
    pair.converge();
    CHECK(pair.app(1).ask("SELECT a, d FROM t ORDER BY id") == "'x'|'new'\n'a'|'newer'");
    CHECK(pair.is_same("t"));
}

TEST_CASE("a DEFAULT that is a bare word is a text, as SQLite takes it") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 'a', 'b', 'c')");
    pair.converge();
    int count = 0;
    for (const char* initial : {"word", "[two words]", "\"a name\"", "true", "-1.5", "x'00'"})
        pair.write_both("ALTER TABLE t ADD COLUMN n" + std::to_string(count++) + " DEFAULT " + initial);
    CHECK(pair.table(0, "t").find("'word'|'two words'|'a name'|1|-1.5|x'00'") != std::string::npos);
    pair.write(1, "UPDATE t SET a = 'written'");
    pair.converge();
    CHECK(pair.is_same("t"));
    CHECK(pair.table(0, "t").find("written") != std::string::npos);
}

TEST_CASE("adding the same column on both devices moves no rows") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 'a', 'b', 'c'), (2, 'a', 'b', 'c')");
    pair.converge();
    const auto before = pair.rows_received(0) + pair.rows_received(1);
    pair.write_both("ALTER TABLE t ADD COLUMN d DEFAULT 7");
    CHECK(pair.rows_received(0) + pair.rows_received(1) == before);
    CHECK(pair.is_same("t"));
}

TEST_CASE("RENAME COLUMN leaves capture at work, and its values reach a device that renamed it too") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 'a', 'b', 'c')");
    pair.converge();
    pair.write_both("ALTER TABLE t RENAME COLUMN b TO renamed");
    pair.write(0, "UPDATE t SET renamed = 'new', a = 'x'");
    pair.write(0, "INSERT INTO t VALUES (2, 3, 4, 5)");
    pair.converge();
    CHECK(pair.table(1, "t") == "1|'x'|'new'|'c'\n2|3|4|5");
    CHECK(pair.is_same("t"));
    CHECK(pair.engine(1).status().quarantined == 0);
}

TEST_CASE("RENAME of the key's column leaves capture at work") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 'a', 'b', 'c')");
    pair.converge();
    pair.write_both("ALTER TABLE t RENAME COLUMN id TO number");
    pair.write(0, "UPDATE t SET a = 'x'; INSERT INTO t VALUES (2, 3, 4, 5)");
    pair.converge();
    CHECK(pair.table(1, "t") == "1|'x'|'b'|'c'\n2|3|4|5");
}

TEST_CASE("a column that takes the place of another under its name, between two looks, counts as written") {
    Pair pair("CREATE TABLE t(id INTEGER PRIMARY KEY, price, note)");
    pair.write(0, "INSERT INTO t VALUES (1, '1.50 EUR', 'a'), (2, '2.75 EUR', 'b')");
    pair.converge();
    pair.stop(0);
    pair.app(0).run(
        "BEGIN; ALTER TABLE t ADD COLUMN cents INTEGER; UPDATE t SET cents = CAST(price * 100 AS INTEGER); "
        "ALTER TABLE t DROP COLUMN price; ALTER TABLE t RENAME COLUMN cents TO price; COMMIT");
    pair.start(0);
    pair.connect(0, 1);
    pair.converge();
    CHECK(pair.app(0).ask("SELECT group_concat(price) FROM t") == "'150,275'");
    CHECK(pair.app(1).ask("SELECT group_concat(price) FROM t") == "'150,275'");
    REQUIRE(pair.engine(0).verify(true, pair.now(0)));
    pair.pass(20'000);
    CHECK_FALSE(pair.was_told(0, EventKind::damaged));
    CHECK(pair.app(0).ask("SELECT group_concat(price) FROM t") == "'150,275'");
}

TEST_CASE("a column that was dropped and added again between two looks counts as written") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 'a', 'b', 'c')");
    pair.converge();
    pair.stop(1);
    pair.app(1).run("ALTER TABLE t DROP COLUMN c; ALTER TABLE t ADD COLUMN c INTEGER DEFAULT 3");
    pair.start(1);
    pair.connect(0, 1);
    pair.converge();
    CHECK(pair.table(0, "t") == "1|'a'|'b'|3");
    CHECK(pair.table(1, "t") == "1|'a'|'b'|3");
    REQUIRE(pair.engine(1).verify(true, pair.now(1)));
    pair.pass(20'000);
    CHECK_FALSE(pair.was_told(1, EventKind::damaged));
}

TEST_CASE("a table that is rebuilt loses its triggers, and what was written meanwhile is found") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 3, 3)");
    pair.converge();
    const bool is_running = GENERATE(true, false);
    if (!is_running) pair.stop(0);
    pair.app(0).run(
        "BEGIN; CREATE TABLE t2(id INTEGER PRIMARY KEY, a TEXT, b, c); INSERT INTO t2 SELECT * FROM t; DROP "
        "TABLE t; "
        "ALTER TABLE t2 RENAME TO t; COMMIT;"
        "UPDATE t SET b = 'edited' WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (4, '4', "
        "4, 4)");
    if (is_running) {
        pair.engine(0).database_changed(pair.now(0));
    } else {
        pair.start(0);
        pair.connect(0, 1);
    }
    pair.converge();
    CHECK(pair.app(1).ask("SELECT id, b FROM t ORDER BY id") == "1|'edited'\n3|3\n4|4");
    CHECK(pair.was_told(0, EventKind::capture_repaired));
    pair.write(0, "UPDATE t SET c = 'captured' WHERE id = 3");
    pair.converge();
    CHECK(pair.app(1).ask("SELECT c FROM t WHERE id = 3") == "'captured'");
    CHECK(pair.engine(1).status().resources.at(0).rows == 3);
}

TEST_CASE("what was written just before a rebuild, and not folded yet, is not lost") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 1, 1, 1), (2, 2, 2, 2)");
    pair.converge();
    pair.app(0).run(
        "UPDATE t SET a = 'before' WHERE id = 1; DELETE FROM t WHERE id = 2;"
        "BEGIN; CREATE TABLE t2(id INTEGER PRIMARY KEY, a, b, c); INSERT INTO t2 SELECT * FROM t; DROP TABLE "
        "t; "
        "ALTER TABLE t2 RENAME TO t; COMMIT");
    pair.engine(0).database_changed(pair.now(0));
    pair.converge();
    CHECK(pair.table(1, "t") == "1|'before'|1|1");
}

TEST_CASE("triggers that somebody dropped come back, all of them or one") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 1, 1, 1), (2, 2, 2, 2)");
    pair.converge();
    const std::string names = pair.app(0).ask(
        "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema WHERE type = 'trigger'");
    SECTION("all") {
        pair.app(0).run(names.substr(1, names.size() - 2));
    }
    SECTION("the one of a column") {
        pair.app(0).run("DROP TRIGGER strandline_1_column_0");
    }
    SECTION("that of deletes") {
        pair.app(0).run("DROP TRIGGER strandline_1_delete");
    }
    pair.write(0, "UPDATE t SET a = 'unseen' WHERE id = 1; DELETE FROM t WHERE id = 2");
    pair.converge();
    CHECK(pair.table(1, "t") == "1|'unseen'|1|1");
    CHECK(
        pair.app(0)
            .ask(
                "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema WHERE type = 'trigger'")
            .size() == names.size());
}

TEST_CASE("without the view that triggers write to nothing is written unseen, and it comes back") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 1, 1, 1)");
    const std::string view = "SELECT count(*) FROM sqlite_schema WHERE name = 'strandline_capture'";
    SECTION("it was dropped") {
        pair.app(0).run("DROP VIEW strandline_capture");
        CHECK_FALSE(pair.app(0).refusal("UPDATE t SET a = 2").empty());
    }
    SECTION("its trigger was dropped") {
        pair.app(0).run("DROP TRIGGER strandline_capture");
        CHECK_FALSE(pair.app(0).refusal("UPDATE t SET a = 2").empty());
    }
    SECTION("a table is tracked whose key has more columns") {
        pair.app(0).run("CREATE TABLE wider(a, b, PRIMARY KEY (a, b))");
        pair.track(0, {"wider"});
        pair.write(0, "INSERT INTO wider VALUES (1, 2)");
        CHECK(pair.engine(0).status().resources.back().rows == 1);
    }
    pair.engine(0).database_changed(pair.now(0));
    CHECK(pair.app(0).ask(view) == "2");
    pair.write(0, "UPDATE t SET a = 3");
    pair.converge();
    CHECK(pair.table(1, "t") == "1|3|1|1");
}

TEST_CASE("a table that is renamed away and back is still the tracked one") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 1, 1, 1)");
    pair.converge();
    pair.write(0, "ALTER TABLE t RENAME TO away");
    pair.write(0, "UPDATE away SET a = 'meanwhile'");
    pair.converge();
    CHECK(pair.table(1, "t") == "1|1|1|1");
    pair.write(0, "ALTER TABLE away RENAME TO t");
    pair.converge();
    pair.connect(0, 1);
    pair.converge();
    CHECK(pair.table(1, "t") == "1|'meanwhile'|1|1");
}

TEST_CASE("a dropped table deletes no rows elsewhere") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 1, 1, 1)");
    pair.converge();
    pair.write(0, "DROP TABLE t");
    pair.converge();
    CHECK(pair.table(1, "t") == "1|1|1|1");
    CHECK(pair.was_told(0, EventKind::trouble));
    pair.write(1, "UPDATE t SET a = 2");
    pair.converge();
    CHECK_FALSE(pair.engine(0).failure());
}

TEST_CASE("a table that is dropped and made again gets its rows back, and deletes none elsewhere") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 3, 3)");
    pair.write(1, "INSERT INTO t VALUES (4, 4, 4, 4)");
    pair.converge();
    pair.write(0, "DELETE FROM t WHERE id = 3");
    pair.converge();
    SECTION("at once") {
        pair.app(0).run("DROP TABLE t");
    }
    SECTION("with a look between") {
        pair.write(0, "DROP TABLE t");
    }
    SECTION("while no engine ran") {
        pair.stop(0);
        pair.app(0).run("DROP TABLE t");
        pair.start(0);
    }
    pair.app(0).run(std::string(kTable) + "; INSERT INTO t VALUES (2, 'new', 2, 2), (3, 'again', 3, 3)");
    pair.engine(0).database_changed(pair.now(0));
    pair.converge();
    pair.connect(0, 1);
    pair.converge();
    CHECK(pair.table(0, "t") == "1|1|1|1\n2|'new'|2|2\n3|'again'|3|3\n4|4|4|4");
    CHECK(pair.is_same("t"));
    CHECK(pair.engine(0).status().resources.at(0).rows == 4);
    CHECK(pair.was_told(0, EventKind::incarnation));
    pair.write(0, "DELETE FROM t WHERE id = 4");
    pair.converge();
    CHECK(pair.is_same("t"));
}

TEST_CASE("a table that is not there, or came back without its rows, is not claimed to be read") {
    Group group(3, kTable, {"t"});
    group.connect(0, 1);
    group.write(0, "INSERT INTO t VALUES (1, 1, 1, 1)");
    group.converge();
    group.disconnect(0, 1);
    group.connect(1, 2);
    const bool is_made_again = GENERATE(false, true);
    // Nobody says that the schema is another now: the next message must find out.
    group.app(1).run(is_made_again ? "DROP TABLE t; " + std::string(kTable) : "DROP TABLE t");
    group.converge();
    group.connect(1, 2);
    group.converge();
    CHECK_FALSE(group.engine(1).failure());
    group.disconnect(1, 2);
    group.connect(0, 2);
    group.converge();
    CHECK(group.table(2, "t") == "1|1|1|1");
}

TEST_CASE(
    "a row of another device that was edited while triggers were missing gets its owner's values back") {
    Group group(2, kTable, {"t"}, Ownership::device_owned);
    group.connect(0, 1);
    group.write(0, "INSERT INTO t VALUES (1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 3, 3)");
    group.write(1, "INSERT INTO t VALUES (4, 4, 4, 4)");
    group.converge();
    const std::string some = GENERATE("*_owner_*", "*");
    const std::string names = group.app(1).ask(
        "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema WHERE type = "
        "'trigger' AND name GLOB '" +
        some + "'");
    // In one transaction, so that the engine cannot put them back before.
    group.app(1).run("BEGIN; " + names.substr(1, names.size() - 2) +
                     "; UPDATE t SET b = 'mine' WHERE id IN (1, 4); DELETE FROM t WHERE id = 2; COMMIT");
    group.engine(1).database_changed(group.now(1));
    CHECK(group.engine(1).status().quarantined == 1);
    group.converge();
    group.connect(0, 1);
    group.converge();
    CHECK(group.table(1, "t") == "1|1|1|1\n2|2|2|2\n3|3|3|3\n4|4|'mine'|4");
    CHECK(group.is_same("t"));
    CHECK_FALSE(group.app(1).refusal("UPDATE t SET b = 'mine' WHERE id = 1").empty());
}

TEST_CASE("a table that comes back with another key is not taken for the tracked one") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 1, 1, 1)");
    pair.converge();
    pair.write(0,
               "DROP TABLE t; CREATE TABLE t(id INTEGER, a, b, c, PRIMARY KEY (id, a)); INSERT INTO t VALUES "
               "(2, 2, 2, 2)");
    pair.connect(0, 1);
    pair.converge();
    CHECK(pair.was_told(0, EventKind::trouble));
    CHECK(pair.table(1, "t") == "1|1|1|1");
    CHECK_FALSE(pair.engine(0).failure());
}

TEST_CASE("track says why it refuses, and then nothing is tracked") {
    Group group(
        1,
        "CREATE TABLE good(id INTEGER PRIMARY KEY); CREATE TABLE keyless(v); CREATE VIEW v AS SELECT 1;"
        "CREATE VIRTUAL TABLE full USING fts5(text)",
        {});
    for (const char* table : {"keyless", "v", "full", "full_data", "full_idx", "full_content", "nowhere",
                              "strandline_journal", "sqlite_schema"}) {
        CAPTURE(table);
        const auto refused = group.engine(0).track({"good", table}, Ownership::shared, group.now(0));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().message.find(table) != std::string::npos);
        CHECK(group.engine(0).status().resources.empty());
        CHECK(group.app(0).ask("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'") == "0");
    }
}

TEST_CASE("track says what comes of a table whose key SQLite numbers itself, and of no other") {
    const std::string table = GENERATE("t(id INTEGER PRIMARY KEY)", "t(id INT PRIMARY KEY)",
                                       "t(id INTEGER PRIMARY KEY) WITHOUT ROWID", "t(id TEXT PRIMARY KEY)");
    const auto ownership = GENERATE(Ownership::shared, Ownership::device_owned);
    CAPTURE(table, name_of(ownership));
    Group group(1, "CREATE TABLE " + table, {"t"}, ownership);
    std::string told;
    for (const Event& event : group.events(0)) {
        if (event.kind == EventKind::tracked) told = event.text;
    }
    const bool is_risky = table.ends_with("INTEGER PRIMARY KEY)");
    CHECK(told.starts_with("kept in step from now on"));
    CHECK((told.find("two devices that both insert id 1 mean one row") != std::string::npos) == is_risky);
}

TEST_CASE("untrack leaves the table and nothing else; tracking again starts from what is there") {
    Pair pair(kTable);
    pair.write(0, "INSERT INTO t VALUES (1, 1, 1, 1)");
    pair.converge();
    REQUIRE(pair.engine(0).untrack({"t"}, pair.now(0)));
    pair.settle();
    CHECK(pair.app(0).ask("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'") == "0");
    CHECK(pair.app(0).ask("SELECT count(*) FROM strandline_stamps") == "0");
    pair.write(0, "UPDATE t SET a = 'own'; INSERT INTO t VALUES (2, 2, 2, 2)");
    pair.converge();
    CHECK(pair.table(1, "t") == "1|1|1|1");
    pair.track(0, {"t"});
    pair.connect(0, 1);
    pair.converge();
    CHECK(pair.table(1, "t") == "1|'own'|1|1\n2|2|2|2");
    CHECK(pair.is_same("t"));
}
