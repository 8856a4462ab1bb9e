// Clocks that stood far ahead, and are put right.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";
constexpr std::int64_t kYearMs = 365LL * 24 * 3'600'000;

std::string held(Group& group, std::size_t i) {
    return group.app(i).ask("SELECT count(*) FROM strandline_quarantine");
}

/// Device 0 meets device 1 anew, as when its connection was lost.
void meet(Group& group, std::size_t other) {
    group.disconnect(0, other);
    group.connect(0, other);
    group.converge();
    group.connect(0, other);  // Whose clock was put right ends the sessions in which it had said otherwise.
    group.converge();
}

/// A year passes, and whatever was held for it.
void let_a_year_pass(Group& group) {
    for (std::size_t i = 0; i < group.size(); ++i) group.shift_clock(i, kYearMs + 600'000);
    group.pass(61'000);
    group.pass(61'000);
}

}  // namespace

TEST_CASE(
    "what was written a year ahead is seen at once when the clock is put right, and never comes again") {
    const auto ownership = GENERATE(Ownership::shared, Ownership::device_owned);
    Group group(3, kNotes, {"notes"}, ownership);
    group.connect(0, 1);
    group.connect(1, 2);
    group.write(0, "INSERT INTO notes VALUES ('kept', 'a', 'a'), ('edited', 'a', 'a'), ('gone', 'a', 'a')");
    group.converge();
    REQUIRE(group.is_same("notes"));
    group.shift_clock(0, kYearMs);
    group.write(0, "INSERT INTO notes VALUES ('new', 'a', 'a'), ('twice', 'a', 'a'), ('short', 'a', 'a')");
    group.write(0, "UPDATE notes SET title = 'ahead' WHERE id IN ('edited', 'twice')");
    group.converge();
    group.write(0, "DELETE FROM notes WHERE id IN ('gone', 'twice', 'short')");
    group.write(0, "INSERT INTO notes VALUES ('twice', 'again', 'again')");
    group.converge();
    REQUIRE(group.app(2).ask("SELECT count(*) FROM notes") == "3");
    REQUIRE(held(group, 2) != "0");

    group.shift_clock(0, -kYearMs);
    meet(group, 1);
    CHECK(group.was_told(0, EventKind::incarnation));
    CHECK(group.app(2).ask("SELECT id, title FROM notes ORDER BY id") ==
          "'edited'|'ahead'\n'kept'|'a'\n'new'|'a'\n'twice'|'again'");
    CHECK(group.is_same("notes"));
    for (std::size_t i = 0; i < 3; ++i) CHECK(held(group, i) == "0");

    group.write(0, "UPDATE notes SET title = 'now' WHERE id = 'edited'");
    group.converge();
    CHECK(group.app(2).ask("SELECT title FROM notes WHERE id = 'edited'") == "'now'");
    if (ownership == Ownership::shared) {
        group.write(2, "UPDATE notes SET title = 'of 2' WHERE id IN ('edited', 'new')");
        group.converge();
        CHECK(group.app(0).ask("SELECT DISTINCT title FROM notes WHERE id IN ('edited', 'new')") == "'of 2'");
    }
    const std::string before = group.table(1, "notes");
    let_a_year_pass(group);
    CHECK(group.table(1, "notes") == before);
    CHECK(group.is_same("notes"));
}

TEST_CASE("a device goes on with stamps of the future while no peer's clock agrees with its own") {
    Group group(2, kNotes, {"notes"});
    group.shift_clock(0, kYearMs);
    group.write(0, "INSERT INTO notes VALUES ('n', 'a', 'a')");
    SECTION("because both are wrong") {
        group.shift_clock(0, -kYearMs - 400'000);
    }
    SECTION("or both have forgotten the time") {
        for (std::size_t i = 0; i < 2; ++i) group.shift_clock(i, -group.now(i).wall.value);
    }
    meet(group, 1);
    CHECK(!group.was_told(0, EventKind::incarnation));
    CHECK(group.app(0).ask("SELECT count(*) FROM strandline_voids") == "0");
}

TEST_CASE(
    "what is void stays held until what was written in its place is there, should its device die before") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.converge();
    group.shift_clock(0, kYearMs);
    group.write(0, "INSERT INTO notes VALUES ('n', 'a', 'a')");
    group.converge();
    REQUIRE(held(group, 1) == "1");
    group.shift_clock(0, -kYearMs);
    group.disconnect(0, 1);
    group.connect(0, 1);
    // Hello and Have both ways, and no page.
    while (group.app(1).ask("SELECT count(*) FROM strandline_voids") == "0") {
        REQUIRE(group.carry(1, 0).value_or(Group::Carried{}).kind != Group::kPages);
        REQUIRE(group.carry(0, 1).value_or(Group::Carried{}).kind != Group::kPages);
    }
    CHECK(held(group, 1) == "1");
    SECTION("it dies, and a year later its last words are let in") {
        group.stop(0);
        group.shift_clock(1, kYearMs);
        group.pass(61'000);
        CHECK(group.app(1).ask("SELECT title FROM notes") == "'a'");
    }
    SECTION("it lives") {
        group.converge();
        CHECK(held(group, 1) == "0");
        CHECK(group.app(1).ask("SELECT title FROM notes") == "'a'");
    }
}

TEST_CASE("two devices that were ahead together, and one that was not, agree when both are put right") {
    const auto ownership = GENERATE(Ownership::shared, Ownership::device_owned);
    Group group(3, kNotes, {"notes"}, ownership);
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('n', 'a', 'a'), ('gone', 'a', 'a')");
    group.converge();
    for (std::size_t i = 0; i < 2; ++i) group.shift_clock(i, kYearMs);
    group.write(0, "UPDATE notes SET title = 'ahead' WHERE id = 'n'; DELETE FROM notes WHERE id = 'gone'");
    group.write(0, "INSERT INTO notes VALUES ('gone', 'again', 'a')");
    group.converge();
    REQUIRE(group.app(1).ask("SELECT title FROM notes ORDER BY id") == "'again'\n'ahead'");
    REQUIRE(group.app(2).ask("SELECT title FROM notes ORDER BY id") == "'a'\n'a'");
    // The first that is put right finds the other still ahead, which has let in what is void now.
    group.shift_clock(0, -kYearMs);
    meet(group, 2);
    CHECK(group.app(2).ask("SELECT title FROM notes ORDER BY id") == "'again'\n'ahead'");
    meet(group, 1);
    group.shift_clock(1, -kYearMs);
    meet(group, 1);
    group.connect_all();
    group.converge();
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(held(group, i) == "0");
        CHECK(group.app(i).ask("SELECT title FROM notes ORDER BY id") == "'again'\n'ahead'");
    }
    group.write(0, "UPDATE notes SET title = 'now' WHERE id = 'n'");
    group.converge();
    CHECK(group.app(2).ask("SELECT title FROM notes WHERE id = 'n'") == "'now'");
    let_a_year_pass(group);
    CHECK(group.app(1).ask("SELECT title FROM notes ORDER BY id") == "'again'\n'now'");
    CHECK(group.is_same("notes"));
}
