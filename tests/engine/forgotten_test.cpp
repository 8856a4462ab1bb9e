// Deletions that everybody has heard of are forgotten; rows never come back by it, and none is lost.
#include <catch2/catch.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "engine/retention.h"
#include "tests/engine/forgetting.h"

using namespace strandline;
using namespace strandline::tests;

TEST_CASE("a deletion is forgotten when all members have acknowledged it, and not before") {
    Group group(3, kNotes, {"notes"});
    trust_each_other(group);
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('kept', 'a', 'b'), ('gone', 'a', 'b'), ('again', 'a', 'b')");
    group.converge();
    group.disconnect(0, 2);
    group.disconnect(1, 2);
    group.write(0, "DELETE FROM notes WHERE id <> 'kept'");
    group.converge();
    group.write(1, "INSERT INTO notes VALUES ('again', 'c', 'd')");
    group.converge();
    CHECK(eras(group, 0) == "2");
    group.connect_all();
    group.converge();
    group.write(2, "UPDATE notes SET body = 'e' WHERE id = 'again'");
    group.converge();
    for (std::size_t i = 0; i < group.size(); ++i) {
        CHECK(eras(group, i) == "0");
        CHECK(ids(group, i) == "'again kept'");
    }
    group.write(0, "INSERT INTO notes VALUES ('gone', 'f', 'g')");
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(ids(group, 2) == "'again gone kept'");
}

TEST_CASE("a deletion is remembered for a device that only somebody else has let in") {
    Group group(3, kNotes, {"notes"});
    for (const auto& [here, there] : {std::pair(0, 1), {1, 0}, {1, 2}, {2, 1}}) {
        const auto i = static_cast<std::size_t>(here);
        REQUIRE(group.engine(i).trust(group.id(static_cast<std::size_t>(there)), "", group.now(i)));
    }
    group.connect(0, 1);
    group.connect(1, 2);
    group.write(0, "INSERT INTO notes VALUES ('kept', 'a', 'b'), ('gone', 'a', 'b')");
    group.converge();
    REQUIRE(group.engine(0).status().others.size() == 1);
    CHECK(group.engine(0).status().others[0].device == group.id(2));
    group.disconnect(1, 2);
    group.write(0, "DELETE FROM notes WHERE id = 'gone'");
    group.write(2, "UPDATE notes SET body = 'unheard' WHERE id = 'gone'");
    group.converge();
    group.write(1, "UPDATE notes SET body = 'c' WHERE id = 'kept'");
    group.converge();
    CHECK(eras(group, 0) == "1");
    CHECK(eras(group, 1) == "1");
    group.connect(1, 2);
    group.converge();
    group.write(1, "UPDATE notes SET body = 'd' WHERE id = 'kept'");
    group.converge();
    for (std::size_t i = 0; i < group.size(); ++i) {
        CHECK(eras(group, i) == "0");
        CHECK(ids(group, i) == "'kept'");
        CHECK_FALSE(group.was_told(i, EventKind::written_again));
    }
}

TEST_CASE("a restored device is told of deletions that everybody has forgotten, and its own writes survive") {
    const bool is_first_met_by_who_forgot = GENERATE(true, false);
    Group group(3, kNotes, {"notes"});
    trust_each_other(group);
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('kept', 'a', 'b'), ('gone', 'a', 'b'), ('edited', 'a', 'b')");
    group.converge();
    copy(group, 2, false);
    group.connect_all();
    group.write(0, "DELETE FROM notes WHERE id IN ('gone', 'edited')");
    group.converge();
    group.write(0, "UPDATE notes SET title = 'c' WHERE id = 'kept'");
    group.converge();
    REQUIRE(eras(group, 0) == "0");
    copy(group, 2, true);
    REQUIRE(ids(group, 2) == "'edited gone kept'");
    group.write(2, "INSERT INTO notes VALUES ('own', 'a', 'b')");
    group.write(2, "UPDATE notes SET body = 'unheard' WHERE id = 'edited'");
    group.write(2, "UPDATE notes SET body = 'heard' WHERE id = 'kept'");
    group.connect(2, is_first_met_by_who_forgot ? 0 : 1);
    group.converge();
    CHECK(group.was_told(2, EventKind::written_again));
    group.connect_all();
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(ids(group, 0) == "'kept own'");
    CHECK(group.app(1).ask("SELECT title, body FROM notes WHERE id = 'kept'") == "'c'|'heard'");
}

TEST_CASE("a device with rows of its own that nobody waited for keeps them, and learns what was deleted") {
    Group group(2, kNotes, {"notes"});
    trust_each_other(group);
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('kept', 'a', 'b'), ('gone', 'a', 'b')");
    group.converge();
    group.write(1, "DELETE FROM notes WHERE id = 'gone'");
    group.converge();
    group.write(1, "INSERT INTO notes VALUES ('later', 'a', 'b')");
    group.converge();
    REQUIRE(eras(group, 0) == "0");
    const std::size_t late = group.add();
    group.app(late).run(kNotes);
    group.app(late).run("INSERT INTO notes VALUES ('kept', 'c', 'd'), ('own', 'c', 'd'), ('gone', 'c', 'd')");
    group.track(late, {"notes"});
    group.connect_all();
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(ids(group, 0) == "'gone kept later own'");
}

TEST_CASE("who holds less than was forgotten is not asked, until it has caught up") {
    Group group(3, kNotes, {"notes"});
    trust_each_other(group);
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('gone', 'a', 'b')");
    group.converge();
    copy(group, 2, false);
    group.connect_all();
    group.write(0, "DELETE FROM notes");
    group.converge();
    group.write(1, "INSERT INTO notes VALUES ('kept', 'a', 'b')");
    group.converge();
    copy(group, 2, true);
    group.write(2, "UPDATE notes SET body = 'unheard' WHERE id = 'gone'");
    // Its push crosses what it is told.
    group.connect(2, 1);
    for (int i = 0; i < 4; ++i) (void)group.carry(2, 1);
    group.write(2, "UPDATE notes SET title = 'unheard' WHERE id = 'gone'");
    group.connect_all();
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(ids(group, 0) == "'kept'");
}

TEST_CASE("nobody waits for a device that is parked, also after a restart, until it is waited for again") {
    Group group(3, kNotes, {"notes"});
    trust_each_other(group);
    group.connect_all();
    group.write(0,
                "INSERT INTO notes VALUES ('kept', 'a', 'b'), ('gone', 'a', 'b'), ('edited', 'a', 'b'), "
                "('late', 'a', 'b')");
    group.converge();
    group.disconnect(0, 2);
    group.disconnect(1, 2);
    REQUIRE(group.engine(0).park(group.id(2), true, group.now(0)));
    CHECK(group.was_told(0, EventKind::parked));
    group.stop(0);
    group.start(0);
    group.connect(0, 1);
    group.write(0, "DELETE FROM notes WHERE id IN ('gone', 'edited')");
    group.converge();
    group.write(1, "UPDATE notes SET title = 'c' WHERE id = 'kept'");
    group.converge();
    CHECK(eras(group, 0) == "0");
    CHECK(eras(group, 1) == "0");
    REQUIRE(group.engine(0).park(group.id(2), false, group.now(0)));
    group.write(0, "DELETE FROM notes WHERE id = 'late'");
    group.converge();
    CHECK(eras(group, 0) == "1");
    group.write(2, "INSERT INTO notes VALUES ('own', 'a', 'b')");
    group.write(2, "UPDATE notes SET body = 'unheard' WHERE id = 'edited'");
    group.connect_all();
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(ids(group, 0) == "'kept own'");
    CHECK_FALSE(group.engine(0).park(DeviceId{}, true, group.now(0)));
}

TEST_CASE("two devices that parked each other exchange what each has, and no row comes back") {
    Group group(2, kNotes, {"notes"});
    trust_each_other(group);
    group.connect_all();
    group.write(0,
                "INSERT INTO notes VALUES ('kept', 'a', 'b'), ('gone 0', 'a', 'b'), ('gone 1', 'a', 'b'), "
                "('both', 'a', 'b')");
    group.converge();
    group.disconnect(0, 1);
    REQUIRE(group.engine(0).park(group.id(1), true, group.now(0)));
    REQUIRE(group.engine(1).park(group.id(0), true, group.now(1)));
    group.write(0, "DELETE FROM notes WHERE id IN ('gone 0', 'both')");
    group.write(1, "DELETE FROM notes WHERE id IN ('gone 1', 'both')");
    group.write(0, "INSERT INTO notes VALUES ('own 0', 'a', 'b')");
    group.write(1, "INSERT INTO notes VALUES ('own 1', 'a', 'b')");
    group.write(1, "UPDATE notes SET body = 'edited' WHERE id = 'kept'");
    group.converge();
    REQUIRE(eras(group, 0) == "0");
    REQUIRE(eras(group, 1) == "0");
    group.connect(0, 1);
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(ids(group, 0) == "'kept own 0 own 1'");
    CHECK(group.app(0).ask("SELECT body FROM notes WHERE id = 'kept'") == "'edited'");
}

TEST_CASE(
    "a restored device settles what it wrote itself, also with who lacks a deletion that it has forgotten") {
    constexpr std::size_t kRestored = 0;
    constexpr std::size_t kStays = 1;
    constexpr std::size_t kAway = 2;
    Group group(3, "CREATE TABLE readings(id TEXT PRIMARY KEY, value)", {"readings"},
                Ownership::device_owned);
    trust_each_other(group);
    group.connect_all();
    group.write(kRestored, "INSERT INTO readings VALUES ('again', 'old')");
    group.write(kAway, "INSERT INTO readings VALUES ('gone', 'x')");
    group.converge();
    copy(group, kRestored, false);
    group.disconnect(kStays, kAway);
    for (const std::size_t here : {kRestored, kStays}) {
        REQUIRE(group.engine(here).park(group.id(kAway), true, group.now(here)));
        REQUIRE(group.engine(kAway).park(group.id(here), true, group.now(kAway)));
    }
    group.connect(kRestored, kStays);
    group.write(kRestored, "DELETE FROM readings WHERE id = 'again'");
    group.write(kAway, "DELETE FROM readings WHERE id = 'gone'");
    group.converge();
    for (std::size_t i = 0; i < group.size(); ++i) REQUIRE(eras(group, i) == "0");
    group.write(kRestored, "INSERT INTO readings VALUES ('again', 'new')");
    group.converge();
    copy(group, kRestored, true);
    group.connect(kRestored, kAway);
    group.converge();
    REQUIRE(group.app(kRestored).ask("SELECT * FROM readings") == "'again'|'old'");
    group.connect(kRestored, kStays);
    // It has its pages before the other has any.
    constexpr std::size_t kPull = 2;
    std::optional<Group::Carried> said;
    do {
        while (group.carry(kStays, kRestored)) {
        }
        said = group.carry(kRestored, kStays);
    } while (said && said->kind != kPull);
    REQUIRE(said);
    while (group.carry(kStays, kRestored)) {
    }
    group.converge();
    group.connect(kStays, kAway);
    group.converge();
    CHECK(group.is_same("readings"));
    CHECK(group.app(kAway).ask("SELECT * FROM readings") == "'again'|'new'");
}

TEST_CASE("a row that was written without knowledge of a deletion comes out alike, whoever carries it") {
    constexpr std::size_t kForgets = 0;
    constexpr std::size_t kRemembers = 1;
    constexpr std::size_t kWriter = 2;
    constexpr std::size_t kCarrier = 3;
    Group group(4, kNotes, {"notes"});
    trust_each_other(group);
    group.connect_all();
    group.write(kForgets, "INSERT INTO notes VALUES ('kept', 'a', 'b'), ('gone', 'a', 'b')");
    group.converge();
    for (const std::size_t stays : {kForgets, kRemembers}) {
        group.disconnect(stays, kWriter);
        group.disconnect(stays, kCarrier);
    }
    group.write(kForgets, "DELETE FROM notes WHERE id = 'gone'");
    group.converge();
    group.disconnect(kForgets, kRemembers);
    // Who parks is each device's own affair.
    for (const std::size_t away : {kWriter, kCarrier})
        REQUIRE(group.engine(kForgets).park(group.id(away), true, group.now(kForgets)));
    group.write(kForgets, "UPDATE notes SET body = 'c' WHERE id = 'kept'");
    group.converge();
    REQUIRE(eras(group, kForgets) == "0");
    REQUIRE(eras(group, kRemembers) == "1");
    group.write(kWriter, "INSERT OR REPLACE INTO notes VALUES ('gone', 'whole', 'd')");
    group.converge();
    group.disconnect(kWriter, kCarrier);
    group.connect(kWriter, kRemembers);
    group.converge();
    CHECK(ids(group, kRemembers) == "'kept'");
    group.disconnect(kWriter, kRemembers);
    group.connect(kCarrier, kForgets);
    group.converge();
    CHECK(ids(group, kForgets) == "'gone kept'");
    group.connect_all();
    group.converge();
    CHECK(group.is_same("notes"));
    for (std::size_t i = 0; i < group.size(); ++i) CHECK(ids(group, i) == "'gone kept'");
}

TEST_CASE("what is left of a record without the deletions that were forgotten") {
    using engine::Record;
    using message::Stamp;
    const Stamp era{Hlc{10}, Origin{1}};
    const Stamp row{Hlc{12}, Origin{1}};
    const auto forgotten = watermarks::Vector::from({{Origin{1}, Hlc{10}}});
    const auto less = watermarks::Vector::from({{Origin{0}, Hlc{99}}, {Origin{1}, Hlc{9}}});
    const Record deleted{era, {}, {}};
    const Record alive{era, row, {}};
    CHECK(engine::without_forgotten(deleted, forgotten).is_none());
    CHECK(engine::without_forgotten(deleted, less) == deleted);
    CHECK(engine::without_forgotten(alive, forgotten) == Record{{}, row, {}});
    CHECK(engine::without_forgotten(alive, less) == alive);
}

TEST_CASE("whom a device hears of it passes on alone, and before what it holds") {
    Group group(3, kNotes, {"notes"});
    group.connect(0, 1);
    group.connect(1, 2);
    group.converge();
    DeviceId device;
    device.bytes[0] = 77;
    std::vector<message::Have> said;
    group.on_send = [&](std::size_t from, std::size_t, const Message& message) {
        if (const auto* have = std::get_if<message::Have>(&message); have != nullptr && from == 1)
            said.push_back(*have);
    };
    REQUIRE(group.engine(0).trust(device, "", group.now(0)));
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2)");
    group.settle();
    REQUIRE(said.size() >= 2);
    for (const message::Have& have : said) CHECK_FALSE(have.complete);
    CHECK(said.front().holdings.empty());
    CHECK(std::ranges::count(said.front().members, device) == 1);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(group.app(i).ask("SELECT count(*) FROM strandline_members WHERE hex(device) GLOB '4D00*'") ==
              "1");
    }
}
