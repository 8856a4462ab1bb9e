// Two devices that claim to hold the same are compared by fingerprints, and what differs is repaired.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

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
    Verification verify(std::size_t i) {
        REQUIRE(engine(i).verify(now(i)));
        for (int tries = 0; tries < 20 && !engine(i).verified(); ++tries) pass(10);
        REQUIRE(engine(i).verified());
        return *engine(i).verified();
    }
    /// Takes a row and all that is known of it away, as no app could.
    void lose(std::size_t i, const std::string& where) {
        stop(i);
        app(i).run("INSERT INTO strandline_applying VALUES (1)");
        app(i).run(
            "DELETE FROM strandline_stamps WHERE key IN (SELECT CAST('0' || id AS BLOB) FROM notes WHERE " +
            where + ")");
        app(i).run("DELETE FROM strandline_fingerprints");
        app(i).run("DELETE FROM notes WHERE " + where);
        app(i).run("DELETE FROM strandline_applying");
        start(i);
        connect(0, 1);
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
    REQUIRE(pair.engine(0).verify(pair.now(0)));
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
