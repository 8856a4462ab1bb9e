// One key of a device-owned table that two or three devices insert without knowing of each other: whatever they do
// with it, and in whichever order they hear of it, they agree.
#include <catch2/catch.hpp>

#include <array>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kReadings = "CREATE TABLE readings(id TEXT COLLATE NOCASE PRIMARY KEY, taken, value)";
constexpr std::size_t kDevices = 3;

/// What a device does with a key before it meets anybody, and after it has met somebody.
constexpr std::size_t kBefore = 5;
constexpr std::size_t kAfter = 4;
constexpr std::size_t kStories = kBefore * kBefore * kBefore * kAfter;

class Stories {
public:
    Stories() : group_(kDevices, kReadings, {"readings"}, Ownership::device_owned) {}

    /// Every key is a story of its own; all of them happen at once, one step of all after the other.
    void before(const std::array<std::size_t, kDevices>& order) {
        for (const std::size_t device : order) {
            group_.shift_clock(device, 10);
            step(device,
                 [&](std::size_t story) { return before(story, device) >= 1 ? insert(story, device) : ""; });
            step(device, [&](std::size_t story) { return before(story, device) >= 2 ? remove(story) : ""; });
            step(device,
                 [&](std::size_t story) { return before(story, device) == 3 ? insert(story, device) : ""; });
            step(device,
                 [&](std::size_t story) { return before(story, device) == 4 ? come_and_go(story) : ""; });
            for (std::size_t i = 0; i < kDevices; ++i) group_.shift_clock(i, 10);
        }
    }
    void after(std::size_t device) {
        group_.shift_clock(device, 10);
        step(device, [&](std::size_t story) -> std::string {
            switch ((story + device) % kAfter) {
                case 0:
                    return insert(story, device);
                case 1:
                    return remove(story);
                case 2:
                    return "UPDATE readings SET value = 'later', id = upper(id) WHERE " + own(story);
                default:
                    return "";
            }
        });
    }
    void meet(std::size_t i, std::size_t j) {
        group_.connect(i, j);
        group_.settle();
        group_.disconnect(i, j);
    }
    void check_same() {
        group_.connect_all();
        group_.converge();
        for (std::size_t i = 0; i < kDevices; ++i) {
            CHECK(group_.table(i, "readings") == group_.table(0, "readings"));
            CHECK(stamps(i) == stamps(0));
            CHECK_FALSE(group_.engine(i).failure());
        }
    }

private:
    static std::size_t before(std::size_t story, std::size_t device) {
        for (std::size_t i = 0; i < device; ++i) story /= kBefore;
        return story % kBefore;
    }
    static std::string key(std::size_t story) { return "'key" + std::to_string(story) + "'"; }
    static std::string own(std::size_t story) {
        return "id = " + key(story) +
               " AND NOT EXISTS (SELECT 1 FROM strandline_1_foreign WHERE k1 = " + key(story) + ")";
    }
    static std::string insert(std::size_t story, std::size_t device) {
        return "INSERT INTO readings SELECT " + key(story) + ", " + std::to_string(device) +
               ", 'a' WHERE NOT EXISTS (SELECT 1 FROM readings WHERE id = " + key(story) + ")";
    }
    static std::string remove(std::size_t story) { return "DELETE FROM readings WHERE " + own(story); }
    /// Between two folds.
    static std::string come_and_go(std::size_t story) {
        return "INSERT INTO readings VALUES (" + key(story) +
               ", 8, 8); DELETE FROM readings WHERE id = " + key(story) + "; INSERT INTO readings VALUES (" +
               key(story) + ", 9, 9)";
    }
    template <typename Sql>
    void step(std::size_t device, Sql sql_of) {
        std::string sql = "BEGIN; ";
        for (std::size_t story = 0; story < kStories; ++story) sql += sql_of(story) + "; ";
        group_.write(device, sql + "COMMIT");
    }
    std::string stamps(std::size_t i) {
        return group_.app(i).ask(
            "SELECT key, slot, hlc, device, incarnation FROM strandline_stamps AS s JOIN strandline_origins "
            "AS o "
            "ON o.id = s.origin ORDER BY key, slot");
    }

    Group group_;
};

}  // namespace

TEST_CASE("devices that inserted, deleted and inserted again one key agree, in every order of meeting") {
    using Pair = std::pair<std::size_t, std::size_t>;
    std::array<Pair, 3> links{Pair{0, 1}, Pair{0, 2}, Pair{1, 2}};
    do {
        for (const auto& writers : {std::array<std::size_t, 3>{0, 1, 2}, {2, 1, 0}}) {
            Stories stories;
            stories.before(writers);
            stories.meet(links[0].first, links[0].second);
            for (const std::size_t device : writers) stories.after(device);
            stories.meet(links[1].first, links[1].second);
            for (const std::size_t device : writers) stories.after((device + 1) % kDevices);
            stories.meet(links[2].first, links[2].second);
            stories.check_same();
        }
    } while (std::next_permutation(links.begin(), links.end()));
}

TEST_CASE("a delete by who inserted second does not bring its row back anywhere, nor take the first one") {
    Group group(4, kReadings, {"readings"}, Ownership::device_owned);
    group.write(1, "INSERT INTO readings VALUES ('k', 1, 'first')");
    for (std::size_t i = 0; i < group.size(); ++i) group.shift_clock(i, 10);
    group.write(0, "INSERT INTO readings VALUES ('K', 0, 'second')");
    group.connect(0, 3);
    group.settle();
    CHECK(group.table(3, "readings") == "'K'|0|'second'");
    group.connect(1, 2);
    group.settle();
    group.write(0, "DELETE FROM readings");
    group.settle();
    // 2 saw the first row and then the other's delete; 3 the second row, its delete, and then the first row.
    group.connect(0, 2);
    group.settle();
    CHECK(group.table(2, "readings") == "'k'|1|'first'");
    group.connect_all();
    group.converge();
    CHECK(group.is_same("readings"));
    CHECK(group.table(3, "readings") == "'k'|1|'first'");
    for (std::size_t i = 0; i < group.size(); ++i) CHECK(group.engine(i).status().quarantined == 0);
}

TEST_CASE("a row that gives way to a deleted one of another device is kept in quarantine, and told") {
    Group group(2, kReadings, {"readings"}, Ownership::device_owned);
    group.write(0, "INSERT INTO readings VALUES ('k', 0, 'first')");
    for (std::size_t i = 0; i < group.size(); ++i) group.shift_clock(i, 10);
    group.write(0, "DELETE FROM readings");
    group.write(1, "INSERT INTO readings VALUES ('k', 1, 'second')");
    group.connect(0, 1);
    group.converge();
    CHECK(group.is_same("readings"));
    CHECK(group.table(1, "readings").empty());
    CHECK(group.was_told(1, EventKind::refused));
    CHECK(group.app(1).ask("SELECT kind FROM strandline_quarantine") == "'not_owner'");
    CHECK(group.app(1).ask("SELECT value FROM strandline_quarantine_values WHERE name = 'value'") ==
          "'second'");
    group.write(1, "INSERT INTO readings VALUES ('k', 1, 'third')");
    group.converge();
    CHECK(group.table(0, "readings") == "'k'|1|'third'");
}

TEST_CASE("an owned row whose key is respelled, or that is replaced, goes on as a new life") {
    Group group(2, kReadings, {"readings"}, Ownership::device_owned);
    group.connect(0, 1);
    group.write(0, "INSERT INTO readings VALUES ('k', 0, 'a')");
    group.settle();
    group.write(0, "UPDATE readings SET id = 'K'");
    group.settle();
    CHECK(group.table(1, "readings") == "'K'|0|'a'");
    group.write(0, "INSERT OR REPLACE INTO readings VALUES ('k', 0, 'b')");
    group.settle();
    CHECK(group.table(1, "readings") == "'k'|0|'b'");
    group.write(0, "UPDATE readings SET value = 'c'");
    group.settle();
    CHECK(group.table(1, "readings") == "'k'|0|'c'");
    CHECK_FALSE(group.app(1).refusal("UPDATE readings SET id = 'K'").empty());
}

TEST_CASE(
    "another device's row that REPLACE would remove through a UNIQUE refuses the statement, and is left "
    "alone") {
    Group group(2, "CREATE TABLE own(id TEXT PRIMARY KEY, v UNIQUE, w); CREATE UNIQUE INDEX w ON own(w)",
                {"own"}, Ownership::device_owned);
    group.connect(0, 1);
    group.write(1, "INSERT INTO own VALUES ('b1', 'y', 1), ('b2', 'k', 2)");
    group.write(0, "INSERT INTO own VALUES ('a1', 'mine', 3)");
    group.converge();
    const std::string before = group.table(0, "own");
    const auto* statement =
        GENERATE("INSERT OR REPLACE INTO own VALUES ('a2', 'y', 9)", "REPLACE INTO own VALUES ('a1', 'q', 2)",
                 "UPDATE OR REPLACE own SET v = 'k' WHERE id = 'a1'");
    CHECK_THROWS_WITH(group.app(0).run(statement), Catch::Contains("belongs to another device"));
    // What leaves it alone is no trouble, nor is what comes later.
    group.write(0, "INSERT OR IGNORE INTO own VALUES ('a2', 'y', 9)");
    group.write(0, "INSERT INTO own VALUES ('a2', 'y', 9) ON CONFLICT (v) DO NOTHING");
    CHECK(group.table(0, "own") == before);
    group.write(0, "INSERT OR REPLACE INTO own VALUES ('a3', 'mine', 8)");
    group.converge();
    CHECK(group.is_same("own"));
    CHECK(group.app(1).ask("SELECT id FROM own ORDER BY id") == "'a3'\n'b1'\n'b2'");
}

TEST_CASE("a key that another device owns is ignored by who says so, and taken by nobody") {
    Group group(2, kReadings, {"readings"}, Ownership::device_owned);
    group.connect(0, 1);
    group.write(1, "INSERT INTO readings VALUES ('k', 1, 'theirs')");
    group.write(0, "INSERT INTO readings VALUES ('own', 0, 'mine')");
    group.converge();
    const std::string before = group.table(0, "readings");
    for (const char* statement : {"INSERT OR IGNORE INTO readings VALUES ('K', 0, 'x')",
                                  "INSERT INTO readings VALUES ('K', 0, 'x') ON CONFLICT DO NOTHING",
                                  "INSERT INTO readings VALUES ('k', 0, 'x') ON CONFLICT (id) DO NOTHING",
                                  "UPDATE OR IGNORE readings SET id = 'K' WHERE id = 'own'"})
        CHECK(group.app(0).refusal(statement).empty());
    CHECK(group.table(0, "readings") == before);
    // Of several rows those that conflict with nothing are taken.
    group.write(0, "INSERT OR IGNORE INTO readings VALUES ('k', 0, 'x'), ('more', 0, 'y')");
    for (const int recursive : {0, 1}) {
        group.app(0).run("PRAGMA recursive_triggers = " + std::to_string(recursive));
        for (const char* statement :
             {"INSERT OR REPLACE INTO readings VALUES ('K', 0, 'x')",
              "UPDATE OR REPLACE readings SET id = 'K' WHERE id = 'own'",
              "INSERT INTO readings VALUES ('k', 0, 'x') ON CONFLICT (id) DO UPDATE SET value = 'x'",
              "UPDATE OR IGNORE readings SET value = 'x' WHERE id = 'k'"})
            CHECK_THAT(group.app(0).refusal(statement), Catch::Contains("belongs to another device"));
        for (const char* statement : {"INSERT INTO readings VALUES ('K', 0, 'x')",
                                      "INSERT OR FAIL INTO readings VALUES ('K', 0, 'x')",
                                      "UPDATE readings SET id = 'K' WHERE id = 'own'"})
            CHECK_FALSE(group.app(0).refusal(statement).empty());
    }
    group.converge();
    CHECK(group.table(1, "readings") == "'k'|1|'theirs'\n'more'|0|'y'\n'own'|0|'mine'");
    CHECK(group.is_same("readings"));
}

TEST_CASE("a row that came and went between two folds is nobody's, and leaves nothing") {
    Group group(2, kReadings, {"readings"}, Ownership::device_owned);
    group.connect(0, 1);
    group.write(0, "INSERT INTO readings VALUES ('k', 0, 'a'); DELETE FROM readings");
    group.settle();
    CHECK(group.app(0).ask("SELECT count(*) FROM strandline_stamps") == "0");
    group.write(1, "INSERT INTO readings VALUES ('k', 1, 'b')");
    group.converge();
    CHECK(group.table(0, "readings") == "'k'|1|'b'");
    CHECK(group.engine(0).is_in_step(group.id(1)));
}
