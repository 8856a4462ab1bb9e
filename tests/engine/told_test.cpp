// What people are told: states, peers, tables, rows that wait; and when.
#include <catch2/catch.hpp>

#include "engine/limits.h"
#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";

std::vector<std::string> texts(const std::vector<Event>& events, EventKind kind) {
    std::vector<std::string> texts;
    for (const Event& event : events) {
        if (event.kind == kind) texts.push_back(event.text);
    }
    return texts;
}

}  // namespace

TEST_CASE("being in step is told when it is so, not at the next pulse") {
    Group group(2, kNotes, {"notes"});
    REQUIRE(group.engine(0).trust(group.id(1), "", group.now(0)));
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2)");
    group.connect(0, 1);
    for (int i = 0; i < 3; ++i) group.pass(0);
    REQUIRE(group.engine(1).is_in_step(group.id(0)));
    CHECK(group.was_told(0, EventKind::in_step));
    CHECK(group.was_told(1, EventKind::in_step));
    CHECK(read_status(group.path(0), true)->peers.at(0).behind == 0);

    // After that once a second, however often a busy writer makes it so,
    for (int i = 0; i < 20; ++i) {
        group.write(0, "UPDATE notes SET title = title + 1");
        group.settle();
        group.pass(10);
    }
    CHECK(texts(group.events(0), EventKind::in_step).size() <= 1);
    CHECK(texts(group.events(1), EventKind::in_step).size() <= 1);

    // and ever more seldom the longer he goes on; but after a while of rest as often as at first.
    const auto write_for = [&](int seconds) {
        for (int i = 0; i < 10 * seconds; ++i) {
            group.write(0, "UPDATE notes SET title = title + 1");
            group.send(0, 1);
            group.pass_alone(10);  // It sees that it is out of step.
            group.settle();
            group.pass(100);
        }
        return texts(group.events(0), EventKind::in_step).size();
    };
    const auto in_ten_minutes = write_for(600);
    CHECK(in_ten_minutes >= 10);
    CHECK(in_ten_minutes <= 20);
    for (int i = 0; i < 300; ++i) group.pass(1'000);
    (void)group.events(0);
    CHECK(write_for(5) >= 2);
}

TEST_CASE("a backfill whose first page does not come is a backfill all the same") {
    Group group(2, kNotes, {"notes"});
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2)");
    group.pass(1'100);  // Figures have just been written, and are not due.
    group.connect(0, 1);
    bool has_pages = false;
    group.on_send = [&](std::size_t, std::size_t, const Message& message) {
        has_pages = has_pages || std::holds_alternative<message::Pages>(message);
    };
    for (int i = 0; i < 50 && !has_pages; ++i) {
        group.carry(1, 0);
        if (group.send(0, 1) && !has_pages) group.carry(0, 1);
    }
    REQUIRE(has_pages);
    group.engine(1).advance(group.now(1));
    CHECK(group.app(1).ask("SELECT count(*) FROM notes") == "0");
    const auto status = read_status(group.path(1), false);
    REQUIRE(status);
    CHECK(status->state == DeviceState::backfilling);
    REQUIRE(status->backfill);
    CHECK(status->backfill->rows_total == 1);
}

TEST_CASE("a peer that was never heard from is told apart from one that lacks everything") {
    Group group(2, kNotes, {"notes"});
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2)");
    REQUIRE(group.engine(0).trust(group.id(1), "friend", group.now(0)));
    const auto before = read_status(group.path(0), true)->peers.at(0);
    CHECK_FALSE(before.heard);
    CHECK(before.behind == 1);
    group.connect(0, 1);
    group.pass(1'100);
    group.disconnect(0, 1);
    CHECK(read_status(group.path(0), true)->peers.at(0).heard);
}

TEST_CASE("a tracked table that was dropped is shown as not there, looked at or not") {
    Group group(1, kNotes, {"notes"});
    CHECK(read_status(group.path(0), true)->resources.at(0).is_there);
    group.app(0).run("DROP TABLE notes");
    CHECK_FALSE(read_status(group.path(0), true)->resources.at(0).is_there);
    group.engine(0).database_changed(group.now(0));
    CHECK_FALSE(read_status(group.path(0), true)->resources.at(0).is_there);
    group.write(0, kNotes);
    CHECK(read_status(group.path(0), true)->resources.at(0).is_there);
}

TEST_CASE("a row that could not be applied is named, by its key as SQL has it, and why") {
    Group group(2, "", {});
    group.app(0).run("CREATE TABLE t(k TEXT, n REAL, v, PRIMARY KEY (k, n))");
    group.app(1).run("CREATE TABLE t(k TEXT, n REAL, v CHECK (v <> 'bad'), PRIMARY KEY (k, n))");
    for (std::size_t i : {0U, 1U}) group.track(i, {"t"});
    group.connect(0, 1);
    group.converge();
    (void)group.events(1);
    group.write(0, "INSERT INTO t VALUES ('it''s', 0.1, 'bad')");
    group.converge();
    const auto told = texts(group.events(1), EventKind::quarantined);
    REQUIRE(told.size() == 1);
    CHECK_THAT(told[0],
               Catch::Contains("CHECK constraint failed") && Catch::EndsWith("(row k = 'it''s', n = 0.1)"));
}

TEST_CASE("of a thousand rows that could not be applied some are named and the rest counted") {
    Group group(2, "", {});
    group.app(0).run("CREATE TABLE t(k INTEGER PRIMARY KEY, v)");
    group.app(1).run("CREATE TABLE t(k INTEGER PRIMARY KEY, v CHECK (v <> 'bad'))");
    for (std::size_t i : {0U, 1U}) group.track(i, {"t"});
    group.connect(0, 1);
    group.converge();
    (void)group.events(1);
    group.write(0,
                "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < 1000) "
                "INSERT INTO t SELECT k, 'bad' FROM n");
    group.converge();
    std::int64_t rows = 0;
    std::size_t count = 0;
    for (const Event& event : group.events(1)) {
        if (event.kind != EventKind::quarantined) continue;
        rows += event.rows;
        ++count;
    }
    CHECK(rows == 1'000);
    CHECK(count == engine::kNamedRowsMax + 1);
}

TEST_CASE("a device does not let itself in") {
    Group group(1, kNotes, {});
    const auto trusted = group.engine(0).trust(group.id(0), "me", group.now(0));
    REQUIRE_FALSE(trusted);
    CHECK(trusted.error().category == Category::usage);
    CHECK_FALSE(group.engine(0).is_trusted(group.id(0)));
}

TEST_CASE("WAL mode that somebody turned off while no engine ran is on again, and told") {
    Group group(2, kNotes, {"notes"});
    group.stop(0);
    group.close_app(0);
    group.reopen_app(0);
    REQUIRE(group.app(0).ask("PRAGMA journal_mode = DELETE") == "'delete'");
    group.app(0).run("INSERT INTO notes VALUES ('a', 1, 2)");
    group.start(0);
    group.pass(1'100);
    CHECK(group.app(0).ask("SELECT count(*) FROM notes") == "1");
    CHECK(group.app(0).ask("PRAGMA journal_mode") == "'wal'");
    const auto told = texts(group.events(0), EventKind::trouble);
    REQUIRE(told.size() == 1);
    CHECK_THAT(told[0], Catch::Contains("WAL"));
    CHECK_FALSE(group.app(0).refusal("PRAGMA journal_mode = DELETE").empty());
    group.connect(0, 1);
    group.converge();
    CHECK(group.is_same("notes"));
}

TEST_CASE("a device that has nothing to do leaves its disk alone") {
    Group group(2, kNotes, {"notes"});
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2)");
    group.connect(0, 1);
    group.converge();
    for (int i = 0; i < 120; ++i) group.pass(1'000);

    // Heartbeats go to and fro meanwhile, and what they count is written once a minute.
    const auto commits = [&] { return group.app(1).ask("PRAGMA data_version"); };
    const auto bytes_in_file = [&] { return read_status(group.path(1), true)->sent.bytes; };
    std::string seen = commits();
    const auto bytes_seen = bytes_in_file();
    std::int64_t counted = 0;
    int count = 0;
    for (int second = 0; second < 600; ++second) {
        group.engine(1).count_bytes(10, 0);
        counted += 10;
        group.pass(1'000);
        const std::string now = commits();
        if (now == seen) continue;
        seen = now;
        ++count;
        CHECK(bytes_in_file() == bytes_seen + counted);
    }
    CHECK(count == 10);
}
