// A column gets another name: on one device first, on the others later or never.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kRename = "ALTER TABLE t RENAME COLUMN v TO w";

struct RollOut : Group {
    explicit RollOut(std::size_t count = 2, const std::string& columns = "v, x")
        : Group(count, "CREATE TABLE t(id TEXT PRIMARY KEY, " + columns + ")", {"t"}) {
        connect_all();
        write(0, "INSERT INTO t VALUES ('x', 'old', 1), ('y', 'old', 1), ('z', 'old', 1)");
        converge();
    }
    /// All have the same rows, and nothing waits.
    void check_same(const std::string& rows) {
        converge();
        connect_all();
        converge();
        CHECK(table(0, "t") == rows);
        for (std::size_t i = 0; i < size(); ++i) {
            CAPTURE(i);
            CHECK(table(i, "t") == rows);
            CHECK(engine(i).status().quarantined == 0);
        }
    }
};

}  // namespace

TEST_CASE("what a device wrote under a column's new name is not beaten by another's rename") {
    RollOut pair;
    pair.write(0, kRename);
    pair.write(0, "UPDATE t SET w = 'new' WHERE id = 'x'");
    pair.converge();
    CHECK(pair.engine(1).status().quarantined == 1);
    SECTION("while its engine runs") {
        pair.write(1, kRename);
    }
    SECTION("while it does not") {
        pair.stop(1);
        pair.app(1).run(kRename);
        pair.start(1);
    }
    SECTION("together with another write") {
        pair.write(1, std::string(kRename) + "; UPDATE t SET x = 2 WHERE id = 'z'");
        pair.converge();
        CHECK(pair.table(0, "t") == "'x'|'new'|1\n'y'|'old'|1\n'z'|'old'|2");
        pair.write(0, "UPDATE t SET x = 1 WHERE id = 'z'");
    }
    pair.check_same("'x'|'new'|1\n'y'|'old'|1\n'z'|'old'|1");
    // Nothing was stamped anew: a rename moves no rows.
    CHECK(pair.rows_received(0) <= 1);
}

TEST_CASE("edits on both sides before, between and after a rename that is rolled out end alike") {
    RollOut pair;
    const std::size_t first = GENERATE(0U, 1U);
    const bool is_connected = GENERATE(true, false);
    CAPTURE(first, is_connected);
    const std::size_t second = 1 - first;
    if (!is_connected) pair.disconnect(0, 1);
    const auto pass = [&] {
        if (is_connected)
            pair.converge();
        else
            pair.pass(10);
    };
    pair.write(0, "UPDATE t SET v = 'before at 0' WHERE id = 'x'");
    pass();
    pair.write(1, "UPDATE t SET v = 'before at 1' WHERE id = 'y'");
    pass();
    pair.write(first, kRename);
    pass();
    pair.write(first, "UPDATE t SET w = 'between at first' WHERE id IN ('x', 'z')");
    pair.write(first, "INSERT INTO t VALUES ('new', 'w', 2)");
    pass();
    pair.write(second, "UPDATE t SET v = 'between at second' WHERE id IN ('y', 'z')");
    pair.write(second, "INSERT INTO t VALUES ('newer', 'v', 3)");
    pass();
    pair.write(first, "UPDATE t SET w = 'last' WHERE id = 'y'");
    pass();
    pair.write(second, kRename);
    pass();
    pair.write(second, "UPDATE t SET w = 'after' WHERE id = 'x'");
    pair.check_same("'new'|'w'|2\n'newer'|'v'|3\n'x'|'after'|1\n'y'|'last'|1\n'z'|'between at second'|1");
}

TEST_CASE("of edits under both names the later one stays, whoever renames when") {
    RollOut trio(3);
    trio.write(0, kRename);
    trio.write(0, "UPDATE t SET w = 'early' WHERE id = 'x'");
    trio.pass(5);
    trio.write(2, "UPDATE t SET v = 'late' WHERE id = 'x'");
    trio.pass(5);
    trio.write(1, "UPDATE t SET v = 'early' WHERE id = 'y'");
    trio.pass(5);
    trio.write(0, "UPDATE t SET w = 'late' WHERE id = 'y'");
    trio.converge();
    const std::size_t next = GENERATE(1U, 2U);
    CAPTURE(next);
    trio.write(next, kRename);
    trio.converge();
    trio.write(3 - next, kRename);
    trio.check_same("'x'|'late'|1\n'y'|'late'|1\n'z'|'old'|1");
}

TEST_CASE("several columns are renamed in one go, one of them to what another was called") {
    RollOut pair(2, "a, b");
    pair.write(0, "ALTER TABLE t RENAME COLUMN b TO c; ALTER TABLE t RENAME COLUMN a TO b");
    pair.write(0, "UPDATE t SET c = 'c' WHERE id = 'x'");
    pair.converge();
    pair.write(1, "ALTER TABLE t RENAME COLUMN b TO c; ALTER TABLE t RENAME COLUMN a TO b");
    pair.check_same("'x'|'old'|'c'\n'y'|'old'|1\n'z'|'old'|1");
    pair.write(1, "UPDATE t SET b = 'b', c = 'later' WHERE id = 'y'");
    pair.check_same("'x'|'old'|'c'\n'y'|'b'|'later'\n'z'|'old'|1");
}

TEST_CASE("a column that is renamed by rebuilding the table keeps its stamps") {
    RollOut pair;
    pair.write(1, "UPDATE t SET v = 'edited' WHERE id = 'y'");
    pair.converge();
    const std::string rebuild =
        "BEGIN; CREATE TABLE t2(id TEXT PRIMARY KEY, w, x); INSERT INTO t2 SELECT * FROM t; DROP TABLE t; "
        "ALTER "
        "TABLE t2 RENAME TO t; COMMIT";
    const auto before = pair.rows_received(0) + pair.rows_received(1);
    pair.write(0, rebuild);
    pair.converge();
    CHECK(pair.rows_received(0) + pair.rows_received(1) == before);
    pair.write(0, "UPDATE t SET w = 'new' WHERE id = 'x'");
    pair.converge();
    pair.write(1, rebuild);
    pair.check_same("'x'|'new'|1\n'y'|'edited'|1\n'z'|'old'|1");
}

TEST_CASE("a rebuilt table with another column in a column's place has a new one") {
    RollOut pair;
    const std::string columns = GENERATE("w INTEGER, x", "w, x", "x, w");
    CAPTURE(columns);
    const bool is_typed = columns.starts_with("w INTEGER");
    pair.write(0, "BEGIN; CREATE TABLE t2(id TEXT PRIMARY KEY, " + columns +
                      "); INSERT INTO t2(id, w, x) SELECT id, " + (is_typed ? "v" : "'other'") +
                      ", x FROM t; DROP TABLE t; ALTER TABLE t2 RENAME TO t; COMMIT");
    pair.converge();
    // Its values are new writes, of a column that the peer does not have.
    CHECK(pair.engine(1).status().quarantined == 3);
    CHECK(pair.app(1).ask("SELECT DISTINCT v FROM t") == "'old'");
}

TEST_CASE("a name that another column took is that column's") {
    RollOut pair;
    pair.write(0, kRename);
    pair.write(0, "ALTER TABLE t ADD COLUMN v");
    pair.write(1, kRename);
    pair.write(1, "ALTER TABLE t ADD COLUMN v");
    pair.converge();
    pair.write(0, "UPDATE t SET v = 'another' WHERE id = 'x'");
    pair.write(1, "UPDATE t SET w = 'renamed' WHERE id = 'y'");
    pair.check_same("'x'|'old'|1|'another'\n'y'|'renamed'|1|NULL\n'z'|'old'|1|NULL");
}

TEST_CASE("a dropped column's name does not make its successor a renamed one") {
    RollOut pair;
    for (const std::size_t i : {0U, 1U}) {
        pair.write(i, "ALTER TABLE t DROP COLUMN x");
        pair.write(i, "ALTER TABLE t RENAME COLUMN v TO x");
    }
    pair.write(0, "UPDATE t SET x = 'new' WHERE id = 'x'");
    pair.check_same("'x'|'new'\n'y'|'old'\n'z'|'old'");
}

TEST_CASE("a change that was held under the old name is joined under the new one") {
    RollOut pair;
    pair.shift_clock(1, 3'600'000);
    pair.write(1, "UPDATE t SET v = 'from the future' WHERE id = 'x'");
    pair.settle();
    CHECK(pair.engine(0).status().quarantined == 1);
    pair.write(0, kRename);
    pair.settle();
    pair.pass(3'600'000);
    pair.write(1, kRename);
    pair.connect(0, 1);
    pair.check_same("'x'|'from the future'|1\n'y'|'old'|1\n'z'|'old'|1");
}
