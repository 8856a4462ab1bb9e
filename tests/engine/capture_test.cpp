// What SQLite really does, and what must be captured all the same: the app's writes.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

/// Two devices in step over one table `t`, so that whatever device 0's app does must show at device 1.
struct Pair : Group {
    explicit Pair(const std::string& schema, const std::string& name = "t") : Group(2, schema, {name}) {
        connect(0, 1);
        converge();
    }
    void check_write(const std::string& sql, const std::string& name = "t") {
        CAPTURE(sql);
        write(0, sql);
        converge();
        CHECK(table(1, name) == table(0, name));
        CHECK(engine(0).is_in_step(id(1)));
        CHECK(engine(1).status().resources.at(0).rows ==
              std::stoll(app(0).ask("SELECT count(*) FROM main." + quoted(name))));
    }
    static std::string quoted(const std::string& name) {
        std::string out = "\"";
        for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
        return out + "\"";
    }
};

}  // namespace

TEST_CASE("a row that REPLACE removes through a secondary UNIQUE is removed elsewhere too") {
    Pair pair("CREATE TABLE t(id TEXT PRIMARY KEY, mail TEXT UNIQUE COLLATE NOCASE, a, b, UNIQUE (a, b))");
    pair.check_write("INSERT INTO t VALUES ('1', 'm', 1, 1), ('2', 'n', 2, 2), ('3', 'o', NULL, 1)");
    pair.check_write("INSERT OR REPLACE INTO t VALUES ('4', 'M', 4, 4)");
    CHECK(pair.app(1).ask("SELECT id FROM t ORDER BY id") == "'2'\n'3'\n'4'");
    pair.check_write("UPDATE OR REPLACE t SET a = 2, b = 2 WHERE id = '4'");
    CHECK(pair.app(1).ask("SELECT id FROM t ORDER BY id") == "'3'\n'4'");
    pair.check_write("REPLACE INTO t VALUES ('5', 'o', 2, 2)");
    CHECK(pair.app(1).ask("SELECT id FROM t ORDER BY id") == "'5'");
    pair.check_write("REPLACE INTO t VALUES ('5', 'new', NULL, NULL)");
    CHECK(pair.app(1).ask("SELECT mail FROM t") == "'new'");
}

TEST_CASE("a value that only changes its case, its type or the sign of its zero is a change") {
    Pair pair("CREATE TABLE t(id TEXT PRIMARY KEY, v COLLATE NOCASE, w)");
    pair.check_write("INSERT INTO t VALUES ('a', 'q', 2)");
    pair.check_write("UPDATE t SET v = 'Q'");
    CHECK(pair.app(1).ask("SELECT v FROM t") == "'Q'");
    pair.check_write("UPDATE t SET w = 2.0");
    CHECK(pair.app(1).ask("SELECT w FROM t") == "2.0");
    pair.check_write("UPDATE t SET w = CAST('2.0' AS BLOB)");
    CHECK(pair.app(1).ask("SELECT w FROM t") == "x'322e30'");
    pair.check_write("UPDATE t SET w = 0.0");
    pair.check_write("UPDATE t SET v = 'a' || char(0) || 'b'");
    CHECK(pair.app(1).ask("SELECT hex(v) FROM t") == "'610062'");
    pair.check_write("UPDATE t SET v = NULL, w = ''");
    CHECK(pair.app(1).ask("SELECT v, w FROM t") == "NULL|''");
}

TEST_CASE("values at the ends of their types arrive as they are") {
    Pair pair("CREATE TABLE t(id TEXT PRIMARY KEY, v)");
    pair.check_write(
        "INSERT INTO t VALUES ('max', 9223372036854775807), ('min', -9223372036854775808), "
        "('inf', 9e999), ('-inf', -9e999), ('tiny', 4.9e-324), ('third', 1.0 / 3), ('no utf', CAST(x'ff00fe' "
        "AS TEXT)), "
        "('blob', x''), ('text', '')");
    CHECK(pair.app(1).ask("SELECT v FROM t WHERE id = 'third'") == "0.33333333333333331");
    CHECK(pair.app(1).ask("SELECT typeof(v) FROM t WHERE id IN ('blob', 'text') ORDER BY id") ==
          "'blob'\n'text'");
}

TEST_CASE("a key that is respelled stays one row, and its spelling travels") {
    Pair pair("CREATE TABLE t(id TEXT COLLATE NOCASE PRIMARY KEY, v)");
    pair.check_write("INSERT INTO t VALUES ('key', 1)");
    pair.check_write("UPDATE t SET id = 'KEY'");
    CHECK(pair.table(1, "t") == "'KEY'|1");
    pair.check_write("INSERT OR REPLACE INTO t VALUES ('Key', 2)");
    CHECK(pair.table(1, "t") == "'Key'|2");
    pair.write(1, "UPDATE t SET v = 3 WHERE id = 'kEY'");
    pair.converge();
    CHECK(pair.table(0, "t") == "'Key'|3");
    pair.check_write("DELETE FROM t WHERE id = 'KEY'");
}

TEST_CASE("a number is one key, whole or real") {
    Pair pair("CREATE TABLE t(id BLOB PRIMARY KEY, v)");
    pair.check_write("INSERT INTO t VALUES (2, 'two'), ('2', 'text'), (x'32', 'blob')");
    pair.check_write("UPDATE t SET id = 2.0 WHERE v = 'two'");
    CHECK(pair.app(1).ask("SELECT id FROM t WHERE v = 'two'") == "2.0");
    pair.check_write("INSERT OR REPLACE INTO t VALUES (2, 'two again')");
    CHECK(pair.app(1).ask("SELECT count(*) FROM t") == "3");
}

TEST_CASE("a table of a hundred columns syncs each of them") {
    std::string columns;
    for (int i = 0; i < 100; ++i) columns += ", c" + std::to_string(i);
    Pair pair("CREATE TABLE t(id INTEGER PRIMARY KEY" + columns + ")");
    pair.check_write("INSERT INTO t(id, c0, c99) VALUES (1, 'first', 'last')");
    for (const char* column : {"c0", "c62", "c63", "c64", "c99"}) {
        pair.check_write("UPDATE t SET " + std::string(column) + " = '" + column + "'");
        CHECK(pair.app(1).ask("SELECT " + std::string(column) + " FROM t") ==
              "'" + std::string(column) + "'");
    }
    pair.disconnect(0, 1);
    pair.write(0, "UPDATE t SET c70 = 'of 0'");
    pair.write(1, "UPDATE t SET c80 = 'of 1'");
    pair.connect(0, 1);
    pair.converge();
    CHECK(pair.app(0).ask("SELECT c70, c80 FROM t") == "'of 0'|'of 1'");
    CHECK(pair.is_same("t"));
}

TEST_CASE("UPSERT, INSERT OR IGNORE and INSERT OR FAIL are captured as what they do") {
    Pair pair("CREATE TABLE t(id INTEGER PRIMARY KEY, v, n)");
    pair.check_write("INSERT INTO t VALUES (1, 'a', 0)");
    pair.check_write(
        "INSERT INTO t VALUES (1, 'b', 0), (2, 'c', 0) ON CONFLICT (id) DO UPDATE SET v = excluded.v, n = n "
        "+ 1");
    CHECK(pair.table(1, "t") == "1|'b'|1\n2|'c'|0");
    pair.check_write("INSERT INTO t VALUES (1, 'x', 9) ON CONFLICT DO NOTHING");
    pair.check_write("INSERT OR IGNORE INTO t VALUES (1, 'x', 9), (3, 'd', 0)");
    CHECK(pair.table(1, "t") == "1|'b'|1\n2|'c'|0\n3|'d'|0");
    CHECK_FALSE(pair.app(0).refusal("INSERT OR FAIL INTO t VALUES (4, 'e', 0), (1, 'x', 9)").empty());
    pair.check_write("SELECT 1");
    CHECK(pair.app(1).ask("SELECT v FROM t WHERE id = 4") == "'e'");
}

TEST_CASE("a write that is rolled back leaves nothing behind") {
    Pair pair("CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
    pair.check_write("BEGIN; INSERT INTO t VALUES (1, 'no'); ROLLBACK");
    pair.check_write(
        "BEGIN; INSERT INTO t VALUES (1, 'yes'); SAVEPOINT s; UPDATE t SET v = 'no'; ROLLBACK TO s; COMMIT");
    CHECK(pair.table(1, "t") == "1|'yes'");
}

TEST_CASE("a changed key is a delete and an insert") {
    Pair pair("CREATE TABLE t(a, b, v, PRIMARY KEY (b, a)) WITHOUT ROWID");
    pair.check_write("INSERT INTO t VALUES (1, 'x', 'v'), (2, 'x', 'w')");
    pair.check_write("UPDATE t SET a = a + 10");
    CHECK(pair.table(1, "t") == "11|'x'|'v'\n12|'x'|'w'");
    pair.check_write(
        "UPDATE t SET a = a + 1 WHERE a = 12; UPDATE t SET a = 12 WHERE a = 11; UPDATE t SET a = 11 WHERE a "
        "= 13");
    CHECK(pair.table(1, "t") == "11|'x'|'w'\n12|'x'|'v'");
    pair.check_write("UPDATE t SET a = 'text', b = x'00ff', v = 'z' WHERE a = 11");
    pair.check_write("DELETE FROM t WHERE a = 12");
    CHECK(pair.table(1, "t") == "'text'|x'00ff'|'z'");
}

TEST_CASE("a rowid that changes under an INTEGER PRIMARY KEY is a changed key") {
    Pair pair("CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
    pair.check_write("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    pair.check_write("UPDATE t SET rowid = 7 WHERE id = 1");
    CHECK(pair.table(1, "t") == "2|'b'\n7|'a'");
    pair.check_write("UPDATE OR REPLACE t SET id = 7 WHERE id = 2");
    CHECK(pair.table(1, "t") == "7|'b'");
}

TEST_CASE("names with quotes, spaces and statements in them are only names") {
    const std::string name = "a\"; DROP TABLE x; --";
    const std::string in_quotes = Pair::quoted(name);
    Pair pair("CREATE TABLE x(id INTEGER PRIMARY KEY); CREATE TABLE " + in_quotes +
                  "(\"k\"\"e'y\" TEXT PRIMARY KEY, \"select\" UNIQUE, \"two words\", '?1')",
              name);
    pair.write(0, "INSERT INTO " + in_quotes + " VALUES ('a', 1, 2, 3), ('b', 2, 3, 4)");
    pair.write(0, "UPDATE " + in_quotes + " SET \"two words\" = 'three'");
    pair.write(0, "REPLACE INTO " + in_quotes + " VALUES ('c', 2, 3, 4)");
    pair.converge();
    const std::string all = "SELECT * FROM " + in_quotes + " ORDER BY 1";
    CHECK(pair.app(1).ask(all) == "'a'|1|'three'|3\n'c'|2|3|4");
    CHECK(pair.app(1).ask("SELECT count(*) FROM x") == "0");
}

TEST_CASE("generated columns follow from the others, and tables that have them sync") {
    Pair pair(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v, twice AS (v * 2), thrice AS (v * 3) STORED UNIQUE, w)");
    pair.check_write("INSERT INTO t(id, v, w) VALUES (1, 2, 'w')");
    CHECK(pair.table(1, "t") == "1|2|4|6|'w'");
    pair.check_write("UPDATE t SET v = 5");
    CHECK(pair.table(1, "t") == "1|5|10|15|'w'");
    pair.check_write("INSERT OR REPLACE INTO t(id, v, w) VALUES (2, 5, 'x')");
    CHECK(pair.table(1, "t") == "2|5|10|15|'x'");
}

TEST_CASE("VACUUM changes nothing, though it may number rows anew") {
    Pair pair("CREATE TABLE t(id TEXT PRIMARY KEY, v)");
    pair.check_write("INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 3)");
    pair.check_write("DELETE FROM t WHERE id = 'a'");
    const auto before = pair.rows_received(1);
    pair.check_write("VACUUM");
    pair.write(1, "VACUUM");
    CHECK(pair.rows_received(1) == before);
    pair.check_write("UPDATE t SET v = 4 WHERE id = 'c'");
    CHECK(pair.table(1, "t") == "'b'|2\n'c'|4");
}

TEST_CASE("what is written while no engine runs is found when one starts") {
    Pair pair("CREATE TABLE t(id TEXT PRIMARY KEY, v)");
    pair.check_write("INSERT INTO t VALUES ('a', 1), ('b', 2)");
    pair.stop(0);
    pair.app(0).run(
        "UPDATE t SET v = 3 WHERE id = 'a'; DELETE FROM t WHERE id = 'b'; INSERT INTO t VALUES ('c', 4)");
    pair.start(0);
    pair.connect(0, 1);
    pair.converge();
    CHECK(pair.table(1, "t") == "'a'|3\n'c'|4");
}

TEST_CASE("a missing or strange flag row means capture, never silence") {
    Pair pair("CREATE TABLE t(id TEXT PRIMARY KEY, v)");
    pair.check_write("DELETE FROM strandline_applying; INSERT INTO t VALUES ('a', 1)");
    CHECK(pair.app(1).ask("SELECT count(*) FROM t") == "1");
    CHECK(pair.app(1).ask("SELECT count(*) FROM strandline_applying") == "0");
}

TEST_CASE("a NULL in a key is refused: by track when it is there, by a trigger when it comes later") {
    Group group(1, "CREATE TABLE t(id TEXT PRIMARY KEY, v); INSERT INTO t VALUES (NULL, 'nobody')", {});
    const auto refused = group.engine(0).track({"t"}, Ownership::shared, group.now(0));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().category == Category::schema);
    CHECK(refused.error().message.find("NULL") != std::string::npos);
    CHECK(group.engine(0).status().resources.empty());
    group.app(0).run("DELETE FROM t");
    group.track(0, {"t"});
    CHECK(group.app(0).refusal("INSERT INTO t VALUES (NULL, 'x')").find("must not be NULL") !=
          std::string::npos);
    group.app(0).run("INSERT INTO t VALUES ('a', 'x')");
    CHECK(group.app(0).refusal("UPDATE t SET id = NULL").find("must not be NULL") != std::string::npos);
}

TEST_CASE("stamps never repeat or go back, though the clock does, also across a restart") {
    Group group(1, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", {"t"});
    const auto mark = [&] { return group.engine(0).status().resources.at(0).watermarks.at(0).hlc; };
    Hlc last{};
    for (int i = 0; i < 20; ++i) {
        if (i % 5 == 4) group.shift_clock(0, -1'000'000);
        if (i % 7 == 6) {
            group.stop(0);
            group.start(0);
        }
        group.write(0, "INSERT INTO t(v) VALUES (1), (2)");
        CHECK(mark() > last);
        last = mark();
    }
    CHECK(group.app(0).ask("SELECT count(*) = count(DISTINCT hlc) FROM strandline_stamps WHERE slot = 0") ==
          "1");
}

TEST_CASE("thousands of writes in one millisecond have stamps of their own, in their order") {
    Group group(1, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", {"t"});
    group.write(0,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70000) INSERT INTO "
                "t SELECT i, i FROM n");
    CHECK(group.app(0).ask("SELECT count(DISTINCT hlc), max(hlc) - min(hlc) FROM strandline_stamps") ==
          "70000|69999");
    CHECK(group.app(0).ask("SELECT count(*) FROM strandline_journal") == "0");
}

TEST_CASE("in a backlog that is folded in parts, each row's last write gives its stamp") {
    const std::string many =
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) INSERT INTO t SELECT 'row ' "
        "|| i, i FROM n;";
    const auto* first = GENERATE("UPDATE t SET a = 'first' WHERE id = 'x';", "DELETE FROM t WHERE id = 'x';",
                                 "INSERT OR REPLACE INTO t VALUES ('x', 'first');");
    const auto* last =
        GENERATE("UPDATE t SET a = 'last' WHERE id = 'x';", "DELETE FROM t WHERE id = 'x';",
                 "INSERT OR REPLACE INTO t VALUES ('x', 'last'); DELETE FROM t WHERE id = 'x';",
                 "INSERT OR REPLACE INTO t VALUES ('x', 'last');");
    CAPTURE(first, last);
    Group group(1, "CREATE TABLE t(id TEXT PRIMARY KEY, a)", {"t"});
    group.write(0, "INSERT INTO t VALUES ('x', 'as it was')");
    App& app = group.app(0);
    app.run("BEGIN; " + std::string(first) + many + last);
    const std::string written = app.ask("SELECT max(hlc) FROM strandline_journal WHERE k1 = 'x'");
    group.write(0, "COMMIT");
    CHECK(app.ask("SELECT max(hlc) FROM strandline_stamps WHERE length(key) = 2") == written);
}

TEST_CASE("text is text in a database of any encoding") {
    Group group(2, "", {});
    group.close_app(1);
    group.stop(1);
    std::filesystem::remove(group.path(1));
    group.reopen_app(1);
    group.app(1).run("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(id TEXT PRIMARY KEY, v)");
    REQUIRE(init_database({group.path(1), group.id(1), "", {}, [] { return 7U; }}, group.now(1)));
    group.start(1);
    group.app(0).run("CREATE TABLE t(id TEXT PRIMARY KEY, v)");
    group.track(0, {"t"});
    group.track(1, {"t"});
    group.connect(0, 1);
    group.write(0, "INSERT INTO t VALUES ('k\u00fc', 'v\u20ac')");
    group.write(1, "INSERT INTO t VALUES ('k2', 'v2')");
    group.converge();
    CHECK(group.app(0).ask("SELECT id, v FROM t ORDER BY id") == "'k2'|'v2'\n'k\u00fc'|'v\u20ac'");
    CHECK(group.app(1).ask("SELECT count(*) FROM t WHERE id = 'k\u00fc' AND v = 'v\u20ac'") == "1");
}
