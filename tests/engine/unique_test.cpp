// Rows that REPLACE removes through UNIQUE indexes of every kind: no delete trigger fires for them, and they are seen to be
// gone all the same.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

/// Two devices in step; what the first one's app does must show at the second.
struct Pair : Group {
    explicit Pair(const std::string& schema, Ownership ownership = Ownership::shared)
        : Group(2, schema, {"t"}, ownership) {
        connect(0, 1);
        converge();
    }
    /// The ids that are left, on both devices.
    std::string ids_after(const std::string& sql) {
        CAPTURE(sql);
        write(0, sql);
        converge();
        CHECK(table(1, "t") == table(0, "t"));
        CHECK(engine(0).is_in_step(id(1)));
        return app(1).ask("SELECT group_concat(id, ' ') FROM (SELECT id FROM t ORDER BY id)");
    }
};

}  // namespace

TEST_CASE("a row that REPLACE removes through a UNIQUE index on an expression is removed elsewhere too") {
    const auto* index = GENERATE(
        "CREATE UNIQUE INDEX i ON t(lower(name))", "CREATE UNIQUE INDEX i ON t(lower(\"name\") DESC)",
        "CREATE UNIQUE INDEX \"i (lower\" ON \"t\"(/* ( */ lower(`name`), -- ,\n ([n]) COLLATE NOCASE desc)",
        "CREATE UNIQUE INDEX IF NOT EXISTS main.i ON t(n, substr(lower(name), 1, 20) || ',)') -- it ends");
    CAPTURE(index);
    Pair pair("CREATE TABLE t(id TEXT PRIMARY KEY, name TEXT, n, w);" + std::string(index));
    CHECK(pair.ids_after(
              "INSERT INTO t VALUES ('1', 'Ann', 'q', 1), ('2', 'Bob', 'q', 2), ('3', 'Cid', 'q', 3)") ==
          "'1 2 3'");
    CHECK(pair.ids_after("INSERT OR REPLACE INTO t VALUES ('4', 'ANN', 'q', 4)") == "'2 3 4'");
    CHECK(pair.ids_after("UPDATE OR REPLACE t SET name = 'BOB' WHERE id = '4'") == "'3 4'");
    CHECK(pair.ids_after("REPLACE INTO t VALUES ('4', 'cid', 'q', 5)") == "'4'");
    CHECK(pair.ids_after("REPLACE INTO t VALUES ('4', 'CID', 'q', 6)") == "'4'");
}

TEST_CASE("of a partial UNIQUE index only the rows that stand in it are in the way, and entering it counts") {
    const auto* index = GENERATE("CREATE UNIQUE INDEX i ON t(name) WHERE active",
                                 "CREATE UNIQUE INDEX i ON t(lower(name)) WHERE active");
    Pair pair("CREATE TABLE t(id TEXT PRIMARY KEY, name TEXT, active);" + std::string(index));
    CHECK(pair.ids_after("INSERT INTO t VALUES ('1', 'a', 1), ('2', 'a', 0), ('3', 'a', NULL)") == "'1 2 3'");
    CHECK(pair.ids_after("UPDATE OR REPLACE t SET active = 1 WHERE id = '2'") == "'2 3'");
    CHECK(pair.ids_after("INSERT OR REPLACE INTO t VALUES ('4', 'a', 0)") == "'2 3 4'");
    CHECK(pair.ids_after("INSERT OR REPLACE INTO t VALUES ('5', 'a', 1)") == "'3 4 5'");
    // What does not stand in it is not noted either: such an index would else have every row looked at.
    pair.app(0).run("INSERT INTO t VALUES ('6', 'a', 0)");
    CHECK(pair.app(0).ask("SELECT count(*) FROM strandline_journal WHERE what = -2") == "0");
}

TEST_CASE(
    "an index that lets one row in is a UNIQUE on a constant, and its comparisons convert as columns do") {
    Pair pair(
        "CREATE TABLE t(id TEXT PRIMARY KEY, kind INTEGER, name TEXT COLLATE NOCASE);"
        "CREATE UNIQUE INDEX i ON t((1)) WHERE kind = '7';"
        "CREATE UNIQUE INDEX j ON t((name = 'BOSS')) WHERE name = 'boss'");
    CHECK(pair.ids_after("INSERT INTO t VALUES ('1', 7, 'Boss'), ('2', 8, 'x'), ('3', 8, 'y')") == "'1 2 3'");
    CHECK(pair.ids_after("UPDATE OR REPLACE t SET kind = 7 WHERE id = '2'") == "'2 3'");
    CHECK(pair.ids_after("INSERT OR REPLACE INTO t VALUES ('4', '7', 'bOSS')") == "'3 4'");
    CHECK(pair.ids_after("INSERT OR REPLACE INTO t VALUES ('5', 1, 'boss')") == "'3 5'");
}

TEST_CASE(
    "what is unique may follow from a generated column, or from a default that REPLACE puts in place of "
    "NULL") {
    Pair pair(
        "CREATE TABLE t(id TEXT PRIMARY KEY, v, twice AS (v * 2) UNIQUE, code INTEGER NOT NULL DEFAULT '5' "
        "UNIQUE,"
        "               tag TEXT NOT NULL DEFAULT \"it's\"); CREATE UNIQUE INDEX i ON t(upper(tag))");
    CHECK(
        pair.ids_after(
            "INSERT INTO t(id, v, code, tag) VALUES ('1', 1, 1, 'a'), ('2', 2, 2, 'b'), ('3', 3, 3, 'c')") ==
        "'1 2 3'");
    CHECK(pair.ids_after("UPDATE OR REPLACE t SET v = 1 WHERE id = '2'") == "'2 3'");
    CHECK(pair.ids_after("UPDATE t SET code = 5, tag = 'IT''S' WHERE id = '3'") == "'2 3'");
    CHECK(pair.ids_after("INSERT OR REPLACE INTO t(id, v, code, tag) VALUES ('4', 4, NULL, 'd')") == "'2 4'");
    CHECK(pair.ids_after("UPDATE t SET tag = 'It''s' WHERE id = '2'") == "'2 4'");
    CHECK(pair.ids_after("INSERT OR REPLACE INTO t(id, v, code, tag) VALUES ('5', 5, 6, NULL)") == "'4 5'");
}

TEST_CASE("columns under an index on an expression can be renamed, and others dropped, between two looks") {
    Pair pair(
        "CREATE TABLE t(id TEXT PRIMARY KEY, name TEXT, n, other);"
        "CREATE UNIQUE INDEX i ON t(lower(name), n) WHERE n > 0");
    CHECK(pair.ids_after("INSERT INTO t VALUES ('1', 'Ann', 1, 1), ('2', 'Bob', 1, 2)") == "'1 2'");
    for (std::size_t i = 0; i < 2; ++i)
        pair.app(i).run("ALTER TABLE t RENAME name TO called; ALTER TABLE t DROP COLUMN other");
    pair.app(0).run("INSERT OR REPLACE INTO t VALUES ('3', 'ANN', 1)");
    CHECK(pair.ids_after("INSERT OR REPLACE INTO t VALUES ('4', 'BOB', 1)") == "'3 4'");
    CHECK(pair.ids_after("INSERT OR REPLACE INTO t VALUES ('5', 'ann', 1)") == "'4 5'");
}

TEST_CASE("another device's row that REPLACE would remove through an expression is left alone") {
    Pair pair(
        "CREATE TABLE t(id TEXT PRIMARY KEY, name TEXT, active);"
        "CREATE UNIQUE INDEX i ON t(lower(name)) WHERE active",
        Ownership::device_owned);
    pair.write(1, "INSERT INTO t VALUES ('b', 'Ann', 1)");
    CHECK(pair.ids_after("INSERT INTO t VALUES ('a', 'x', 1), ('c', 'Ann', 0)") == "'a b c'");
    for (const char* statement : {"INSERT OR REPLACE INTO t VALUES ('d', 'ANN', 1)",
                                  "UPDATE OR REPLACE t SET name = 'aNN' WHERE id = 'a'",
                                  "UPDATE OR REPLACE t SET active = 1 WHERE id = 'c'"})
        CHECK_THROWS_WITH(pair.app(0).run(statement), Catch::Contains("belongs to another device"));
    CHECK(pair.ids_after("INSERT OR IGNORE INTO t VALUES ('d', 'ANN', 1)") == "'a b c'");
}

TEST_CASE("a UNIQUE index that goes by a function of the app's own is refused, and named") {
    Group group(2, "", {});
    App& app = group.app(0);
    const auto half = [](sqlite3_context* to, int, sqlite3_value** of) {
        sqlite3_result_double(to, sqlite3_value_double(*of) / 2);
    };
    sqlite3_create_function(app.raw(), "half", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, half, nullptr,
                            nullptr);
    app.run("CREATE TABLE t(id TEXT PRIMARY KEY, v); CREATE UNIQUE INDEX halves ON t(half(v))");
    const auto refused = group.engine(0).track({"t"}, Ownership::shared, group.now(0));
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, Catch::Contains("\"halves\"") && Catch::Contains("half"));

    // A table that gets such an index later is away until it is without, and says so.
    app.run("DROP INDEX halves; INSERT INTO t VALUES ('1', 2), ('2', 4)");
    group.track(0, {"t"});
    group.app(1).run("CREATE TABLE t(id TEXT PRIMARY KEY, v)");
    group.track(1, {"t"});
    group.connect(0, 1);
    group.converge();
    group.write(0, "CREATE UNIQUE INDEX halves ON t(half(v))");
    group.converge();
    const auto told = group.events(0);
    CHECK(std::ranges::any_of(told, [](const Event& event) {
        return event.kind == EventKind::trouble && event.text.find("\"halves\"") != std::string::npos;
    }));
    group.write(0, "DROP INDEX halves; INSERT INTO t VALUES ('3', 6)");
    group.connect(0, 1);
    group.converge();
    CHECK(group.table(1, "t") == "'1'|2\n'2'|4\n'3'|6");
    CHECK(group.is_same("t"));
}
