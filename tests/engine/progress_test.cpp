// What is told of a backfill while it is under way, and when what came is a whole.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kTables =
    "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body); CREATE TABLE marks(id TEXT PRIMARY KEY, mark)";
constexpr std::int64_t kRows = 3'000;

/// Some 3 MiB: several pages.
const std::string kLarge =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
    "INSERT INTO notes SELECT printf('%06d', i), 'old', printf('%01000d', i) FROM n";

std::string title(Group& group, const char* id) {
    return group.app(1).ask("SELECT ifnull((SELECT title FROM notes WHERE id = '" + std::string(id) +
                            "'), '')");
}

/// Carries between both until that row is on device 1.
void carry_until_there(Group& group, const char* id) {
    for (int i = 0; i < 200 && title(group, id) == "''"; ++i) {
        group.carry(0, 1);
        group.carry(1, 0);
    }
    REQUIRE(title(group, id) != "''");
}

}  // namespace

TEST_CASE("a backfill is told about once a second, until its last page") {
    Group group(2, kTables, {"notes", "marks"});
    group.write(0, kLarge);
    group.stop(1);
    group.on_open = [](std::size_t i, EngineOptions& options) {
        if (i == 1) options.rows_per_second_max = 500;
    };
    group.start(1);
    group.connect(0, 1);
    group.settle();
    std::vector<Event> told;
    std::vector<double> fractions;
    for (int tenth = 0; tenth < 100; ++tenth) {
        group.pass(100);
        for (Event& event : group.events(1)) told.push_back(std::move(event));
        const auto backfill = group.engine(1).status().backfill;
        if (backfill) fractions.push_back(backfill->fraction);
        if (backfill && tenth > 20) {
            CHECK(backfill->rows_per_second == Approx(500).epsilon(0.1));
            CHECK(backfill->seconds_left);
            CHECK(backfill->bytes_total > backfill->bytes_done);
        }
    }
    REQUIRE(std::ranges::count(told, EventKind::backfill_done, &Event::kind) == 1);
    const auto count = std::ranges::count(told, EventKind::backfill_progress, &Event::kind);
    CHECK(count >= 3);
    CHECK(count <= 7);
    CHECK(std::ranges::is_sorted(fractions));
    CHECK(fractions.back() < 1);
    std::int64_t rows = 0;
    for (const Event& event : told) {
        if (event.kind != EventKind::backfill_progress) continue;
        CHECK(event.number == 0);
        CHECK(event.rows > rows);
        rows = event.rows;
    }
    CHECK(rows <= kRows);
    CHECK(group.is_same("notes"));
    const auto kept = read_events(group.path(1), 0, 1'000);
    REQUIRE(kept);
    for (const Event& event : *kept) CHECK(event.kind != EventKind::backfill_progress);
}

TEST_CASE("the cut is complete only when no transaction is here in parts") {
    Group group(2, kTables, {"notes", "marks"});
    group.write(0, kLarge);
    group.connect(0, 1);
    carry_until_there(group, "000001");
    // One transaction, over rows that have travelled and rows that have not, and another table.
    group.write(0,
                "BEGIN; UPDATE notes SET title = 'new' WHERE id IN ('000001', '003000'); "
                "INSERT INTO marks VALUES ('new', 1); COMMIT");
    std::ptrdiff_t told = 0;
    bool was_in_parts = false;
    for (int i = 0; i < 400; ++i) {
        group.carry(i % 2 == 0 ? 0 : 1, i % 2 == 0 ? 1 : 0);
        const std::string marks = group.app(1).ask("SELECT count(*) FROM marks");
        const bool is_whole =
            title(group, "000001") == "'new'" && title(group, "003000") == "'new'" && marks == "1";
        was_in_parts = was_in_parts || !is_whole;
        const std::vector<Event> events = group.events(1);
        const auto now = std::ranges::count(events, EventKind::cut_complete, &Event::kind);
        if (now > 0) CHECK(is_whole);
        told += now;
    }
    CHECK(was_in_parts);
    group.converge();
    told += group.was_told(1, EventKind::cut_complete) ? 1 : 0;
    CHECK(told == 1);
    CHECK(title(group, "000001") == "'new'");
    CHECK(group.is_same("notes"));
    CHECK(group.is_same("marks"));
}

TEST_CASE("a backfill of what nobody writes to is a complete cut at its end, told once") {
    Group group(2, kTables, {"notes", "marks"});
    group.write(0, kLarge);
    group.connect(0, 1);
    group.converge();
    const std::vector<Event> told = group.events(1);
    CHECK(std::ranges::count(told, EventKind::cut_complete, &Event::kind) == 1);
    group.write(0, "UPDATE notes SET body = body || body");
    group.converge();
    // More than one message again, so several moments again.
    CHECK(group.was_told(1, EventKind::cut_complete));
    group.write(0, "INSERT INTO marks VALUES ('new', 1)");
    group.converge();
    CHECK_FALSE(group.was_told(1, EventKind::cut_complete));
    CHECK_FALSE(group.was_told(0, EventKind::cut_complete));
}
