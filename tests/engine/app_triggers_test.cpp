// The app's own triggers, foreign keys and indexes, while the engine applies what others wrote.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

struct Pair : Group {
    Pair(const std::string& schema, const std::vector<std::string>& tables) : Group(2, schema, tables) {
        connect(0, 1);
        converge();
    }
};

}  // namespace

TEST_CASE("an app's trigger that counts in a tracked table counts each insert once") {
    Pair pair(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, v); CREATE TABLE total(id INTEGER PRIMARY KEY, n);"
        "CREATE TRIGGER count_items AFTER INSERT ON item BEGIN UPDATE total SET n = n + 1; END;"
        "CREATE TRIGGER count_edits AFTER UPDATE ON item BEGIN UPDATE total SET n = n + 100; END",
        {"item", "total"});
    pair.write(0, "INSERT INTO total VALUES (1, 0)");
    pair.converge();
    pair.write(0, "INSERT INTO item VALUES (1, 'a'), (2, 'b'); UPDATE item SET v = 'c' WHERE id = 1");
    pair.converge();
    CHECK(pair.table(1, "total") == "1|102");
    CHECK(pair.is_same("item"));
    pair.write(1, "INSERT INTO item VALUES (3, 'c')");
    pair.converge();
    CHECK(pair.table(0, "total") == "1|103");
    CHECK(pair.is_same("total"));
}

TEST_CASE("what an app's trigger does to the row that fires it is not done again") {
    Pair pair(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v, edits DEFAULT 0);"
        "CREATE TRIGGER edited AFTER UPDATE OF v ON t BEGIN UPDATE t SET edits = edits + 1 WHERE id = "
        "NEW.id; END",
        {"t"});
    pair.write(0, "INSERT INTO t(id, v) VALUES (1, 'a'); UPDATE t SET v = 'b'; UPDATE t SET v = 'c'");
    pair.converge();
    CHECK(pair.table(0, "t") == "1|'c'|2");
    CHECK(pair.is_same("t"));
    pair.write(0, "UPDATE t SET v = 'd'");
    pair.converge();
    CHECK(pair.table(1, "t") == "1|'d'|3");
}

TEST_CASE(
    "an app's trigger that inserts into or deletes from a tracked table does so once, in either order of "
    "tables") {
    // The names make one table's page come before, then behind the other's.
    const std::string log = GENERATE("a_log", "z_log");
    Pair pair("CREATE TABLE item(id INTEGER PRIMARY KEY, v); CREATE TABLE " + log +
                  "(id INTEGER PRIMARY KEY, text);"
                  "CREATE TRIGGER log_insert AFTER INSERT ON item BEGIN INSERT INTO " +
                  log +
                  "(text) VALUES (NEW.v); END;"
                  "CREATE TRIGGER log_delete BEFORE DELETE ON item BEGIN DELETE FROM " +
                  log + " WHERE text = OLD.v; END",
              {"item", log});
    pair.write(0, "INSERT INTO item VALUES (1, 'a'), (2, 'b')");
    pair.converge();
    CHECK(pair.table(1, log) == "1|'a'\n2|'b'");
    pair.write(0, "DELETE FROM item WHERE id = 1");
    pair.converge();
    CHECK(pair.table(1, log) == "2|'b'");
    CHECK(pair.is_same("item"));
    CHECK(pair.is_same(log));
}

TEST_CASE("an app's trigger on a table that is not tracked runs on every device") {
    Pair pair(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, v); CREATE TABLE audit(what, id);"
        "CREATE VIRTUAL TABLE search USING fts5(v);"
        "CREATE TRIGGER a AFTER INSERT ON item BEGIN INSERT INTO audit VALUES ('insert', NEW.id); "
        "INSERT INTO search(rowid, v) VALUES (NEW.id, NEW.v); END;"
        "CREATE TRIGGER b AFTER UPDATE ON item BEGIN INSERT INTO audit VALUES ('update', NEW.id); "
        "UPDATE search SET v = NEW.v WHERE rowid = NEW.id; END;"
        "CREATE TRIGGER c AFTER DELETE ON item BEGIN INSERT INTO audit VALUES ('delete', OLD.id); "
        "DELETE FROM search WHERE rowid = OLD.id; END",
        {"item"});
    pair.write(0, "INSERT INTO item VALUES (1, 'apple'), (2, 'pear')");
    pair.converge();
    pair.write(0, "UPDATE item SET v = 'plum' WHERE id = 1; DELETE FROM item WHERE id = 2");
    pair.converge();
    CHECK(pair.app(1).ask("SELECT * FROM audit ORDER BY what, id") ==
          "'delete'|2\n'insert'|1\n'insert'|2\n'update'|1");
    CHECK(pair.app(1).ask("SELECT rowid FROM search WHERE search MATCH 'plum'") == "1");
    CHECK(pair.app(1).ask("SELECT count(*) FROM search") == "1");
}

TEST_CASE("an app's trigger that refuses a row puts it into quarantine, not the session to an end") {
    Group group(2, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", {"t"});
    group.app(1).run(
        "CREATE TRIGGER no BEFORE INSERT ON t WHEN NEW.v = 'bad' BEGIN SELECT RAISE(ABORT, 'not here'); END");
    group.connect(0, 1);
    group.write(0, "INSERT INTO t VALUES (1, 'bad'), (2, 'good')");
    group.converge();
    CHECK(group.table(1, "t") == "2|'good'");
    CHECK(group.engine(1).status().quarantined == 1);
    CHECK(group.engine(1).is_in_step(group.id(0)));
}

TEST_CASE("an app's trigger that silently ignores a row does not make devices believe that it is there") {
    Group group(2, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", {"t"});
    group.app(1).run(
        "CREATE TRIGGER no BEFORE INSERT ON t WHEN NEW.v = 'bad' BEGIN SELECT RAISE(IGNORE); END");
    group.connect(0, 1);
    group.write(0, "INSERT INTO t VALUES (1, 'bad'), (2, 'good')");
    group.converge();
    CHECK(group.table(1, "t") == "2|'good'");
    CHECK(group.table(0, "t") == "1|'bad'\n2|'good'");
    CHECK(group.engine(1).status().quarantined == 1);
}

TEST_CASE("a child may arrive before its parent, and foreign keys still hold in the end") {
    const std::string child = GENERATE("a_child", "z_child");
    Pair pair("PRAGMA foreign_keys = ON; CREATE TABLE parent(id INTEGER PRIMARY KEY, v); CREATE TABLE " +
                  child +
                  "(id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE)",
              {"parent", child});
    pair.write(
        0, "INSERT INTO parent(id) VALUES (1), (2); INSERT INTO " + child + " VALUES (1, 1), (2, 2), (3, 2)");
    pair.converge();
    CHECK(pair.table(1, child) == "1|1\n2|2\n3|2");
    CHECK(pair.app(1).ask("PRAGMA foreign_key_check").empty());
    pair.write(0, "PRAGMA foreign_keys = ON; DELETE FROM parent WHERE id = 2");
    pair.converge();
    CHECK(pair.table(1, child) == "1|1");
    pair.write(0, "UPDATE parent SET id = 9 WHERE id = 1");
    pair.converge();
    CHECK(pair.table(1, child) == "1|9");
    CHECK(pair.is_same("parent"));
    CHECK(pair.app(1).ask("PRAGMA foreign_key_check").empty());
}

TEST_CASE("writes of an app's trigger, made on both sides at once, converge") {
    Group group(2,
                "CREATE TABLE item(id TEXT PRIMARY KEY, v); CREATE TABLE total(id INTEGER PRIMARY KEY, n);"
                "CREATE TRIGGER count_items AFTER INSERT ON item BEGIN "
                "INSERT INTO total VALUES (1, 1) ON CONFLICT DO UPDATE SET n = n + 1; END",
                {"item", "total"});
    group.write(0, "INSERT INTO item VALUES ('a', 0), ('b', 0)");
    group.pass(10);
    group.write(1, "INSERT INTO item VALUES ('c', 1), ('d', 1), ('e', 1)");
    group.connect(0, 1);
    group.converge();
    CHECK(group.is_same("item"));
    CHECK(group.is_same("total"));
    CHECK(group.table(0, "total") == "1|3");
}
