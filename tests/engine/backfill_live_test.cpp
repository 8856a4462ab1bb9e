// What happens beside a backfill does not wait for its end.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";

/// Some 3 MiB: several pages.
constexpr const char* kLarge =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
    "INSERT INTO notes SELECT printf('%06d', i), i, printf('%01000d', i) FROM n";

/// Device 1 has two pages of device 0's notes, and the others are connected as said.
struct Midway {
    explicit Midway(std::size_t devices) : group(devices, kNotes, {"notes"}) {
        group.write(0, kLarge);
        group.connect(0, 1);
        for (int pages = 0; pages < 2;) {
            const auto carried = group.carry(0, 1);
            if (carried && carried->rows > 0) ++pages;
            group.carry(1, 0);
        }
    }
    /// Carries a message each way on every link; the backfill is to last longer.
    void carry_round(std::initializer_list<std::pair<std::size_t, std::size_t>> links) {
        for (const auto& [i, j] : links) {
            group.carry(i, j);
            group.carry(j, i);
        }
    }
    [[nodiscard]] std::string title(const std::string& id) {
        return group.app(1).ask("SELECT title FROM notes WHERE id = '" + id + "'");
    }
    [[nodiscard]] bool is_under_way() { return group.engine(1).status().backfill.has_value(); }

    Group group;
};

/// Device 1 has asked device 0 for its notes, and device 0 is gone before any of them came.
struct Unfilled {
    explicit Unfilled(std::size_t devices) : group(devices, kNotes, {"notes"}) {
        group.write(0, kLarge);
        group.connect(0, 1);
        while (group.engine(1).status().state != DeviceState::backfilling) {
            group.carry(0, 1);
            group.carry(1, 0);
        }
        group.stop(0);
        REQUIRE(group.rows_received(1) == 0);
    }

    void bring_source_back() {
        group.start(0);
        group.connect(0, 1);
        group.converge();
    }

    Group group;
};

}  // namespace

TEST_CASE("what the source of a backfill writes comes before the next page") {
    Midway midway(2);
    midway.group.write(0, "UPDATE notes SET title = 'now' WHERE id = '000001'");
    // Of what was read already, nothing more is under way.
    const auto carried = midway.group.carry(0, 1);
    REQUIRE(carried);
    CHECK(carried->rows == 1);
    CHECK(midway.title("000001") == "'now'");
    CHECK(midway.is_under_way());
    midway.group.converge();
    CHECK(midway.group.is_same("notes"));
    CHECK(midway.group.rows_received(1) == 3'001);
}

TEST_CASE("what a device writes in the midst of its backfill is pushed to its source") {
    Midway midway(2);
    midway.group.write(1, "UPDATE notes SET title = 'mine' WHERE id = '000001'");
    const auto carried = midway.group.carry(1, 0);
    REQUIRE(carried);
    CHECK(carried->kind == Group::kPages);
    CHECK(midway.group.app(0).ask("SELECT title FROM notes WHERE id = '000001'") == "'mine'");
    CHECK(midway.is_under_way());
}

TEST_CASE("what the source hears from a third device is asked for beside the backfill") {
    Midway midway(3);
    midway.group.connect(0, 2);
    while (midway.group.carry(0, 2) || midway.group.carry(2, 0)) {
    }
    midway.group.write(2, "UPDATE notes SET title = 'afar' WHERE id = '000001'");
    for (int i = 0; i < 4 && midway.title("000001") == "1"; ++i) midway.carry_round({{0, 2}, {0, 1}});
    CHECK(midway.title("000001") == "'afar'");
    CHECK(midway.is_under_way());
    midway.group.converge();
    CHECK(midway.group.is_same("notes"));
}

TEST_CASE("what another peer offers is asked for beside the backfill") {
    Midway midway(4);
    midway.group.connect(2, 3);
    midway.group.connect(1, 2);
    for (int i = 0; i < 6; ++i) {
        while (midway.group.carry(2, 3) || midway.group.carry(3, 2) || midway.group.carry(2, 1)) {
        }
        while (midway.group.carry(1, 2)) {
        }
    }
    midway.group.write(3, "INSERT INTO notes VALUES ('000000', 'offered', '')");
    for (int i = 0; i < 8; ++i) midway.carry_round({{2, 3}, {1, 2}});
    CHECK(midway.title("000000") == "'offered'");
    CHECK(midway.is_under_way());
}

TEST_CASE("many writes at the source do not hold up the pages") {
    Midway midway(2);
    const auto before = midway.group.rows_received(1);
    for (int i = 0; i < 6; ++i) {
        midway.group.write(0, "UPDATE notes SET title = " + std::to_string(100 + i) + " WHERE id = '000001'");
        midway.carry_round({{0, 1}});
    }
    CHECK(midway.group.rows_received(1) > before + 500);
}

TEST_CASE("the parents' table is asked for before the children's, whatever their names") {
    Group group(2,
                "CREATE TABLE z(id TEXT PRIMARY KEY, v); CREATE TABLE a(id TEXT PRIMARY KEY, z REFERENCES z)",
                {"a", "z"});
    group.write(0, "INSERT INTO z VALUES ('1', 1); INSERT INTO a VALUES ('1', '1')");
    std::vector<std::string> asked;
    group.on_send = [&](std::size_t from, std::size_t, const Message& message) {
        const auto* pull = std::get_if<message::Pull>(&message);
        for (std::size_t i = 0; pull != nullptr && from == 1 && i < pull->wanted.size(); ++i)
            asked.push_back(pull->wanted[i].resource);
    };
    group.connect(0, 1);
    group.converge();
    CHECK(asked == std::vector<std::string>{"z", "a"});
    CHECK(group.is_same("a"));
}

TEST_CASE(
    "a backfill that has nobody to ask says so, also after a restart, and goes on when somebody is back") {
    Midway midway(2);
    Group& group = midway.group;
    group.stop(0);
    group.pass(5'000);
    REQUIRE(midway.is_under_way());
    CHECK(group.engine(1).status().backfill->is_waiting);
    group.stop(1);
    group.start(1);
    const auto backfill = group.engine(1).status().backfill;
    REQUIRE(backfill);
    CHECK(backfill->is_waiting);
    CHECK(backfill->peer == group.id(0));
    CHECK(backfill->rows_done == group.rows_received(1));
    CHECK(backfill->rows_total == 3'000);
    group.start(0);
    group.connect(0, 1);
    group.converge();
    CHECK_FALSE(midway.is_under_way());
    CHECK(group.was_told(1, EventKind::backfill_done));
    CHECK(group.rows_received(1) == 3'000);
}

TEST_CASE(
    "a backfill whose only source goes before the first page says whom it waits for, also after a restart") {
    Unfilled unfilled(2);
    Group& group = unfilled.group;
    for (int opening = 0; opening < 2; ++opening) {
        const Status status = group.engine(1).status();
        CHECK(status.state == DeviceState::backfilling);
        REQUIRE(status.backfill);
        CHECK(status.backfill->is_waiting);
        CHECK(status.backfill->peer == group.id(0));
        group.stop(1);
        group.start(1);
    }
    unfilled.bring_source_back();
    CHECK(group.engine(1).status().state == DeviceState::ready);
    CHECK(group.was_told(1, EventKind::backfill_done));
    CHECK(group.rows_received(1) == 3'000);
}

TEST_CASE("a backfill whose source is back, and gone before it says what it holds, waits for it still") {
    Unfilled unfilled(2);
    Group& group = unfilled.group;
    for (int opening = 0; opening < 2; ++opening) {
        group.start(0);
        group.connect(0, 1);
        group.stop(0);
        group.converge();
        CHECK(group.engine(1).status().state == DeviceState::backfilling);
        CHECK_FALSE(group.was_told(1, EventKind::backfill_done));
        group.stop(1);
        group.start(1);
    }
    unfilled.bring_source_back();
    CHECK(group.engine(1).status().state == DeviceState::ready);
    CHECK(group.is_same("notes"));
}

TEST_CASE(
    "a backfill that waits through a restart ends when its source is back and has none of it any more") {
    Group group(2, kNotes, {"notes"});
    copy(group, 0, false);
    group.write(0, kLarge);
    group.connect(0, 1);
    while (group.engine(1).status().state != DeviceState::backfilling) {
        group.carry(0, 1);
        group.carry(1, 0);
    }
    group.stop(1);
    copy(group, 0, true);
    group.start(1);
    REQUIRE(group.engine(1).status().state == DeviceState::backfilling);
    group.connect(0, 1);
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.engine(1).status().state == DeviceState::ready);
    CHECK(group.was_told(1, EventKind::backfill_done));
}

TEST_CASE(
    "a backfill that waits for its source ends when another has brought what that had, and not before") {
    Unfilled unfilled(3);
    Group& group = unfilled.group;
    group.connect(1, 2);
    group.converge();
    REQUIRE(group.engine(1).is_in_step(group.id(2)));
    CHECK(group.engine(1).status().state == DeviceState::backfilling);
    group.write(2, "INSERT INTO notes VALUES ('x', 'beside', '')");
    group.converge();
    CHECK(group.was_told(1, EventKind::changes_applied));
    group.start(0);
    group.connect(0, 2);
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.engine(1).status().state == DeviceState::ready);
    CHECK(group.was_told(1, EventKind::backfill_done));
}

TEST_CASE("a table that is dropped in the midst of its backfill is not waited for") {
    Midway midway(2);
    Group& group = midway.group;
    group.write(1, "DROP TABLE notes");
    group.converge();
    CHECK_FALSE(midway.is_under_way());
    CHECK(group.engine(1).status().state == DeviceState::ready);
    group.stop(1);
    CHECK(read_status(group.path(1), false)->state == DeviceState::ready);
    group.start(1);
    CHECK(group.engine(1).status().state == DeviceState::ready);
    group.write(1, kNotes);
    group.connect(0, 1);
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.engine(1).status().state == DeviceState::ready);
}
