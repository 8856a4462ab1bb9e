// Two devices that claim to hold the same are compared by fingerprints, and what differs is repaired.
#include <catch2/catch.hpp>

#include <algorithm>

#include "tests/engine/group.h"
#include "tests/engine/losing.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";

std::string some_rows(int count) {
    return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
           std::to_string(count) +
           ") INSERT INTO notes SELECT printf('%06d', i), 'title ' || i, 'body' FROM n";
}

/// Two devices that are in step.
struct Pair : Group {
    explicit Pair(int rows, const std::string& schema = kNotes, Ownership ownership = Ownership::shared)
        : Group(2, schema, {"notes"}, ownership) {
        write(0, some_rows(rows));
        connect(0, 1);
        converge();
    }
    Verification verify(std::size_t i, bool is_deep = false) {
        REQUIRE(engine(i).verify(is_deep, now(i)));
        for (int tries = 0; tries < 2'000 && !engine(i).verified(); ++tries) pass(10);
        REQUIRE(engine(i).verified());
        return *engine(i).verified();
    }
    void lose(std::size_t i, const std::string& where) { lose_behind_engine(*this, i, where); }
    /// As somebody does who switches the triggers off, or edits the file.
    void damage(std::size_t i, const std::string& sql) {
        write(i, "BEGIN; INSERT INTO strandline_applying VALUES (1); " + sql +
                     "; DELETE FROM strandline_applying; COMMIT");
        converge();
    }
};

}  // namespace

TEST_CASE("devices that hold the same prove it in one round") {
    Pair pair(3'000);
    const auto found = pair.verify(0);
    CHECK(found.is_same);
    CHECK(found.rounds == 1);
    CHECK(found.rows == 0);
    CHECK(found.left.empty());
    CHECK(pair.was_told(0, EventKind::verified));
    CHECK(pair.verify(1).is_same);
}

TEST_CASE("tables without rows are the same") {
    Pair pair(0);
    CHECK(pair.verify(0).is_same);
}

TEST_CASE("rows that one side lost without a trace are found and come back") {
    for (const std::size_t asker : {0U, 1U}) {
        Pair pair(3'000);
        (void)pair.verify(0);
        pair.lose(1, "id IN ('000001', '001500', '003000')");
        REQUIRE_FALSE(pair.is_same("notes"));
        const auto before = pair.rows_received(1);
        const auto found = pair.verify(asker);
        CHECK(found.is_same);
        CHECK(found.rows == 3);
        CHECK(found.rounds <= 6);
        CHECK(pair.is_same("notes"));
        CHECK(pair.rows_received(1) - before == 3);
        CHECK(pair.verify(asker).rounds == 1);
    }
}

TEST_CASE("many differences are looked into at once, in as many rounds as one takes") {
    Pair pair(20'000);
    pair.lose(1, "CAST(id AS INTEGER) % 20 = 0");
    const auto found = pair.verify(0);
    CHECK(found.is_same);
    CHECK(found.rows == 1'000);
    CHECK(found.rounds <= 8);
    CHECK(pair.is_same("notes"));
}

TEST_CASE("both sides ask at once about many differences") {
    Pair pair(20'000);
    pair.lose(1, "CAST(id AS INTEGER) % 20 = 0");
    for (const std::size_t asker : {0U, 1U}) REQUIRE(pair.engine(asker).verify(false, pair.now(asker)));
    pair.converge();
    for (const std::size_t asker : {0U, 1U}) {
        REQUIRE(pair.engine(asker).verified());
        CHECK(pair.engine(asker).verified()->is_same);
    }
    CHECK(pair.is_same("notes"));
}

TEST_CASE("an answer about another state than was asked about is none") {
    Pair pair(100);
    pair.lose(1, "id = '000007'");
    REQUIRE(pair.engine(0).verify(false, pair.now(0)));
    pair.write(1, "UPDATE notes SET title = 'meanwhile' WHERE id = '000050'");
    pair.converge();
    REQUIRE(pair.engine(0).verified());
    CHECK(pair.engine(0).verified()->is_same);
    CHECK(pair.engine(0).verified()->rows == 1);
    CHECK(pair.is_same("notes"));
}

TEST_CASE("what a comparison repairs survives on both sides, deletes too") {
    Pair pair(100);
    pair.write(0, "DELETE FROM notes WHERE id = '000050'");
    pair.converge();
    pair.lose(1, "id = '000007'");
    // And a deletion that one side knows nothing of any more.
    pair.stop(1);
    pair.app(1).run("DELETE FROM strandline_stamps WHERE key = x'30303030303530'");
    pair.app(1).run("DELETE FROM strandline_fingerprints");
    pair.start(1);
    pair.connect(0, 1);
    pair.converge();
    const auto found = pair.verify(1);
    CHECK(found.is_same);
    CHECK(found.rows == 2);
    CHECK(pair.is_same("notes"));
    CHECK(pair.app(1).ask("SELECT count(*) FROM strandline_stamps WHERE key = x'30303030303530'") == "1");
}

TEST_CASE("writes after a comparison change the sums, and the next one is equal again") {
    Pair pair(2'000);
    CHECK(pair.verify(0).rounds == 1);
    pair.write(0, "UPDATE notes SET title = 'other' WHERE id > '001990'");
    pair.write(1, "DELETE FROM notes WHERE id < '000003'");
    pair.write(1, "INSERT INTO notes VALUES ('0', 'first of all', NULL)");
    pair.converge();
    const auto found = pair.verify(0);
    CHECK(found.is_same);
    CHECK(found.rounds == 1);
    // Summed up from nothing it is the same too.
    pair.stop(1);
    pair.app(1).run("DELETE FROM strandline_fingerprints");
    pair.start(1);
    pair.connect(0, 1);
    pair.converge();
    CHECK(pair.verify(0).rounds == 1);
}

TEST_CASE("rows written by either side in cells and anew have one fingerprint") {
    Pair pair(50);
    pair.write(0, "UPDATE notes SET body = 'of 0'");
    pair.write(1, "UPDATE notes SET title = 'of 1'");
    pair.converge();
    pair.write(1, "UPDATE notes SET id = 'x' || id WHERE id < '000010'");
    pair.converge();
    CHECK(pair.verify(0).rounds == 1);
    CHECK(pair.verify(1).rounds == 1);
}

TEST_CASE("of a device-owned table deleted lives are compared too") {
    Pair pair(50, kNotes, Ownership::device_owned);
    pair.write(1, "INSERT INTO notes VALUES ('mine', 1, 2)");
    pair.write(0, "DELETE FROM notes WHERE id < '000010'");
    pair.converge();
    CHECK(pair.verify(0).rounds == 1);
    CHECK(pair.verify(1).is_same);
}

TEST_CASE("tables with other columns are told, not compared") {
    Pair pair(10);
    pair.app(1).run("ALTER TABLE notes ADD COLUMN more");
    pair.converge();
    const auto found = pair.verify(0);
    CHECK_FALSE(found.is_same);
    REQUIRE(found.left.size() == 1);
    CHECK_THAT(found.left[0], Catch::Contains("other columns"));
}

TEST_CASE("a row that waits in quarantine counts with the values that wait") {
    Pair pair(10);
    pair.app(1).run("CREATE UNIQUE INDEX one_title ON notes(title)");
    pair.write(0, "INSERT INTO notes VALUES ('again', 'title 1', 'b')");
    pair.converge();
    REQUIRE(pair.engine(1).status().quarantined == 1);
    CHECK(pair.verify(0).is_same);
    CHECK(pair.verify(1).rounds == 1);
}

TEST_CASE("a comparison of devices that are not in step waits until they are") {
    Pair pair(10);
    pair.disconnect(0, 1);
    pair.write(0, "INSERT INTO notes VALUES ('late', 1, 2)");
    REQUIRE(pair.engine(0).verify(false, pair.now(0)));
    CHECK_FALSE(pair.engine(0).verified());
    pair.connect(0, 1);
    pair.converge();
    REQUIRE(pair.engine(0).verified());
    CHECK(pair.engine(0).verified()->is_same);
    CHECK(pair.is_same("notes"));
}

TEST_CASE("a column that other devices name otherwise changes no sum of what is kept") {
    Pair pair(2'000);
    CHECK(pair.verify(0).rounds == 1);
    pair.app(0).run("ALTER TABLE notes RENAME COLUMN body TO text");
    pair.app(1).run("ALTER TABLE notes RENAME COLUMN body TO text");
    pair.converge();
    CHECK(pair.verify(0).rounds == 1);
    pair.app(0).run("ALTER TABLE notes DROP COLUMN text");
    pair.app(1).run("ALTER TABLE notes DROP COLUMN text");
    pair.converge();
    CHECK(pair.verify(1).rounds == 1);
}

TEST_CASE(
    "rows that were altered or deleted behind the triggers are found by a deep comparison, and mended") {
    for (const bool has_rowid : {true, false}) {
        Pair pair(3'000, std::string("CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)") +
                             (has_rowid ? "" : " WITHOUT ROWID"));
        const std::string before = pair.table(0, "notes");
        pair.damage(1, "UPDATE notes SET title = 'forged' WHERE id IN ('000001', '001700')");
        pair.damage(1, "DELETE FROM notes WHERE id IN ('000002', '003000')");
        pair.damage(1, "UPDATE notes SET body = NULL WHERE id = '000003'");
        REQUIRE(pair.table(1, "notes") != before);
        CHECK(pair.verify(1).rounds == 1);  // By what was recorded nothing differs.
        REQUIRE(pair.table(1, "notes") != before);
        const auto received = pair.rows_received(1);
        (void)pair.events(1);
        const auto found = pair.verify(1, true);
        CHECK(found.is_same);
        CHECK(found.damaged == 5);
        CHECK(found.mended == 5);
        CHECK(pair.rows_received(1) - received == 5);
        CHECK(pair.table(1, "notes") == before);
        CHECK(pair.table(0, "notes") == before);
        CHECK(pair.was_told(1, EventKind::damaged));
        CHECK(pair.verify(1, true).damaged == 0);
        CHECK(pair.verify(0, true).damaged == 0);
    }
}

TEST_CASE("a comparison that began before the rows were read takes nothing of what reading them finds") {
    Pair pair(20);
    // A question is out while the rows are damaged and read; its answer says of them that all is well.
    REQUIRE(pair.engine(1).verify(false, pair.now(1)));
    pair.write(1,
               "BEGIN; INSERT INTO strandline_applying VALUES (1); UPDATE notes SET body = 'forged'; "
               "DELETE FROM strandline_applying; COMMIT");
    REQUIRE(pair.engine(1).verify(true, pair.now(1)));
    for (int i = 0; i < 100; ++i) pair.pass_alone(10);
    pair.converge();
    REQUIRE(pair.engine(1).verified());
    const auto found = *pair.engine(1).verified();
    CHECK(found.is_same);
    CHECK(found.damaged == 20);
    CHECK(found.mended == 20);
    CHECK(pair.app(1).ask("SELECT count(*) FROM notes WHERE body = 'forged'") == "0");
}

TEST_CASE("a damaged row takes over nothing that is newer, and keeps what was written since") {
    Pair pair(10);
    pair.damage(1, "DELETE FROM notes WHERE id = '000001'");
    pair.damage(1, "UPDATE notes SET body = 'forged' WHERE id IN ('000002', '000003')");
    // Written before the comparison looks: one column of a damaged row, and a row that was gone.
    pair.app(1).run("UPDATE notes SET title = 'of 1' WHERE id = '000003'");
    pair.app(1).run("INSERT INTO notes VALUES ('000001', 'written again', NULL)");
    pair.app(0).run("UPDATE notes SET title = 'of 0' WHERE id = '000002'");
    (void)pair.verify(1, true);
    pair.converge();
    (void)pair.verify(1, true);
    CHECK(pair.is_same("notes"));
    CHECK(pair.app(1).ask("SELECT title, body FROM notes WHERE id = '000001'") == "'written again'|NULL");
    CHECK(pair.app(1).ask("SELECT title, body FROM notes WHERE id = '000002'") == "'of 0'|'body'");
    CHECK(pair.app(1).ask("SELECT title FROM notes WHERE id = '000003'") == "'of 1'");
}

TEST_CASE("what is damaged on both sides is not taken from each other, and is told") {
    Pair pair(10);
    pair.damage(0, "UPDATE notes SET body = 'forged by 0' WHERE id = '000005'");
    pair.damage(1, "UPDATE notes SET body = 'forged by 1' WHERE id = '000005'");
    const auto found = pair.verify(1, true);
    CHECK_FALSE(found.is_same);
    CHECK(found.damaged == 1);
    CHECK(found.mended == 0);
    CHECK(pair.app(1).ask("SELECT body FROM notes WHERE id = '000005'") == "'forged by 1'");
    // A third device has it as it was written.
    pair.add();
    pair.app(2).run(kNotes);
    pair.track(2, {"notes"});
}

TEST_CASE("a row that was put in behind the triggers counts as written here") {
    Pair pair(10);
    pair.damage(1, "INSERT INTO notes VALUES ('unseen', 1, 2)");
    CHECK(pair.table(0, "notes") != pair.table(1, "notes"));
    CHECK(pair.verify(1, true).is_same);
    pair.converge();
    CHECK(pair.is_same("notes"));
    CHECK(pair.app(0).ask("SELECT count(*) FROM notes WHERE id = 'unseen'") == "1");
}

TEST_CASE("rows in quarantine are rightly not in the table") {
    Pair pair(10);
    pair.app(1).run("CREATE UNIQUE INDEX one_title ON notes(title)");
    pair.write(0, "INSERT INTO notes VALUES ('again', 'title 1', 'b')");
    pair.write(0, "UPDATE notes SET title = 'title 2' WHERE id = '000003'");
    pair.converge();
    REQUIRE(pair.engine(1).status().quarantined == 2);
    const auto found = pair.verify(1, true);
    CHECK(found.is_same);
    CHECK(found.damaged == 0);
}

TEST_CASE("of a device-owned table rows of either device are mended") {
    Pair pair(20, kNotes, Ownership::device_owned);
    pair.write(1, "INSERT INTO notes VALUES ('mine', 1, 2)");
    pair.converge();
    const std::string before = pair.table(0, "notes");
    pair.damage(1, "DELETE FROM notes WHERE id IN ('mine', '000007')");
    pair.damage(1, "UPDATE notes SET title = 'forged' WHERE id = '000008'");
    const auto found = pair.verify(1, true);
    CHECK(found.damaged == 3);
    CHECK(found.mended == 3);
    CHECK(pair.table(1, "notes") == before);
    CHECK(pair.is_same("notes"));
}

TEST_CASE("a proof is owed after a life that ended in the middle, and until it has succeeded") {
    Pair pair(100);
    pair.stop(1);
    pair.app(1).run("UPDATE strandline_device SET is_open = 1");
    pair.damage(0, "SELECT 1");
    pair.start(1);
    CHECK(pair.app(1).ask("SELECT owed FROM strandline_device") == "'deep'");
    // Also when the next one ends before anybody could be asked.
    pair.stop(1);
    pair.start(1);
    CHECK(pair.app(1).ask("SELECT owed FROM strandline_device") == "'deep'");
    pair.app(1).run("INSERT INTO strandline_applying VALUES (1)");
    pair.app(1).run("UPDATE notes SET title = 'forged' WHERE id = '000042'");
    pair.app(1).run("DELETE FROM strandline_applying");
    pair.pass(6'000);
    pair.pass(10);
    CHECK(pair.app(1).ask("SELECT owed FROM strandline_device") == "'deep'");
    pair.connect(0, 1);
    pair.converge();
    for (int i = 0; i < 20; ++i) pair.pass(10);
    CHECK(pair.app(1).ask("SELECT owed FROM strandline_device") == "''");
    CHECK(pair.is_same("notes"));
    CHECK(pair.was_told(1, EventKind::damaged));
}

TEST_CASE(
    "once a day devices compare unasked, and nothing is said of what is the same but one question each") {
    Pair pair(100);
    (void)pair.events(0);
    pair.pass(25'000'000);
    CHECK_FALSE(pair.was_told(0, EventKind::verified));
    pair.connect(0, 1);
    pair.pass(62'000'000);
    pair.connect(0, 1);
    pair.converge();
    CHECK(pair.was_told(0, EventKind::verified));
    CHECK(pair.app(0).ask("SELECT owed FROM strandline_device") == "''");
}

TEST_CASE("many tables are compared some at a time, and where none is exchanged nothing is claimed") {
    std::string schema;
    std::vector<std::string> tables;
    for (int i = 0; i < 80; ++i) {
        tables.push_back("t" + std::to_string(i));
        schema += "CREATE TABLE " + tables.back() + "(id TEXT PRIMARY KEY, v);";
    }
    Group group(2, schema, tables);
    group.write(0, "INSERT INTO t0 VALUES ('a', 1); INSERT INTO t79 VALUES ('b', 2)");
    group.connect(0, 1);
    group.converge();
    REQUIRE(group.engine(0).verify(false, group.now(0)));
    for (int i = 0; i < 10; ++i) group.pass(10);
    REQUIRE(group.engine(0).verified());
    CHECK(group.engine(0).verified()->is_same);
    CHECK(group.engine(0).verified()->rounds == 1);
    constexpr std::size_t kCompare = 8;
    CHECK(std::ranges::count_if(group.log(), [](const Group::Carried& carried) {
              return carried.kind == kCompare && carried.from == 0;
          }) == 2);

    Group strangers(2, kNotes, {});
    strangers.connect(0, 1);
    strangers.converge();
    REQUIRE(strangers.engine(0).verify(false, strangers.now(0)));
    for (int i = 0; i < 10; ++i) strangers.pass(10);
    REQUIRE(strangers.engine(0).verified());
    CHECK_FALSE(strangers.engine(0).verified()->is_same);
}

TEST_CASE("many rows that differ are found in parts, and all of them are repaired") {
    Pair pair(12'000);
    (void)pair.verify(0);
    pair.lose(1, "id % 3 = 0");
    const auto found = pair.verify(0);
    CHECK(found.is_same);
    CHECK(found.rows == 4'000);
    CHECK(pair.is_same("notes"));
    pair.damage(0, "DELETE FROM notes WHERE id % 5 = 0");
    const auto deep = pair.verify(0, true);
    CHECK(deep.is_same);
    CHECK(deep.damaged == 2'400);
    CHECK(deep.mended == 2'400);
    CHECK(pair.is_same("notes"));
}

TEST_CASE("a proof that is asked for while another one reads the rows reads them from the first on") {
    Pair pair(20'000);
    REQUIRE(pair.engine(1).verify(true, pair.now(1)));
    for (int i = 0; i < 4; ++i) pair.pass_alone(10);
    REQUIRE_FALSE(pair.engine(1).verified());
    pair.write(
        1,
        "BEGIN; INSERT INTO strandline_applying VALUES (1); UPDATE notes SET body = 'damaged' WHERE id = "
        "'000001'; DELETE FROM strandline_applying; COMMIT");
    CHECK(pair.verify(1, true).is_same);
    CHECK(pair.app(1).ask("SELECT body FROM notes WHERE id = '000001'") == "'body'");
}
