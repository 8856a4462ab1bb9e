// A column is dropped on one device, while others have it: what that device passes on must not hide its values.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

/// 0 has all columns, and 1 has dropped one; 2 came later, and has them all.
struct Dropped : Group {
    explicit Dropped(Ownership ownership = Ownership::shared)
        : Group(3, "CREATE TABLE t(id TEXT PRIMARY KEY, v, x)", {"t"}, ownership) {
        connect(0, 1);
        write(0, "INSERT INTO t VALUES ('a', 'v', 'x'), ('b', 'v', 'x')");
        converge();
        write(1, "ALTER TABLE t DROP COLUMN x");
        converge();
    }
    void check_same(const std::string& rows) {
        converge();
        CHECK(table(0, "t") == rows);
        CHECK(table(2, "t") == rows);
        CHECK(engine(2).status().quarantined == 0);
    }
};

}  // namespace

TEST_CASE("rows that came without a dropped column's values get them from a peer that has them") {
    const auto ownership = GENERATE(Ownership::shared, Ownership::device_owned);
    Dropped group(ownership);
    SECTION("from a device that has them all") {}
    SECTION("although the row was edited where the column is gone") {
        if (ownership == Ownership::device_owned) return;
        group.write(1, "UPDATE t SET v = 'edited' WHERE id = 'a'");
    }
    group.disconnect(0, 1);
    group.connect(1, 2);
    group.converge();
    CHECK(group.engine(2).status().quarantined == 2);
    CHECK(group.table(2, "t").empty());
    group.stop(2);
    group.start(2);
    group.connect(0, 2);
    group.connect(0, 1);
    group.converge();
    group.check_same(group.table(0, "t"));
    CHECK(group.table(2, "t").find("'x'") != std::string::npos);
}

TEST_CASE("who has asked for a dropped column's values does not ask again, nor one that has dropped it too") {
    Dropped group;
    group.disconnect(0, 1);
    group.connect(1, 2);
    group.converge();
    const auto received = group.rows_received(2);
    CHECK(received == 2);
    group.disconnect(1, 2);
    group.connect(1, 2);
    group.converge();
    CHECK(group.rows_received(2) == received);
    group.connect(0, 2);
    group.converge();
    CHECK(group.rows_received(2) == received + 2);
    group.disconnect(0, 2);
    group.connect(0, 2);
    group.converge();
    CHECK(group.rows_received(2) == received + 2);
    group.check_same("'a'|'v'|'x'\n'b'|'v'|'x'");
}

TEST_CASE("what was asked of others is passed on, to a device that waits for it too") {
    Dropped group;
    const std::size_t last = group.add();
    group.app(last).run("CREATE TABLE t(id TEXT PRIMARY KEY, v, x)");
    group.track(last, {"t"});
    group.disconnect(0, 1);
    group.connect(1, 2);
    group.connect(2, last);
    group.converge();
    CHECK(group.engine(last).status().quarantined == 2);
    group.connect(0, 2);
    group.check_same("'a'|'v'|'x'\n'b'|'v'|'x'");
    CHECK(group.table(last, "t") == group.table(0, "t"));
    CHECK(group.engine(last).status().quarantined == 0);
}

TEST_CASE("a dropped column's value is not in the way of a device that has not the column either") {
    Dropped group;
    const bool had_it = GENERATE(true, false);
    CAPTURE(had_it);
    const std::size_t relay = group.add();
    group.app(relay).run(had_it ? "CREATE TABLE t(id TEXT PRIMARY KEY, v, x)"
                                : "CREATE TABLE t(id TEXT PRIMARY KEY, v)");
    group.track(relay, {"t"});
    if (had_it) group.write(relay, "ALTER TABLE t DROP COLUMN x");
    group.disconnect(0, 1);
    group.connect(1, relay);
    group.converge();
    CHECK(group.table(relay, "t") == "'a'|'v'\n'b'|'v'");
    CHECK(group.engine(relay).status().quarantined == 0);
    // It passes on that they are not all that there is.
    group.disconnect(1, relay);
    group.connect(relay, 2);
    group.converge();
    CHECK(group.engine(2).status().quarantined == 2);
    group.connect(0, 2);
    group.check_same("'a'|'v'|'x'\n'b'|'v'|'x'");
}

TEST_CASE(
    "a row without a dropped column's value is complete with the next write of it, or without the column") {
    Dropped group;
    group.disconnect(0, 1);
    group.connect(1, 2);
    group.converge();
    SECTION("a write elsewhere") {
        group.write(0, "UPDATE t SET x = 'later'");
        group.connect(0, 2);
        group.check_same("'a'|'v'|'later'\n'b'|'v'|'later'");
    }
    SECTION("the column is dropped here, too") {
        group.write(2, "ALTER TABLE t DROP COLUMN x");
        group.converge();
        CHECK(group.table(2, "t") == "'a'|'v'\n'b'|'v'");
        CHECK(group.engine(2).status().quarantined == 0);
    }
    SECTION("the row is inserted here") {
        group.write(2, "INSERT INTO t VALUES ('a', 'mine', 'mine')");
        group.connect(0, 2);
        group.check_same("'a'|'mine'|'mine'\n'b'|'v'|'x'");
    }
}

TEST_CASE("a column that is added again is told, as its DEFAULT takes the place of what others have") {
    Dropped group;
    (void)group.events(1);
    group.write(1, "ALTER TABLE t ADD COLUMN y");
    group.converge();
    CHECK_FALSE(group.was_told(1, EventKind::trouble));
    group.write(1, "ALTER TABLE t ADD COLUMN x DEFAULT 'new'");
    group.converge();
    CHECK(group.was_told(1, EventKind::trouble));
    CHECK(group.app(0).ask("SELECT x FROM t") == "'new'\n'new'");
}

TEST_CASE(
    "what was written to a dropped column waits for those who have it, and no longer than there are any") {
    Dropped group;
    group.connect(1, 2);
    group.connect(0, 2);
    group.converge();
    group.disconnect(0, 2);
    group.write(0, "UPDATE t SET x = 'late' WHERE id = 'a'");
    group.converge();
    CHECK(group.engine(1).status().quarantined == 1);
    CHECK(group.table(2, "t") == "'a'|'v'|'late'\n'b'|'v'|'x'");

    group.write(0, "ALTER TABLE t DROP COLUMN x");
    group.write(0, "UPDATE t SET v = 'edited' WHERE id = 'a'");
    group.converge();
    CHECK(group.engine(1).status().quarantined == 1);
    CHECK(group.table(2, "t") == "'a'|'edited'|'late'\n'b'|'v'|'x'");

    group.write(2, "ALTER TABLE t DROP COLUMN x");
    group.converge();
    CHECK(group.table(1, "t") == "'a'|'edited'\n'b'|'v'");
    CHECK(group.is_same("t"));
    for (std::size_t i = 0; i < group.size(); ++i) CHECK(group.engine(i).status().quarantined == 0);
    group.write(0, "UPDATE t SET v = 'again' WHERE id = 'a'");
    group.converge();
    CHECK(group.table(1, "t") == "'a'|'again'\n'b'|'v'");
}

TEST_CASE("an edit of a column that was dropped on the way is asked of its writer") {
    Dropped group;
    group.connect(0, 2);
    group.converge();
    group.disconnect(0, 2);
    group.disconnect(0, 1);
    const std::size_t other = group.add();
    group.app(other).run("CREATE TABLE t(id TEXT PRIMARY KEY, v, x)");
    group.track(other, {"t"});
    group.connect(0, other);
    group.converge();
    group.write(0, "UPDATE t SET x = 'edited' WHERE id = 'a'");
    group.converge();
    group.write(other, "ALTER TABLE t DROP COLUMN x");
    group.disconnect(0, other);
    group.connect(other, 2);
    group.converge();
    // The row stays as it is until the value comes.
    CHECK(group.table(2, "t") == "'a'|'v'|'x'\n'b'|'v'|'x'");
    CHECK(group.engine(2).status().quarantined == 1);
    group.connect(0, 2);
    group.check_same("'a'|'v'|'edited'\n'b'|'v'|'x'");
}

TEST_CASE("what is written after a column was dropped is whole without it") {
    Dropped group;
    group.write(1, "INSERT INTO t VALUES ('c', 'after')");
    group.write(1, "UPDATE t SET v = 'edited' WHERE id = 'b'");
    group.converge();
    CHECK(group.table(0, "t") == "'a'|'v'|'x'\n'b'|'edited'|'x'\n'c'|'after'|NULL");
    CHECK(group.engine(0).status().quarantined == 0);
}

TEST_CASE("a row that waits for a column says which, also when that is there and another went at once") {
    Group group(2, "", {});
    group.app(0).run("CREATE TABLE u(id TEXT PRIMARY KEY, v, w)");
    group.app(1).run("CREATE TABLE u(id TEXT PRIMARY KEY, v)");
    for (const std::size_t i : {0U, 1U}) group.track(i, {"u"});
    group.write(0, "INSERT INTO u VALUES ('a', 1, 2)");
    group.connect(0, 1);
    group.converge();
    const auto reason = [&] { return group.app(1).ask("SELECT reason FROM strandline_quarantine"); };
    REQUIRE(reason().find("\"w\"") != std::string::npos);
    group.write(1, "BEGIN; ALTER TABLE u ADD COLUMN w; ALTER TABLE u DROP COLUMN v; COMMIT");
    group.converge();
    CHECK(reason().find("\"v\"") != std::string::npos);
    group.write(0, "ALTER TABLE u DROP COLUMN v");
    group.converge();
    CHECK(group.engine(1).status().quarantined == 0);
    CHECK(group.table(1, "u") == "'a'|2");
}
