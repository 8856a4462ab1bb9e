// Large tables: pages, interruptions, another peer that goes on.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";
constexpr std::int64_t kRows = 3'000;

/// Some 3 MiB: several pages.
const std::string kLarge =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
    "INSERT INTO notes SELECT printf('%06d', i), i, printf('%01000d', i) FROM n";

/// Carries between two devices until so many messages with rows have come from `from`.
void carry_pages(Group& group, std::size_t from, std::size_t to, int pages) {
    for (int idle = 0; pages > 0 && idle < 100; ++idle) {
        const auto carried = group.carry(from, to);
        if (carried && carried->rows > 0) --pages;
        group.carry(to, from);
    }
    REQUIRE(pages == 0);
}

}  // namespace

TEST_CASE("a backfill that is interrupted goes on from another peer, and no durable row travels again") {
    Group group(3, kNotes, {"notes"});
    group.write(0, kLarge);
    group.connect(0, 1);
    group.converge();
    group.connect(0, 2);
    carry_pages(group, 0, 2, 2);
    const auto first = group.rows_received(2);
    CHECK(first > 0);
    CHECK(first < kRows);
    CHECK(group.app(2).ask("SELECT count(*) FROM notes") == std::to_string(first));
    group.stop(0);
    group.stop(2);
    group.start(2);
    CHECK(group.engine(2).status().resources.at(0).ranges.size() == 2);
    group.connect(1, 2);
    group.converge();
    CHECK(group.table(2, "notes") == group.table(1, "notes"));
    CHECK(group.rows_received(2) == kRows);
    CHECK(group.engine(2).status().resources.at(0).ranges.size() == 1);
    CHECK(group.engine(2).status().state == DeviceState::ready);
}

TEST_CASE(
    "a backfill that goes on after a restart expects the rest of its own tables, and its progress goes on") {
    Group group(2, std::string(kNotes) + "; CREATE TABLE tags(id TEXT PRIMARY KEY)", {"tags"});
    group.write(0, "INSERT INTO tags VALUES ('a'), ('b'), ('c')");
    group.connect(0, 1);
    group.converge();
    group.track(0, {"notes"});
    group.write(0, kLarge);
    group.track(1, {"notes"});
    (void)group.events(1);
    carry_pages(group, 0, 1, 2);
    const auto before = group.engine(1).status().backfill;
    REQUIRE(before);
    CHECK(before->rows_total == kRows);
    group.stop(1);
    group.start(1);
    group.connect(0, 1);
    group.settle();
    const auto told = group.events(1);
    const auto started = std::ranges::find(told, EventKind::backfill_started, &Event::kind);
    REQUIRE(started != told.end());
    CHECK(started->rows == kRows - before->rows_done);
    CHECK(started->text == std::to_string(kRows - before->rows_done) + " rows expected, beside " +
                               std::to_string(before->rows_done) + " rows here");
}

TEST_CASE("a new incarnation in the middle of a backfill leaves no border behind where a page once ended") {
    Group group(2, kNotes, {"notes"});
    group.write(0, kLarge);
    group.connect(0, 1);
    carry_pages(group, 0, 1, 2);
    group.stop(1);
    group.set_opening(1, {group.opening(1).count + 1, group.new_mark()});
    group.start(1);
    REQUIRE(group.was_told(1, EventKind::incarnation));
    group.connect(0, 1);
    group.converge();
    CHECK(group.rows_received(1) == kRows);
    group.stop(1);
    group.start(1);
    CHECK(group.engine(1).status().resources.at(0).ranges.size() == 1);
}

TEST_CASE("a sender waits while much of what it sent is not yet durable at its receiver") {
    Group group(2, kNotes, {"notes"});
    group.write(0, kLarge);
    group.write(0, "INSERT INTO notes SELECT id || 'b', title, body FROM notes");
    group.connect(0, 1);
    constexpr std::size_t kPull = 2;
    while (group.log().empty() || group.log().back().kind != kPull) {
        group.carry(0, 1);
        group.carry(1, 0);
    }
    int messages = 0;
    while (group.send(0, 1)) ++messages;
    CHECK(messages > 2);
    CHECK(messages < 7);
    group.converge();
    CHECK(group.rows_received(1) == 2 * kRows);
    CHECK(group.engine(0).is_in_step(group.id(1)));
}

TEST_CASE("a backfill that is interrupted after every single page still moves each row once") {
    Group group(3, kNotes, {"notes"});
    group.write(0, kLarge);
    group.connect(0, 1);
    group.converge();
    std::size_t peer = 0;
    while (group.rows_received(2) < kRows) {
        group.connect(peer, 2);
        carry_pages(group, peer, 2, 1);
        group.disconnect(peer, 2);
        peer = 1 - peer;
    }
    group.connect(0, 2);
    group.converge();
    CHECK(group.rows_received(2) == kRows);
    CHECK(group.is_same("notes"));
}

TEST_CASE("what is written during a backfill, on both sides of its front, arrives") {
    Group group(2, kNotes, {"notes"});
    group.write(0, kLarge);
    group.connect(0, 1);
    carry_pages(group, 0, 1, 2);
    group.write(0, "UPDATE notes SET title = 'early' WHERE id = '000001'");
    group.write(0, "UPDATE notes SET title = 'late' WHERE id = '002999'");
    group.write(0, "DELETE FROM notes WHERE id IN ('000002', '002998')");
    group.write(0, "INSERT INTO notes VALUES ('000000', 'new', ''), ('999999', 'new', '')");
    group.write(1, "INSERT INTO notes VALUES ('000000x', 'own', ''), ('x', 'own', '')");
    group.write(1, "UPDATE notes SET body = 'own' WHERE id = '000003'");
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.app(1).ask("SELECT count(*) FROM notes") == "3002");
    CHECK(group.app(0).ask("SELECT title, length(body) FROM notes WHERE id = '000003'") == "3|3");
    CHECK(group.app(1).ask("SELECT title FROM notes WHERE id IN ('000001', '002999') ORDER BY id") ==
          "'early'\n'late'");
}

TEST_CASE("a backfill tells how far it is, and a transaction of a peer's does not wait for its end") {
    Group group(2, kNotes, {"notes"});
    group.write(0, kLarge);
    group.connect(0, 1);
    carry_pages(group, 0, 1, 2);
    const auto backfill = group.engine(1).status().backfill;
    REQUIRE(backfill);
    CHECK(backfill->peer == group.id(0));
    CHECK(backfill->rows_total == kRows);
    CHECK(backfill->rows_done == group.rows_received(1));
    CHECK(group.engine(1).status().state == DeviceState::backfilling);
    group.converge();
    CHECK_FALSE(group.engine(1).status().backfill);
    const auto told = group.events(1);
    const auto count = [&](EventKind kind) { return std::ranges::count(told, kind, &Event::kind); };
    CHECK(count(EventKind::backfill_started) == 1);
    CHECK(count(EventKind::backfill_done) == 1);
}

TEST_CASE("rows that are deleted travel too, so a late device does not bring them back") {
    Group group(3, kNotes, {"notes"});
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 1), ('b', 2, 2)");
    group.converge();
    group.stop(2);
    group.write(0, "DELETE FROM notes WHERE id = 'a'");
    group.converge();
    group.stop(0);
    group.app(2).run("UPDATE notes SET title = 'old' WHERE id = 'a'");
    group.start(2);
    group.connect(1, 2);
    group.converge();
    CHECK(group.app(1).ask("SELECT id FROM notes") == "'b'");
    CHECK(group.app(2).ask("SELECT id FROM notes") == "'b'");
}

TEST_CASE("an answer whose last page is full with the last key that was asked for ends there") {
    Group group(3, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", {"t"});
    group.connect(0, 1);
    group.connect(1, 2);
    group.converge();
    // The first page ends behind row 1; device 1 passes it on before it has the second.
    group.write(0, "INSERT INTO t VALUES (1, zeroblob(600000)), (2, 2)");
    group.converge();
    CHECK(group.is_connected(1, 2));
    CHECK(group.is_same("t"));
}
