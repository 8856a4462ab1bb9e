// Pages that are applied step by step: for an app's sake, or because people have set a limit.
#include <filesystem>

#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kTables =
    "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body); CREATE TABLE marks(id TEXT PRIMARY KEY, mark)";
constexpr std::int64_t kRows = 3'000;
constexpr std::int64_t kRowsPerSecond = 1'000;

/// Some 3 MiB: several pages.
const std::string kLarge =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
    "INSERT INTO notes SELECT printf('%06d', i), i, printf('%01000d', i) FROM n";

std::int64_t count(Group& group, std::size_t i) {
    return std::stoll(group.app(i).ask("SELECT count(*) FROM notes"));
}

/// Device 1 takes so many rows a second.
void limit(Group& group) {
    group.stop(1);
    group.on_open = [](std::size_t i, EngineOptions& options) {
        if (i == 1) options.rows_per_second_max = kRowsPerSecond;
    };
    group.start(1);
}

}  // namespace

TEST_CASE("under a limit rows come no faster, as smoothly as they can, and all of them") {
    Group group(2, kTables, {"notes", "marks"});
    group.write(0, kLarge);
    limit(group);
    group.connect(0, 1);
    group.settle();
    std::int64_t waited_ms = 0;
    for (std::int64_t before = count(group, 1); before < kRows; before = count(group, 1)) {
        group.pass(50);
        waited_ms += 50;
        // A step is a tenth of a second's rows.
        CHECK(count(group, 1) - before <= kRowsPerSecond / 10);
        CHECK(count(group, 1) <= kRowsPerSecond * waited_ms / 1'000 + kRowsPerSecond / 10);
        REQUIRE(waited_ms < 10'000);
    }
    CHECK(waited_ms >= 2'900);
    CHECK(waited_ms < 3'200);
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.rows_received(1) == kRows);
    CHECK(group.engine(1).status().resources.at(0).ranges.size() == 1);
}

TEST_CASE("what was applied of a page is durable, and does not travel again") {
    Group group(2, kTables, {"notes", "marks"});
    group.write(0, kLarge);
    limit(group);
    group.connect(0, 1);
    group.settle();
    for (int i = 0; i < 3; ++i) group.pass(100);
    const std::int64_t applied = count(group, 1);
    CHECK(applied > 100);
    CHECK(applied < 500);  // Less than a page, which has some 500 of them.
    CHECK(group.rows_received(1) == applied);
    group.stop(1);
    group.on_open = {};
    group.start(1);
    CHECK(group.engine(1).status().resources.at(1).ranges.size() == 2);
    group.connect(0, 1);
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.rows_received(1) == kRows);
}

TEST_CASE("while pages wait others are heard: their rows come, and a ping is answered") {
    Group group(3, kTables, {"notes", "marks"});
    group.write(0, kLarge);
    group.connect(1, 2);
    group.converge();
    limit(group);
    group.connect(1, 2);
    group.connect(0, 1);
    group.settle();
    REQUIRE(count(group, 1) < kRows / 2);
    group.write(2, "INSERT INTO marks VALUES ('here', 'now')");
    group.settle();
    CHECK(group.is_same("marks"));
    CHECK(group.app(1).ask("SELECT count(*) FROM marks") == "1");
    CHECK(count(group, 1) < kRows / 2);
    group.engine(1).receive(group.id(0), message::Ping{77}, group.now(1));
    std::optional<Message> answer;
    while ((answer = group.engine(1).next_message(group.id(0), group.now(1)))) {
        if (answer->index() == Group::kPong) break;
    }
    REQUIRE(answer);
    CHECK(std::get<message::Pong>(*answer).nonce == 77);
}

TEST_CASE("a goodbye is heard after the pages that came before it") {
    Group group(2, kTables, {"notes", "marks"});
    group.write(0, kLarge);
    limit(group);
    group.connect(0, 1);
    group.settle();
    const std::int64_t before = count(group, 1);
    REQUIRE(before < kRows / 2);
    group.engine(1).receive(group.id(0), message::Bye{"for now"}, group.now(1));
    CHECK_FALSE(group.engine(1).is_closed(group.id(0)));
    for (int i = 0; i < 50 && !group.engine(1).is_closed(group.id(0)); ++i) {
        CHECK(group.engine(1).next_deadline());
        group.pass(100);
    }
    CHECK(count(group, 1) > before + 1'000);  // What was in flight.
}

TEST_CASE("pages that wait go with their connection, and are asked for again") {
    Group group(2, kTables, {"notes", "marks"});
    group.write(0, kLarge);
    limit(group);
    group.connect(0, 1);
    group.settle();
    group.disconnect(0, 1);
    const std::int64_t before = count(group, 1);
    group.pass(1'000);
    CHECK(count(group, 1) == before);
    group.connect(0, 1);
    for (int i = 0; i < 50; ++i) group.pass(100);
    CHECK(group.is_same("notes"));
    CHECK(group.rows_received(1) == kRows);
}

TEST_CASE("a step that meets an app's lock is put off, and is done once") {
    Group group(2, kTables, {"notes", "marks"});
    group.write(0, kLarge);
    limit(group);
    group.connect(0, 1);
    group.settle();
    const std::int64_t before = count(group, 1);
    group.app(1).run("BEGIN IMMEDIATE");
    group.pass_alone(200);
    CHECK(count(group, 1) == before);
    REQUIRE(group.engine(1).next_deadline());
    CHECK(*group.engine(1).next_deadline() > group.now(1).steady);  // The host does not spin.
    group.app(1).run("COMMIT");
    for (int i = 0; i < 40; ++i) group.pass(100);
    CHECK(group.is_same("notes"));
    CHECK(group.rows_received(1) == kRows);
}

TEST_CASE("what may be one transaction where it was written is applied as one, whatever the limit") {
    Group group(2, kTables, {"notes", "marks"});
    group.write(0,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
                "INSERT INTO marks SELECT i, i FROM n");
    group.connect(0, 1);
    group.converge();
    limit(group);
    group.write(0, "UPDATE marks SET mark = 'new' WHERE id % 200 = 0");
    group.connect(0, 1);
    for (int i = 0; i < 20; ++i) {
        group.pass(50);
        const std::string news = group.app(1).ask("SELECT count(*) FROM marks WHERE mark = 'new'");
        CHECK((news == "0" || news == "500"));
    }
    CHECK(group.is_same("marks"));
    SECTION("and what comes then waits until that is made up for") {
        group.write(0, "INSERT INTO notes VALUES ('one', 1, 1)");
        CHECK(group.engine(1).next_deadline());
    }
}

TEST_CASE("beside an app that writes, a page that took long is followed by short steps") {
    Group group(2, kTables, {"notes", "marks"});
    group.write(0, kLarge);
    group.connect(0, 1);
    while (count(group, 1) == 0) {
        group.carry(0, 1);
        group.carry(1, 0);
    }
    const std::int64_t page = count(group, 1);
    CHECK(page > 300);
    // All doors until now were at one time: the page took what passes before the next one.
    group.pass_alone(50);
    group.write(1, "INSERT INTO marks VALUES ('mine', 1)");
    group.carry(0, 1);
    CHECK(count(group, 1) == page);
    for (std::int64_t before = page; before < kRows; before = count(group, 1)) {
        group.write(1, "UPDATE marks SET mark = mark + 1");
        group.pass_alone(1);
        while (group.carry(0, 1) || group.carry(1, 0)) {
        }
        CHECK(count(group, 1) - before <= page / 5);
    }
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.is_same("marks"));
    CHECK(group.rows_received(1) == kRows);
}

TEST_CASE("beside an app that writes, the rows that a comparison mends come in short steps") {
    Group group(2, std::string(kTables) + "; CREATE TABLE mine(n)", {"notes", "marks"});
    group.write(0, kLarge);
    group.connect(0, 1);
    group.converge();
    group.stop(1);
    group.app(1).run("INSERT INTO strandline_applying VALUES (1)");
    group.app(1).run("DELETE FROM notes");
    group.app(1).run("DELETE FROM strandline_stamps");
    group.app(1).run("DELETE FROM strandline_fingerprints");
    group.app(1).run("DELETE FROM strandline_applying");
    group.start(1);
    group.connect(0, 1);
    group.converge();
    REQUIRE(count(group, 1) == 0);
    REQUIRE(group.engine(1).verify(false, group.now(1)));
    std::int64_t waited_ms = 0;
    for (std::int64_t before = 0; before < kRows; before = count(group, 1)) {
        REQUIRE(++waited_ms < 5'000);
        group.write(1, "INSERT INTO mine VALUES (1)");
        group.pass_alone(1);
        while (group.carry(0, 1) || group.carry(1, 0)) {
        }
        CHECK(count(group, 1) - before <= 100);
    }
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.engine(1).verified()->is_same);
}

TEST_CASE("the log of a device that only receives stays short, as nobody else brings it into the database") {
    Group group(2, kTables, {"notes", "marks"});
    group.write(0, kLarge);
    group.connect(0, 1);
    group.converge();
    for (int round = 0; round < 40; ++round) {
        group.write(0, "UPDATE notes SET title = " + std::to_string(round));
        group.converge();
    }
    // What one round writes, and what a log may hold before that: forty rounds are many times as much.
    constexpr std::uintmax_t kLogBytesMost = 6 << 20;
    CHECK(std::filesystem::file_size(group.path(1) + "-wal") < kLogBytesMost);
}
