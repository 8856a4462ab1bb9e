// One backfill from several peers at once.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr std::int64_t kRows = 8'000;

/// Some 8 MiB, which several devices hold; the last device holds nothing.
struct Sources {
    explicit Sources(std::size_t count)
        : group(count + 1, "CREATE TABLE notes(id TEXT PRIMARY KEY, body)", {"notes"}), last(count) {
        group.write(0,
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000) "
                    "INSERT INTO notes SELECT printf('%06d', i), printf('%01000d', i) FROM n");
        for (std::size_t i = 1; i < count; ++i) group.connect(0, i);
        group.converge();
        for (std::size_t i = 1; i < count; ++i) group.disconnect(0, i);
        group.on_send = [this](std::size_t from, std::size_t to, const Message& message) {
            if (std::holds_alternative<message::Waive>(message)) ++waives;
            const auto* pages = std::get_if<message::Pages>(&message);
            if (pages == nullptr || to != last) return;
            for (const auto& page : pages->pages) rows[from] += page.entries.size();
        };
    }
    void connect(std::size_t i) { group.connect(i, last); }
    /// A message each way on the last device's link with i; some milliseconds pass.
    void carry(std::size_t i) {
        group.carry(i, last);
        group.carry(last, i);
    }
    void require_whole() {
        group.converge();
        CHECK(group.table(last, "notes") == group.table(0, "notes"));
        CHECK(group.engine(last).status().state == DeviceState::ready);
        CHECK(group.engine(last).status().resources.at(0).ranges.size() == 1);
    }

    Group group;
    std::size_t last;
    std::map<std::size_t, std::size_t> rows;
    int waives = 0;
};

}  // namespace

TEST_CASE("of three sources each brings a part, and no row comes twice") {
    Sources sources(3);
    for (std::size_t i = 0; i < 3; ++i) sources.connect(i);
    for (int round = 0; round < 200; ++round) {
        for (std::size_t i = 0; i < 3; ++i) sources.carry(i);
    }
    sources.require_whole();
    CHECK(sources.group.rows_received(3) == kRows);
    for (std::size_t i = 0; i < 3; ++i) CHECK(sources.rows[i] > kRows / 6);
    CHECK(sources.waives > 0);
    const auto told = sources.group.events(3);
    CHECK(std::ranges::count(told, EventKind::backfill_started, &Event::kind) == 1);
    CHECK(std::ranges::count(told, EventKind::backfill_done, &Event::kind) == 1);
}

TEST_CASE("a source that joins late takes a part of the rest") {
    Sources sources(2);
    sources.connect(0);
    while (sources.group.rows_received(2) < 1'000) sources.carry(0);
    sources.connect(1);
    for (int round = 0; round < 200; ++round) {
        sources.carry(0);
        sources.carry(1);
    }
    sources.require_whole();
    CHECK(sources.group.rows_received(2) == kRows);
    CHECK(sources.rows[1] > 1'000);
}

TEST_CASE("a slow source brings less, and the quick one takes over what is left") {
    Sources sources(2);
    sources.connect(0);
    sources.connect(1);
    for (int round = 0; round < 400; ++round) {
        if (round % 10 == 0) sources.carry(0);
        sources.carry(1);
        sources.group.tick(10);
    }
    sources.require_whole();
    CHECK(sources.rows[0] < sources.rows[1]);
    CHECK(sources.rows[0] + sources.rows[1] < kRows + kRows / 4);
}

TEST_CASE("a source that is lost leaves its part to the others, and nothing that came travels again") {
    Sources sources(2);
    sources.connect(0);
    sources.connect(1);
    for (int round = 0; round < 12; ++round) {
        sources.carry(0);
        sources.carry(1);
    }
    REQUIRE(sources.rows[0] > 0);
    REQUIRE(sources.rows[1] > 0);
    sources.group.stop(1);
    sources.require_whole();
    CHECK(sources.group.rows_received(2) == kRows);
}

TEST_CASE("a shared backfill that is interrupted is one pull of several ranges afterwards") {
    Sources sources(2);
    sources.connect(0);
    sources.connect(1);
    for (int round = 0; round < 12; ++round) {
        sources.carry(0);
        sources.carry(1);
    }
    REQUIRE(sources.rows[1] > 0);
    sources.group.stop(2);
    sources.group.start(2);
    CHECK(sources.group.engine(2).status().resources.at(0).ranges.size() == 4);
    sources.group.write(0, "UPDATE notes SET body = 'new' WHERE id IN ('000001', '007999')");
    sources.connect(0);
    sources.require_whole();
    CHECK(sources.group.rows_received(2) <= kRows + 2);
}

TEST_CASE(
    "a source that stalls is left, its part comes from the other, and what it brings late does no harm") {
    Sources sources(2);
    sources.connect(0);
    sources.connect(1);
    for (int round = 0; round < 10; ++round) {
        sources.carry(0);
        sources.carry(1);
    }
    const auto before = sources.rows[0];
    // The other one works on, until it has nothing to do any more.
    for (int round = 0; round < 200; ++round) {
        sources.carry(1);
        sources.group.tick(100);
        sources.group.engine(2).advance(sources.group.now(2));
    }
    CHECK(sources.group.app(2).ask("SELECT count(*) FROM notes") == std::to_string(kRows));
    CHECK(sources.group.is_connected(0, 2));
    CHECK(sources.rows[0] == before);
    CHECK(sources.group.was_told(2, EventKind::trouble));
    sources.require_whole();
    CHECK(sources.group.rows_received(2) <= kRows + 4 * 1'000);
}

TEST_CASE("a source that is the only one is waited for, however long it takes") {
    Sources sources(1);
    sources.connect(0);
    for (int round = 0; round < 10; ++round) sources.carry(0);
    for (int second = 0; second < 30; ++second) {
        sources.group.tick(1'000);
        sources.group.engine(1).advance(sources.group.now(1));
    }
    CHECK_FALSE(sources.group.was_told(1, EventKind::trouble));
    sources.require_whole();
    CHECK(sources.group.rows_received(1) == kRows);
}

TEST_CASE("whole tables are shared too") {
    Group group(3, "CREATE TABLE a(id TEXT PRIMARY KEY, v); CREATE TABLE b(id TEXT PRIMARY KEY, v)",
                {"a", "b"});
    for (const char* table : {"a", "b"}) {
        group.write(
            0, std::string("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
                           "INSERT INTO ") +
                   table + " SELECT printf('%06d', i), zeroblob(10000) FROM n");
    }
    group.connect(0, 1);
    group.converge();
    std::set<std::pair<std::size_t, std::string>> brought;
    group.on_send = [&](std::size_t from, std::size_t to, const Message& message) {
        const auto* pages = std::get_if<message::Pages>(&message);
        for (std::size_t i = 0; pages != nullptr && to == 2 && i < pages->pages.size(); ++i)
            brought.emplace(from, pages->pages[i].resource);
    };
    group.disconnect(0, 1);
    group.connect(0, 2);
    group.connect(1, 2);
    group.converge();
    CHECK(group.is_same("a"));
    CHECK(group.is_same("b"));
    CHECK(brought.contains({0, "a"}));
    CHECK(brought.contains({1, "b"}));
    CHECK(group.rows_received(2) == 1'000);
}

TEST_CASE("who lacks nothing is not told where a backfill may be divided") {
    Sources sources(2);
    std::size_t cuts = 0;
    sources.group.on_send = [&](std::size_t, std::size_t, const Message& message) {
        const auto* have = std::get_if<message::Have>(&message);
        for (std::size_t i = 0; have != nullptr && i < have->holdings.size(); ++i)
            cuts += have->holdings[i].cuts.size();
    };
    sources.group.connect(0, 1);
    sources.group.converge();
    CHECK(cuts == 0);
    sources.connect(0);
    sources.require_whole();
    CHECK(cuts > 0);
}
