// Deletions that are forgotten while something waits for its time: a row, an edit, or the deletion itself.
#include <catch2/catch.hpp>

#include <string>
#include <utility>

#include "tests/engine/forgetting.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr std::int64_t kHourMs = 3'600'000;

/// Longer than whatever is done now and then waits.
void pass_a_minute(Group& group) {
    for (int i = 0; i < 7; ++i) group.pass(10'000);
    group.converge();
}

}  // namespace

TEST_CASE("a restored device gets back what it wrote for a time to come, from those who hold it back") {
    const bool is_clock_right = GENERATE(false, true);
    Group group(3, kNotes, {"notes"});
    trust_each_other(group);
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('kept', 'a', 'b'), ('gone', 'a', 'b')");
    group.converge();
    copy(group, 0, false);
    group.connect_all();
    group.write(1, "DELETE FROM notes WHERE id = 'gone'");
    group.converge();
    group.write(2, "UPDATE notes SET title = 'c' WHERE id = 'kept'");
    group.converge();
    REQUIRE(eras(group, 1) == "0");
    group.shift_clock(0, kHourMs);
    group.write(0, "INSERT INTO notes VALUES ('later', 'd', 'e')");
    group.converge();
    REQUIRE(ids(group, 1) == "'kept'");
    copy(group, 0, true);
    if (is_clock_right) group.shift_clock(0, -kHourMs);
    group.connect(0, 1);
    group.converge();
    CHECK(ids(group, 0) == (is_clock_right ? "'kept'" : "'kept later'"));
    group.connect_all();
    for (std::size_t i = 0; i < group.size(); ++i) group.shift_clock(i, kHourMs);
    pass_a_minute(group);
    for (std::size_t i = 0; i < group.size(); ++i)
        CHECK(group.app(i).ask("SELECT id, title, body FROM notes WHERE id = 'later'") == "'later'|'d'|'e'");
    CHECK(group.is_same("notes"));
}

TEST_CASE("a row that was written while its deletion waited for its time, and is late, does not come back") {
    // Device 2 gets the row from device 0 first, as one that is deleted; or it is late there, too.
    const bool comes_another_way = GENERATE(true, false);
    CAPTURE(comes_another_way);
    Group group(3, kNotes, {"notes"});
    trust_each_other(group);
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('gone', 'a', 'b'), ('kept', 'a', 'b')");
    group.converge();
    for (const std::size_t early : {0U, 2U}) group.shift_clock(early, kHourMs);
    group.write(0, "DELETE FROM notes WHERE id = 'gone'");
    group.converge();
    // To device 1 the deletion is of a time to come, and what it says to device 2 is slow.
    group.write(1, "INSERT OR REPLACE INTO notes VALUES ('gone', 'c', 'd')");
    REQUIRE(group.send(1, 2));
    const auto carry_the_others = [&] {
        for (int i = 0; i < 100; ++i) {
            for (const auto& [from, to] : {std::pair{0U, 1U}, {0U, 2U}, {1U, 0U}})
                (void)group.carry(from, to);
            if (comes_another_way) (void)group.carry(2, 0);
            (void)group.send(1, 2);
        }
    };
    carry_the_others();
    group.shift_clock(1, kHourMs);
    for (const char* body : {"now the deletion has its time", "and is forgotten", "everywhere"}) {
        group.write(0, std::string("UPDATE notes SET body = '") + body + "' WHERE id = 'kept'");
        carry_the_others();
        group.pass_alone(1'100);  // Receipts are written down once a second.
        carry_the_others();
    }
    CHECK(eras(group, 0) == "0");
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(ids(group, 2) == "'kept'");
    CHECK(eras(group, 2) == "0");
}

TEST_CASE(
    "an edit that waits is let go of where a deletion has ended its row and is forgotten, though its key is "
    "there again") {
    // The edit of another row, which nobody deleted, waits on.
    Group group(3, kNotes, {"notes"});
    trust_each_other(group);
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('kept', 'a', 'b'), ('again', 'a', 'b'), ('edited', 'a', 'b')");
    group.converge();
    group.shift_clock(0, kHourMs);
    group.write(0, "UPDATE notes SET title = 'of a time to come' WHERE id <> 'kept'");
    group.converge();
    REQUIRE(group.app(2).ask("SELECT DISTINCT title FROM notes") == "'a'");
    group.disconnect(0, 2);
    group.disconnect(1, 2);
    for (const std::size_t i : {0U, 1U}) REQUIRE(group.engine(i).park(group.id(2), true, group.now(i)));
    group.write(1, "DELETE FROM notes WHERE id = 'again'");
    group.write(1, "INSERT INTO notes VALUES ('again', 'c', 'd')");
    group.converge();
    group.shift_clock(1, kHourMs);
    for (const char* body : {"what waited has its time", "and the deletion", "is forgotten"}) {
        group.write(0, std::string("UPDATE notes SET body = '") + body + "' WHERE id = 'kept'");
        pass_a_minute(group);
    }
    REQUIRE(eras(group, 0) == "0");
    REQUIRE(eras(group, 1) == "0");
    group.connect_all();
    group.converge();
    CHECK(group.app(2).ask("SELECT title FROM notes WHERE id = 'again'") == "'c'");
    CHECK(group.app(2).ask("SELECT title FROM notes WHERE id = 'edited'") == "'a'");
    group.shift_clock(2, kHourMs);
    pass_a_minute(group);
    CHECK(group.is_same("notes"));
    CHECK(group.app(2).ask("SELECT title FROM notes WHERE id = 'again'") == "'c'");
    CHECK(group.app(2).ask("SELECT title FROM notes WHERE id = 'edited'") == "'of a time to come'");
}

TEST_CASE("a row that waits with its key does not keep the one before it, whose deletion is forgotten") {
    const Ownership ownership = GENERATE(Ownership::shared, Ownership::device_owned);
    CAPTURE(name_of(ownership));
    Group group(3, kNotes, {"notes"}, ownership);
    trust_each_other(group);
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('kept', 'a', 'b'), ('again', 'a', 'b')");
    group.converge();
    copy(group, 2, false);
    group.connect_all();
    group.write(0, "DELETE FROM notes WHERE id = 'again'");
    for (const char* body : {"the deletion", "is acknowledged", "and forgotten"}) {
        group.write(0, std::string("UPDATE notes SET body = '") + body + "' WHERE id = 'kept'");
        group.pass(1'100);
        group.converge();
    }
    REQUIRE(eras(group, 1) == "0");
    group.shift_clock(0, kHourMs);
    group.write(0, "INSERT INTO notes VALUES ('again', 'c', 'd')");
    group.converge();
    REQUIRE(ids(group, 1) == "'kept'");
    copy(group, 2, true);
    group.connect(1, 2);
    group.converge();
    CHECK(ids(group, 2) == "'kept'");
    group.connect_all();
    for (const std::size_t i : {1U, 2U}) group.shift_clock(i, kHourMs);
    pass_a_minute(group);
    CHECK(group.is_same("notes"));
    for (std::size_t i = 0; i < group.size(); ++i)
        CHECK(group.app(i).ask("SELECT title FROM notes WHERE id = 'again'") == "'c'");
}

TEST_CASE(
    "a row that waited while the deletion before it was forgotten leaves the edits that came meanwhile") {
    Group group(3, kNotes, {"notes"});
    trust_each_other(group);
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('kept', 'a', 'b'), ('again', 'a', 'b')");
    group.converge();
    // Device 1 comes when the row of a time to come is there, so nothing is forgotten before.
    for (const std::size_t other : {0U, 2U}) group.disconnect(1, other);
    group.write(0, "DELETE FROM notes WHERE id = 'again'");
    group.write(0, "INSERT INTO notes VALUES ('again', 'c', 'd')");
    group.converge();
    group.shift_clock(2, kHourMs);
    group.write(2, "INSERT OR REPLACE INTO notes VALUES ('again', 'e', 'f')");
    group.connect_all();
    group.converge();
    // Where it has its time the deletion is forgotten, and device 0, where it waits, follows.
    group.shift_clock(1, kHourMs);
    for (const char* body : {"the deletion", "is acknowledged", "and forgotten"}) {
        group.write(2, std::string("UPDATE notes SET body = '") + body + "' WHERE id = 'kept'");
        pass_a_minute(group);
    }
    for (std::size_t i = 0; i < group.size(); ++i) REQUIRE(eras(group, i) == "0");
    REQUIRE(group.app(0).ask("SELECT title FROM notes WHERE id = 'again'") == "'c'");
    group.shift_clock(0, kHourMs);
    group.write(2, "UPDATE notes SET body = 'g' WHERE id = 'again'");
    group.converge();
    pass_a_minute(group);
    for (std::size_t i = 0; i < group.size(); ++i)
        CHECK(group.app(i).ask("SELECT title, body FROM notes WHERE id = 'again'") == "'e'|'g'");
}

TEST_CASE(
    "an edit that waits with the row that it is of outlives the deletion before them, which is forgotten "
    "meanwhile") {
    Group group(2, kNotes, {"notes"});
    trust_each_other(group);
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('a', 'first', 'b')");
    group.converge();
    group.write(0, "DELETE FROM notes WHERE id = 'a'");
    group.settle();
    group.shift_clock(0, kHourMs);
    group.write(0, "INSERT INTO notes VALUES ('a', 'second', 'b')");
    group.settle();
    group.write(0, "UPDATE notes SET title = 'third' WHERE id = 'a'");
    group.settle();
    REQUIRE(ids(group, 1) == "NULL");
    REQUIRE(eras(group, 1) == "1");
    // Device 0 waits for nobody, and the other follows it.
    REQUIRE(group.engine(0).park(group.id(1), true, group.now(0)));
    group.converge();
    REQUIRE(eras(group, 0) == "0");
    REQUIRE(eras(group, 1) == "0");
    REQUIRE(ids(group, 1) == "NULL");
    group.shift_clock(1, kHourMs);
    pass_a_minute(group);
    CHECK(group.app(1).ask("SELECT title FROM notes") == "'third'");
    CHECK(group.is_same("notes"));
}
