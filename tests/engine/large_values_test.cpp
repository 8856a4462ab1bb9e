// Values that are too large to be sent whole: they travel in parts, and what arrived once does not travel again.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";
/// Small enough for tests: a part has half of it.
constexpr std::size_t kWholeBytes = 1'000;

std::string blob(std::size_t bytes, int seed = 1) {
    return "(SELECT CAST(group_concat(printf('%03d', (n * 7 + " + std::to_string(seed) +
           ") % 997), '') AS BLOB) FROM (WITH RECURSIVE c(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM c "
           "LIMIT " +
           std::to_string(bytes / 3) + ") SELECT n FROM c))";
}

std::string text(std::size_t bytes, int seed = 1) {
    return "CAST(" + blob(bytes, seed) + " AS TEXT)";
}

struct Large : Group {
    explicit Large(std::size_t count, const std::string& schema = kNotes,
                   Ownership ownership = Ownership::shared)
        : Group(0, {}, {}) {
        on_open = [this](std::size_t i, EngineOptions& options) {
            options.whole_value_bytes_max = i == whole_at ? 1'000'000 : kWholeBytes;
        };
        on_send = [this](std::size_t, std::size_t, const Message& message) {
            if (const auto* part = std::get_if<message::Part>(&message)) {
                ++parts;
                if (part->bytes) part_bytes += part->bytes->size();
            }
            if (std::holds_alternative<message::Bye>(message)) bye = std::get<message::Bye>(message).reason;
        };
        for (std::size_t i = 0; i < count; ++i) {
            add();
            app(i).run(schema);
            track(i, {"notes"}, ownership);
        }
    }
    /// Nothing is left of what was on its way.
    void check_nothing_staged() {
        for (std::size_t i = 0; i < size(); ++i) {
            CHECK(app(i).ask("SELECT count(*) FROM strandline_large") == "0");
            CHECK(app(i).ask("SELECT count(*) FROM strandline_parts") == "0");
        }
    }
    std::size_t parts = 0;
    std::size_t part_bytes = 0;
    std::string bye;
    std::size_t whole_at = 99;
};

}  // namespace

TEST_CASE("a large value travels in parts, once, through a relay too, and holds up no other row", "[parts]") {
    Large group(3);
    group.connect(0, 1);
    group.connect(1, 2);
    group.converge();
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2), ('b', " + text(6'000) + ", " + blob(9'000) +
                       "), ('c', 3, 4)");
    group.settle();
    CHECK(group.app(1).ask("SELECT id FROM notes WHERE id <> 'b' ORDER BY id") == "'a'\n'c'");
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.part_bytes == 2 * 15'000);
    CHECK(group.engine(0).status().sent.rows == 3);  // A part is none.
    CHECK(group.app(2).ask("SELECT typeof(title), length(title), typeof(body), length(body) FROM notes "
                           "WHERE id = 'b'") == "'text'|6000|'blob'|9000");
    CHECK(group.engine(0).is_in_step(group.id(1)));
    CHECK(group.engine(1).is_in_step(group.id(2)));
    group.check_nothing_staged();

    SECTION("an edit of another column takes none of it along") {
        group.write(2, "UPDATE notes SET title = 'short' WHERE id = 'b'");
        group.converge();
        CHECK(group.part_bytes == 2 * 15'000);
        CHECK(group.is_same("notes"));
    }
    SECTION("an edit of the value takes that value alone") {
        group.write(2, "UPDATE notes SET body = " + blob(3'000, 5) + " WHERE id = 'b'");
        group.converge();
        CHECK(group.part_bytes == 2 * 18'000);
        CHECK(group.is_same("notes"));
    }
    SECTION("both are known by what they hash to, so a deep proof finds nothing") {
        REQUIRE(group.engine(2).verify(true, group.now(2)));
        group.converge();
        REQUIRE(group.engine(2).verified());
        CHECK(group.engine(2).verified()->is_same);
        CHECK(group.part_bytes == 2 * 15'000);
    }
}

TEST_CASE("a part that is kept is counted as received, however soon the process ends", "[parts]") {
    Large group(2);
    group.connect(0, 1);
    group.converge();
    group.write(0, "INSERT INTO notes VALUES ('a', 1, " + text(20'000) + ")");
    while (group.app(1).ask("SELECT count(*) FROM strandline_parts") < "3") {
        group.carry(1, 0);
        group.carry(0, 1);
    }
    const auto kept = read_status(group.path(1), true);
    REQUIRE(kept);
    CHECK(kept->received.messages == std::ranges::count(group.log(), 1U, &Group::Carried::to));
}

TEST_CASE("two values of more than is read of one at a time arrive as they are", "[parts]") {
    Large group(2);
    // Both ask for parts of this size, whatever the other holds to be large.
    group.on_open = [](std::size_t, EngineOptions& options) { options.whole_value_bytes_max = 600'000; };
    for (std::size_t i = 0; i < group.size(); ++i) {
        group.stop(i);
        group.start(i);
    }
    group.connect(0, 1);
    group.converge();
    group.write(0, "INSERT INTO notes VALUES ('a', " + text(8'999'999) + ", " + blob(4'500'001, 3) + ")");
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.app(1).ask("SELECT length(title), length(body) FROM notes") == "8999997|4500000");
    CHECK(group.part_bytes == 8'999'997 + 4'500'000);
}

TEST_CASE("what arrived of a large value before the end of a process, or of a peer, does not travel again",
          "[parts]") {
    Large group(3);
    group.write(0, "INSERT INTO notes VALUES ('b', 1, " + blob(30'000) + ")");
    group.connect(0, 2);
    group.converge();
    const std::size_t before = group.part_bytes;
    group.connect(0, 1);
    while (group.app(1).ask("SELECT coalesce(sum(length(bytes)), 0) >= 15000 FROM strandline_parts") != "1") {
        group.carry(0, 1);
        group.carry(1, 0);
        group.advance_what_is_due();
    }
    CHECK(group.app(1).ask("SELECT count(*) FROM notes") == "0");
    group.stop(1);
    group.start(1);
    group.connect(1, 2);
    group.converge();
    CHECK(group.is_same("notes"));
    // Four parts may have been on their way.
    CHECK(group.part_bytes - before <= 30'000 + 4 * kWholeBytes / 2);
    group.check_nothing_staged();
}

TEST_CASE("a large value that changes while it travels arrives as it is then", "[parts]") {
    Large group(2);
    group.write(0, "INSERT INTO notes VALUES ('b', 1, " + blob(30'000) + ")");
    group.connect(0, 1);
    while (group.parts < 10) {
        group.carry(0, 1);
        group.carry(1, 0);
        group.advance_what_is_due();
    }
    SECTION("another value of the same length") {
        group.write(0, "UPDATE notes SET body = " + blob(30'000, 3));
    }
    SECTION("a small one") {
        group.write(0, "UPDATE notes SET body = 'small'");
    }
    SECTION("none") {
        group.write(0, "DELETE FROM notes");
    }
    SECTION("not folded yet") {
        group.app(0).run("UPDATE notes SET body = " + blob(30'000, 3));
    }
    SECTION("written at the receiver") {
        group.write(1, "INSERT INTO notes VALUES ('b', 1, " + blob(3'000, 3) + ")");
    }
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.bye.empty());
    group.check_nothing_staged();
}

TEST_CASE("many rows with large values come a few at a time, in a backfill and live", "[parts]") {
    Large group(2);
    std::string insert;
    for (int i = 0; i < 60; ++i)
        insert += "INSERT INTO notes VALUES ('" + std::to_string(100 + i) + "', " + std::to_string(i) + ", " +
                  (i % 2 == 0 ? blob(3'000, i) : "1") + ");";
    SECTION("in a backfill") {
        group.write(0, insert);
        group.connect(0, 1);
    }
    SECTION("live, in one transaction") {
        group.connect(0, 1);
        group.converge();
        group.write(0, "BEGIN; " + insert + " COMMIT");
    }
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.part_bytes == 30 * 3'000);
    CHECK(group.engine(1).is_in_step(group.id(0)));
    CHECK(group.engine(1).status().state == DeviceState::ready);
    group.check_nothing_staged();
}

TEST_CASE("who holds a value to be small sends it whole, whatever its receiver holds", "[parts]") {
    Large group(1);
    group.whole_at = 1;
    group.add();
    group.app(1).run(kNotes);
    group.track(1, {"notes"});
    group.write(1, "INSERT INTO notes VALUES ('b', 1, " + blob(30'000) + ")");
    group.connect(0, 1);
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.parts == 0);
}

TEST_CASE("a large value reaches tables of every shape, whoever looks at it on the way", "[parts]") {
    const auto [what, schema] = GENERATE(table<std::string, std::string>(
        {{"without rowids", "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body) WITHOUT ROWID"},
         {"rowid is taken", "CREATE TABLE notes(id INTEGER PRIMARY KEY, rowid, title, body)"},
         {"all names of the rowid are taken",
          "CREATE TABLE notes(id TEXT PRIMARY KEY, rowid, oid, _rowid_, title, body)"},
         {"a constraint",
          "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body CHECK (substr(body, 1, 3) "
          "<> x'000000'), other)"},
         {"an index",
          "CREATE TABLE notes(id TEXT PRIMARY KEY, title UNIQUE, body); CREATE INDEX i ON "
          "notes(substr(body, 1, 9))"},
         {"a generated column",
          "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body, first AS "
          "(substr(body, 1, 9)) STORED)"},
         {"a trigger",
          "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body); CREATE TABLE seen(what); "
          "CREATE TRIGGER t AFTER INSERT ON notes BEGIN INSERT INTO seen VALUES "
          "(substr(NEW.body, 1, 9)); END"}}));
    INFO(what);
    Large group(2, schema);
    group.write(0, "INSERT INTO notes(id, title, body) VALUES (1, " + text(5'001) + ", " + blob(9'000) + ")");
    group.connect(0, 1);
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.part_bytes == 14'001);
    if (what == "a trigger")
        CHECK(group.app(1).ask("SELECT * FROM seen") == group.app(0).ask("SELECT * FROM seen"));
    group.write(1, "UPDATE notes SET body = " + blob(6'000, 8));
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.engine(1).status().quarantined == 0);
    group.check_nothing_staged();
}

namespace {

/// What device 1 says of its backfill, as long as it is one.
struct Watched {
    explicit Watched(Large& watched) : group(watched) {}
    void look() {
        const auto now = group.engine(1).status().backfill;
        if (!now) return;
        if (last) {
            CHECK(now->fraction >= last->fraction);
            CHECK(now->bytes_done >= last->bytes_done);
            largest_step = std::max(largest_step, now->fraction - last->fraction);
        }
        CHECK(now->fraction < 1);
        CHECK(now->bytes_done <= now->bytes_total);
        last = now;
    }
    /// Carries until so many bytes of parts have left their senders, or the backfill is over.
    void carry(std::size_t part_bytes = 1'000'000) {
        for (int round = 0; round < 500 && group.part_bytes < part_bytes; ++round) {
            if (last && !group.engine(1).status().backfill) return;
            for (std::size_t from = 0; from < group.size(); ++from) {
                for (std::size_t to = 0; to < group.size(); ++to) group.carry(from, to);
            }
            group.pass_alone(1'000);  // So often it is written down.
            look();
        }
    }
    Large& group;
    std::optional<BackfillStatus> last;
    double largest_step = 0;
};

}  // namespace

TEST_CASE("progress of a backfill of large values goes part by part, and counts each once", "[parts]") {
    Large group(3);
    constexpr int kRows = 40;                  // More than are told of at a time.
    constexpr std::int64_t kBesideBytes = 62;  // A row's key, its other value, and its stamps.
    for (int i = 0; i < kRows; ++i)
        group.write(
            0, "INSERT INTO notes VALUES ('" + std::to_string(100 + i) + "', 1, " + blob(3'000, i) + ")");
    group.connect(0, 2);
    group.converge();
    REQUIRE(group.part_bytes == 120'000);
    group.connect(0, 1);
    Watched watched(group);
    watched.carry(120'000 + 40'000);
    REQUIRE(watched.last);
    const auto is_true = [&] {
        const auto& now = *watched.last;
        CHECK(now.bytes_total == Approx(kRows * (3'000 + kBesideBytes)).epsilon(0.02));
        CHECK(now.fraction ==
              Approx(static_cast<double>(now.bytes_done) / (kRows * (3'000 + kBesideBytes))).margin(0.01));
    };
    is_true();
    CHECK(watched.last->bytes_done == Approx(40'000).margin(5 * kWholeBytes / 2));
    SECTION("from one peer") {}
    SECTION("the rest of it from another") {
        group.disconnect(0, 1);
        group.connect(2, 1);
    }
    SECTION("on after a restart") {
        group.tick(1'100);
        group.engine(1).advance(group.now(1));
        group.stop(1);
        group.start(1);
        watched.look();
        is_true();
        group.connect(0, 1);
    }
    watched.carry(120'000 + 80'000);
    is_true();
    watched.carry();
    CHECK(group.is_same("notes"));
    is_true();
    CHECK(watched.largest_step < 0.05);
    // With the last part, and the last row, it is over.
    CHECK(watched.last->rows_done == kRows - 1);
    CHECK(watched.last->bytes_done == kRows * 3'000 - 500 + (kRows - 1) * kBesideBytes);
    CHECK_FALSE(group.engine(1).status().backfill);
}

TEST_CASE("a table is done, and a backfill, when the last of its large values is here", "[parts]") {
    Large group(2, std::string(kNotes) + "; CREATE TABLE small(id TEXT PRIMARY KEY, mark)");
    for (std::size_t i = 0; i < 2; ++i) group.track(i, {"small"});
    group.write(0,
                "INSERT INTO small VALUES ('a', 1); INSERT INTO notes VALUES ('a', 1, " + blob(30'000) + ")");
    group.connect(0, 1);
    Watched watched(group);
    watched.carry(15'000);
    REQUIRE(group.app(1).ask("SELECT count(*) FROM small") == "1");
    REQUIRE(watched.last);
    CHECK(watched.last->resources_done == std::vector<std::string>{"small"});
    CHECK(group.engine(1).status().backfill);
    CHECK_FALSE(group.was_told(1, EventKind::backfill_done));
    watched.carry();
    CHECK(group.was_told(1, EventKind::backfill_done));
    CHECK(group.is_same("notes"));
}
