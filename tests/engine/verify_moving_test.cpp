// Two devices that are written to all the time are never in step, and prove all the same that they hold the same.
#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <string>

#include "tests/engine/forgetting.h"
#include "tests/engine/group.h"
#include "tests/engine/losing.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr int kRows = 3'000;
constexpr std::int64_t kBeatMs = 5;

std::string key_of(int number) {
    const std::string digits = std::to_string(number % kRows);
    return "'" + std::string(6 - digits.size(), '0') + digits + "'";
}

/// Two devices whose apps write with every beat, and whose messages take some beats to arrive.
struct Moving : Group {
    Moving() : Group(2, "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)", {"notes"}) {
        write(0, "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < " +
                     std::to_string(kRows - 1) +
                     ") INSERT INTO notes SELECT printf('%06d', i), 'title ' || i, 'body' FROM n");
        trust_each_other(*this);
        connect(0, 1);
        converge();
        for (const std::size_t i : {0U, 1U})
            app(i).run("CREATE TABLE numbers AS SELECT CAST(id AS INTEGER) AS id FROM notes");
    }
    void beat(const std::string& of_0, const std::string& of_1) {
        pass_alone(kBeatMs);
        write(0, of_0);
        write(1, of_1);
        for (const std::size_t from : {0U, 1U}) {
            std::size_t sent = 0;
            while (send(from, 1 - from)) ++sent;
            auto& left = left_[from];
            left.push_back(sent);
            if (left.size() <= kDelayBeats) continue;
            for (std::size_t due = left.front() + late_[from]; due > 0; --due) {
                late_[from] = due;
                if (!carry(from, 1 - from)) break;
                late_[from] = due - 1;
            }
            left.pop_front();
        }
    }
    /// `sql`: what an app writes in a beat of that number.
    template <typename Sql>
    Verification verify(const Sql& sql) {
        for (int i = 0; i < 20; ++i) beat(sql(0, i), sql(1, i));
        const auto number = leave_request(path(0), {"verify", {"shallow", to_hex(id(1))}});
        REQUIRE(number);
        for (int i = 20; i < 4'000 && !engine(0).verified(); ++i) beat(sql(0, i), sql(1, i));
        REQUIRE(engine(0).verified());
        Verification found = *engine(0).verified();
        const auto answered = request_verified(path(0), *number);
        REQUIRE(answered);
        CHECK(answered->is_all == found.is_all);
        for (const std::size_t from : {0U, 1U}) left_[from].clear();
        converge();
        return found;
    }

private:
    static constexpr std::size_t kDelayBeats = 5;
    std::map<std::size_t, std::deque<std::size_t>> left_;  ///< messages, by beats
    std::map<std::size_t, std::size_t> late_;
};

std::string edit_somewhere(std::size_t device, int beat) {
    const int row = beat * (device == 0 ? 1'327 : 811) + 17;
    return "UPDATE notes SET title = 'of " + std::to_string(beat) + "' WHERE id = " + key_of(row);
}

TEST_CASE("devices that are written to all the time prove that they hold the same") {
    Moving pair;
    const auto found = pair.verify(edit_somewhere);
    CHECK(found.is_same);
    CHECK(found.is_all);
    CHECK(found.rows == 0);
    CHECK(pair.is_same("notes"));
}

TEST_CASE("rows that one side lost are found beside writes, and they alone count as different") {
    for (const std::size_t loser : {0U, 1U}) {
        Moving pair;
        lose_behind_engine(pair, loser, "id IN ('000001', '001500', '002998')");
        const auto found = pair.verify([](std::size_t device, int beat) {
            const int row = beat * (device == 0 ? 1'327 : 811) + 17;  // None of those that were lost.
            return "UPDATE notes SET title = 'of " + std::to_string(beat) + "' WHERE id = " + key_of(row) +
                   " AND id NOT IN ('000001', '001500', '002998')";
        });
        CHECK(found.is_same);
        CHECK(found.rows == 3);
        CHECK(pair.is_same("notes"));
    }
}

TEST_CASE("a large table is summed up, some rows a step, before anything is asked about it") {
    Group pair(2, "CREATE TABLE notes(id INTEGER PRIMARY KEY, title)", {"notes"});
    pair.write(0,
               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
               "INSERT INTO notes SELECT i, '' FROM n");
    pair.connect(0, 1);
    pair.converge();
    bool is_asked = false;
    pair.on_send = [&](std::size_t, std::size_t, const Message& message) {
        is_asked = is_asked || std::holds_alternative<message::Compare>(message);
    };
    REQUIRE(pair.engine(0).verify(false, pair.now(0)));
    pair.settle();
    CHECK_FALSE(is_asked);
    pair.converge();
    CHECK(is_asked);
    REQUIRE(pair.engine(0).verified());
    CHECK(pair.engine(0).verified()->is_same);
}

TEST_CASE("a large table that is written to everywhere all the time is summed up, and proved") {
    constexpr int kMany = 40'000;
    constexpr int kSteps = 100;  // Each transaction changes more buckets than one step sums up.
    Group pair(2, "CREATE TABLE notes(id INTEGER PRIMARY KEY, title)", {"notes"});
    pair.write(0, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
                      std::to_string(kMany) + ") INSERT INTO notes SELECT i, '' FROM n");
    pair.connect(0, 1);
    pair.converge();
    REQUIRE(pair.engine(0).verify(false, pair.now(0)));
    for (int i = 0; i < 100 && !pair.engine(0).verified(); ++i) {
        pair.write(0, "UPDATE notes SET title = " + std::to_string(i) + " WHERE id % " +
                          std::to_string(kMany / kSteps) + " = " + std::to_string(i));
        pair.pass_alone(50);
        for (const std::size_t from : {0U, 1U}) {
            while (pair.carry(from, 1 - from)) continue;
        }
    }
    REQUIRE(pair.engine(0).verified());
    CHECK(pair.engine(0).verified()->is_same);
    CHECK(pair.engine(0).verified()->rows == 0);
}

TEST_CASE("a row that is written all the time is left out of a proof, and that is told") {
    Moving pair;
    (void)pair.events(0);
    const auto found = pair.verify([](std::size_t device, int beat) {
        return "UPDATE notes SET " + std::string(device == 0 ? "title" : "body") + " = " +
               std::to_string(beat) + " WHERE id = '000007'";
    });
    CHECK(found.is_same);
    CHECK_FALSE(found.is_all);
    CHECK(found.rows == 0);
    CHECK(pair.is_same("notes"));
    const auto told = pair.events(0);
    CHECK(std::ranges::any_of(told, [](const Event& event) {
        return event.kind == EventKind::verified && event.text.find("left out are rows") != std::string::npos;
    }));
}

TEST_CASE("devices that forget deletions all the time prove that they hold the same") {
    Moving pair;
    const auto found = pair.verify([](std::size_t device, int beat) {
        // Each beat deletes every hundredth row, and brings back what the one before it has deleted.
        const auto rows = [&](int of) {
            return "% 100 = " + std::to_string((2 * of + static_cast<int>(device)) % 100);
        };
        return "DELETE FROM notes WHERE CAST(id AS INTEGER) " + rows(beat) +
               "; INSERT OR IGNORE INTO notes SELECT printf('%06d', id), 'again', 'body' FROM numbers WHERE "
               "id " +
               rows(beat - 1);
    });
    CHECK(found.is_same);
    CHECK(found.rows == 0);
    CHECK(pair.is_same("notes"));
}

TEST_CASE("a row that waits for its time on the other side is no difference") {
    for (const std::size_t asker : {0U, 1U}) {
        Moving pair;
        pair.shift_clock(0, 3'600'000);
        pair.write(0, "INSERT INTO notes VALUES ('early', 1, 2)");
        pair.converge();
        REQUIRE(pair.app(1).ask("SELECT count(*) FROM notes WHERE id = 'early'") == "0");
        REQUIRE(pair.engine(asker).verify(false, pair.now(asker)));
        for (int i = 0; i < 500 && !pair.engine(asker).verified(); ++i) pair.pass(10);
        REQUIRE(pair.engine(asker).verified());
        CHECK(pair.engine(asker).verified()->rows == 0);
        CHECK(pair.engine(asker).verified()->is_same);
        CHECK_FALSE(pair.engine(asker).verified()->is_all);
    }
}

TEST_CASE("a deletion that only one of the two has forgotten is no difference") {
    for (const std::size_t first : {0U, 1U}) {
        Moving pair;
        pair.write(0, "DELETE FROM notes WHERE id = '000007'");
        pair.settle();
        REQUIRE(pair.engine(0).verify(false, pair.now(0)));
        while (pair.send(0, 1)) continue;  // The question.
        for (int i = 0; i < 10; ++i) {
            pair.tick(500);
            pair.engine(first).advance(pair.now(first));
        }
        REQUIRE(eras(pair, first) == "0");
        REQUIRE(eras(pair, 1 - first) == "1");
        pair.settle();
        pair.converge();
        REQUIRE(pair.engine(0).verified());
        CHECK(pair.engine(0).verified()->is_same);
        CHECK(pair.engine(0).verified()->is_all);
        CHECK(pair.engine(0).verified()->rows == 0);
        CHECK(eras(pair, 1 - first) == "0");
    }
}

}  // namespace
