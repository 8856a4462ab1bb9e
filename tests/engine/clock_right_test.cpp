// Clocks that stood far ahead, and are put right.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";
constexpr std::int64_t kYearMs = 365LL * 24 * 3'600'000;

std::string held(Group& group, std::size_t i) {
    return group.app(i).ask("SELECT count(*) FROM strandline_quarantine WHERE kind = 'held'");
}

std::string ceilings(Group& group, std::size_t i) {
    return group.app(i).ask("SELECT count(*) FROM strandline_origins WHERE ceiling > 0");
}

std::string titles(Group& group, std::size_t i) {
    return group.app(i).ask("SELECT id, title FROM notes ORDER BY id");
}

/// Device 0 meets another anew, as when their connection was lost.
void meet(Group& group, std::size_t other) {
    group.disconnect(0, other);
    group.connect(0, other);
    group.converge();
}

void pass_some_pings(Group& group) {
    for (int i = 0; i < 8; ++i) group.pass(5'000);
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
    REQUIRE(titles(group, 2) == "'edited'|'a'\n'gone'|'a'\n'kept'|'a'");
    REQUIRE(held(group, 2) != "0");

    group.shift_clock(0, -kYearMs);
    SECTION("when it connects") {
        meet(group, 1);
    }
    SECTION("or while it is connected") {
        pass_some_pings(group);
    }
    CHECK(group.was_told(0, EventKind::incarnation));
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(held(group, i) == "0");
        CHECK(titles(group, i) == "'edited'|'ahead'\n'kept'|'a'\n'new'|'a'\n'twice'|'again'");
        CHECK_FALSE(group.was_told(i, EventKind::written_again));
    }

    group.write(0,
                "UPDATE notes SET title = 'now' WHERE id = 'edited'; DELETE FROM notes WHERE id = 'twice'");
    group.converge();
    CHECK(titles(group, 2) == "'edited'|'now'\n'kept'|'a'\n'new'|'a'");
    if (ownership == Ownership::shared) {
        group.write(2, "UPDATE notes SET title = 'of 2' WHERE id IN ('edited', 'new')");
        group.converge();
        CHECK(titles(group, 0) == "'edited'|'of 2'\n'kept'|'a'\n'new'|'of 2'");
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
    CHECK_FALSE(group.was_told(0, EventKind::incarnation));
    CHECK(ceilings(group, 0) == "0");
}

TEST_CASE("who let in what was written ahead, as its own clock was wrong, writes it once more") {
    Group group(3, kNotes, {"notes"});
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('n', 'a', 'a'), ('gone', 'a', 'a'), ('other', 'a', 'a')");
    group.converge();
    for (std::size_t i = 0; i < 2; ++i) group.shift_clock(i, kYearMs);
    group.write(0, "UPDATE notes SET title = 'ahead' WHERE id = 'n'; DELETE FROM notes WHERE id = 'gone'");
    group.write(0, "INSERT INTO notes VALUES ('gone', 'again', 'a')");
    group.converge();
    REQUIRE(titles(group, 1) == "'gone'|'again'\n'n'|'ahead'\n'other'|'a'");
    REQUIRE(titles(group, 2) == "'gone'|'a'\n'n'|'a'\n'other'|'a'");
    group.disconnect(0, 1);
    group.shift_clock(0, -kYearMs);
    // Device 2 is told, and writes to what it sees. Device 1 lets that be hidden by what it let in.
    group.disconnect(1, 2);
    meet(group, 2);
    REQUIRE(titles(group, 2) == "'gone'|'again'\n'n'|'ahead'\n'other'|'a'");
    group.write(2, "UPDATE notes SET title = 'later' WHERE id = 'other'");
    group.converge();
    group.connect_all();
    group.converge();
    CHECK(group.was_told(1, EventKind::written_again));
    group.shift_clock(1, -kYearMs);
    pass_some_pings(group);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(held(group, i) == "0");
        CHECK(ceilings(group, i) == "2");
        CHECK(titles(group, i) == "'gone'|'again'\n'n'|'ahead'\n'other'|'later'");
    }
    group.write(0, "UPDATE notes SET title = 'now' WHERE id = 'n'");
    group.converge();
    CHECK(titles(group, 2) == "'gone'|'again'\n'n'|'now'\n'other'|'later'");
    CHECK(group.is_same("notes"));
}

TEST_CASE("two devices that took each other's future stay ahead, are told, and agree all the same") {
    Group group(3, kNotes, {"notes"});
    group.connect_all();
    group.converge();
    for (std::size_t i = 0; i < 2; ++i) group.shift_clock(i, kYearMs);
    group.write(0, "INSERT INTO notes VALUES ('a', 'ahead', 'a')");
    group.write(1, "INSERT INTO notes VALUES ('b', 'ahead', 'b')");
    group.converge();
    for (std::size_t i = 0; i < 2; ++i) group.shift_clock(i, -kYearMs);
    meet(group, 2);
    pass_some_pings(group);
    CHECK(std::ranges::count(group.events(0), EventKind::clock_skew, &Event::kind) == 1);
    CHECK(ceilings(group, 0) == "0");
    let_a_year_pass(group);
    CHECK(titles(group, 2) == "'a'|'ahead'\n'b'|'ahead'");
    CHECK(group.is_same("notes"));
}

TEST_CASE("a device whose copy was put right goes on as a new origin, and is heard of") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.shift_clock(0, kYearMs);
    group.write(0, "INSERT INTO notes VALUES ('n', 'ahead', 'a')");
    group.converge();
    group.stop(0);
    const std::size_t copy = group.clone(0);
    group.start(0);
    group.shift_clock(copy, -kYearMs);
    group.connect(copy, 1);
    group.converge();
    REQUIRE(group.was_told(copy, EventKind::incarnation));
    REQUIRE(titles(group, 1) == "'n'|'ahead'");
    group.disconnect(copy, 1);
    const auto life = [&] { return group.app(0).ask("SELECT incarnation FROM strandline_device"); };
    const std::string before = life();
    group.connect(0, 1);
    group.converge();
    CHECK(life() != before);
    group.shift_clock(0, -kYearMs);
    group.write(0, "UPDATE notes SET title = 'later' WHERE id = 'n'");
    pass_some_pings(group);
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
        CHECK(titles(group, i) == "'n'|'later'");
        CHECK(held(group, i) == "0");
    }
}
