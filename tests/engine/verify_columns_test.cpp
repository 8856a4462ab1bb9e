// Tables that change while they are compared: what was not compared is not proved.
#include <catch2/catch.hpp>

#include <functional>
#include <string>

#include "tests/engine/group.h"
#include "tests/engine/losing.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

struct Pair : Group {
    explicit Pair(int rows) : Group(2, "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)", {"notes"}) {
        write(0, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
                     std::to_string(rows) +
                     ") INSERT INTO notes SELECT printf('%06d', i), 'title ' || i, 'body' FROM n");
        connect(0, 1);
        converge();
    }
    /// Device 0 proves with device 1; `meanwhile` hears how many answers have left, before each message is carried.
    Verification verify(bool is_deep, const std::function<void(int answers)>& meanwhile) {
        int answers = 0;
        on_send = [&](std::size_t from, std::size_t, const Message& message) {
            if (from == 1 && std::holds_alternative<message::Compare>(message)) ++answers;
        };
        REQUIRE(engine(0).verify(is_deep, now(0)));
        for (int i = 0; i < 2'000 && !engine(0).verified(); ++i) {
            for (bool is_moving = true; is_moving;) {
                meanwhile(answers);
                const bool there = carry(0, 1).has_value();
                const bool back = carry(1, 0).has_value();
                is_moving = there || back;
            }
            pass_alone(10);
        }
        on_send = {};
        REQUIRE(engine(0).verified());
        return *engine(0).verified();
    }
};

TEST_CASE("an answer about other columns than were asked about is none") {
    Pair pair(100);
    lose_behind_engine(pair, 1, "id = '000007'");
    REQUIRE(pair.engine(0).verify(false, pair.now(0)));
    while (pair.send(0, 1)) continue;  // The question.
    for (const std::size_t i : {1U, 0U}) pair.write(i, "ALTER TABLE notes ADD COLUMN more");
    pair.converge();
    REQUIRE(pair.engine(0).verified());
    CHECK_FALSE(pair.engine(0).verified()->is_same);
    CHECK(pair.verify(false, [](int) {}).rows == 1);
    CHECK(pair.is_same("notes"));
}

TEST_CASE("a column that both add in the middle of a comparison leaves nothing unproved") {
    for (const int when : {1, 3, 6, 10}) {
        Pair pair(20'000);
        lose_behind_engine(pair, 1, "CAST(id AS INTEGER) % 200 = 0");
        bool is_altered = false;
        const auto found = pair.verify(false, [&](int answers) {
            if (answers != when || is_altered) return;
            is_altered = true;
            for (const std::size_t i : {0U, 1U}) pair.write(i, "ALTER TABLE notes ADD COLUMN more");
        });
        CHECK(is_altered);
        CHECK((!found.is_same || pair.is_same("notes")));
        CHECK(pair.verify(false, [](int) {}).is_same);
        CHECK(pair.is_same("notes"));
    }
}

TEST_CASE("a column that comes and goes in the middle of a comparison leaves nothing unproved") {
    for (const int when : {2, 3, 5}) {
        Pair pair(20'000);
        lose_behind_engine(pair, 1, "CAST(id AS INTEGER) % 200 = 0");
        int altered = 0;
        const auto found = pair.verify(false, [&](int answers) {
            if (answers != when + altered || altered == 2) return;
            pair.write(1, altered++ == 0 ? "ALTER TABLE notes ADD COLUMN more"
                                         : "ALTER TABLE notes DROP COLUMN more");
        });
        CHECK(altered == 2);
        CHECK((!found.is_same || pair.is_same("notes")));
    }
}

TEST_CASE("a damaged row that is mended proves nothing of a table with other columns") {
    Pair pair(100);
    lose_behind_engine(pair, 1, "id = '000007'");
    pair.write(0, "ALTER TABLE notes ADD COLUMN more");
    pair.converge();
    pair.write(0,
               "BEGIN; INSERT INTO strandline_applying VALUES (1); UPDATE notes SET body = 'forged' WHERE id "
               "= '000050'; DELETE FROM strandline_applying; COMMIT");
    pair.converge();
    bool is_altered = false;
    const auto found = pair.verify(true, [&](int answers) {
        if (answers != 1 || is_altered) return;
        is_altered = true;
        pair.write(1, "ALTER TABLE notes ADD COLUMN more");
    });
    CHECK(found.mended == 1);
    CHECK((!found.is_same || pair.is_same("notes")));
}

TEST_CASE("tables whose names differ in case alone are compared") {
    Group pair(2, "", {});
    pair.app(0).run("CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)");
    pair.app(1).run("CREATE TABLE Notes(id TEXT PRIMARY KEY, title, body)");
    pair.track(0, {"notes"});
    pair.track(1, {"Notes"});
    pair.write(0, "INSERT INTO notes VALUES ('a', 1, 2)");
    pair.connect(0, 1);
    pair.converge();
    for (const std::size_t asker : {0U, 1U}) {
        REQUIRE(pair.engine(asker).verify(false, pair.now(asker)));
        pair.converge();
        REQUIRE(pair.engine(asker).verified());
        CHECK(pair.engine(asker).verified()->is_same);
    }
}

}  // namespace
