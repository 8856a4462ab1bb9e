// What is too large for a message: it stays where it was written, is told, and holds nothing else up.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";
constexpr const char* kShown =
    "SELECT id, title, iif(length(body) > 99, length(body), body) FROM notes ORDER BY id";

/// Devices to whom no value is so large that it would travel in parts.
struct Whole : Group {
    Whole(std::size_t count, const std::string& schema, const std::vector<std::string>& tables)
        : Group(0, {}, {}) {
        on_open = [](std::size_t, EngineOptions& options) { options.whole_value_bytes_max = 1'000'000'000; };
        for (std::size_t i = 0; i < count; ++i) {
            add();
            app(i).run(schema);
            if (!tables.empty()) track(i, tables);
        }
    }
};

struct Row : Whole {
    Row() : Whole(3, kNotes, {"notes"}) {
        connect(0, 1);
        connect(1, 2);
        converge();
    }
    /// Texts of the events of one kind since the last time.
    std::string told(std::size_t i, EventKind kind) {
        std::string texts;
        for (const Event& event : events(i)) {
            if (event.kind == kind) texts += event.resource + ": " + event.text + '\n';
        }
        return texts;
    }
};

}  // namespace

TEST_CASE("a value too large for a message stays with its writer, is told, and holds nothing up", "[large]") {
    Row row;
    row.write(0, "INSERT INTO notes VALUES ('big', 'title', zeroblob(70000000)), ('small', 1, 2)");
    row.converge();
    for (const std::size_t i : {1U, 2U}) {
        CHECK(row.app(i).ask(kShown) == "'small'|1|2");
        CHECK(row.engine(i).status().quarantined == 1);
        CHECK(row.told(i, EventKind::quarantined).find("\"body\" is too large") != std::string::npos);
    }
    const std::string told = row.told(0, EventKind::trouble);
    CHECK(told.find("notes: a row is too large to travel") == 0);
    CHECK(told.find("'big'") != std::string::npos);
    CHECK(row.engine(0).status().sent.rows == 1);
    CHECK(row.engine(0).is_in_step(row.id(1)));
    CHECK(row.engine(1).is_in_step(row.id(2)));

    row.write(0,
              "UPDATE notes SET title = 'edited' WHERE id = 'big'; INSERT INTO notes VALUES ('later', 1, 2)");
    row.converge();
    CHECK(row.app(2).ask(kShown) == "'later'|1|2\n'small'|1|2");
    row.write(0, "UPDATE notes SET body = 'fits' WHERE id = 'big'");
    row.converge();
    CHECK(row.table(2, "notes") == "'big'|'edited'|'fits'\n'later'|1|2\n'small'|1|2");
    CHECK(row.is_same("notes"));
    CHECK(row.engine(1).status().quarantined + row.engine(2).status().quarantined == 0);
    CHECK(row.told(0, EventKind::trouble).empty());
}

TEST_CASE("a row that grows too large is seen elsewhere as it was, until it is smaller or deleted",
          "[large]") {
    Row row;
    row.write(0, "INSERT INTO notes VALUES ('a', 'title', 'body')");
    row.converge();
    row.write(0, "UPDATE notes SET body = zeroblob(50500000)");
    row.converge();
    CHECK(row.table(2, "notes") == "'a'|'title'|'body'");
    SECTION("made smaller elsewhere") {
        row.write(2, "UPDATE notes SET body = 'small'");
        row.converge();
        CHECK(row.table(0, "notes") == "'a'|'title'|'small'");
    }
    SECTION("set anew") {
        row.write(0, "INSERT OR REPLACE INTO notes VALUES ('a', 'new', 'small')");
        row.converge();
        CHECK(row.table(2, "notes") == "'a'|'new'|'small'");
    }
    SECTION("deleted") {
        row.write(0, "DELETE FROM notes");
        row.converge();
        CHECK(row.table(2, "notes").empty());
    }
    CHECK(row.is_same("notes"));
    CHECK(row.engine(1).status().quarantined + row.engine(2).status().quarantined == 0);
}

TEST_CASE("edits that each can travel may make a row that cannot: its largest values are withheld",
          "[large]") {
    Whole group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('a', 1, 2), ('b', 1, 2)");
    group.converge();
    group.write(0, "UPDATE notes SET title = zeroblob(30000000) WHERE id = 'a'");
    group.converge();
    group.write(1, "UPDATE notes SET body = zeroblob(29000000) WHERE id = 'a'");
    group.converge();
    CHECK(group.is_same("notes"));
    const std::size_t late = group.add();
    group.app(late).run(kNotes);
    group.track(late, {"notes"});
    group.connect(1, late);
    group.converge();
    CHECK(group.table(late, "notes") == "'b'|1|2");
    group.write(0, "UPDATE notes SET title = 'small' WHERE id = 'a'");
    group.converge();
    CHECK(group.app(late).ask(kShown) == "'a'|'small'|29000000\n'b'|1|2");
}

TEST_CASE("a key too large for a message keeps its row on this device, and is told") {
    Row row;
    const std::string longest = "printf('%.*c', 65534, 'k')";
    row.write(0, "INSERT INTO notes VALUES (" + longest + ", 1, zeroblob(600000)), (" + longest +
                     " || 'x', 2, 2), ('small', 3, 3)");
    row.converge();
    CHECK(row.app(2).ask("SELECT length(id), title FROM notes ORDER BY title") == "65534|1\n5|3");
    const std::string told = row.told(0, EventKind::trouble);
    CHECK(told.find("key is too large to travel") != std::string::npos);
    CHECK(told.size() < 300);
    row.write(0, "UPDATE notes SET body = 'edited'");
    row.converge();
    CHECK(row.app(2).ask("SELECT body FROM notes") == "'edited'\n'edited'");
    row.write(0, "DELETE FROM notes WHERE title = 2");
    row.converge();
    CHECK(row.is_same("notes"));
    CHECK_FALSE(row.engine(0).failure());
}

TEST_CASE("rows too large that were there before the table was tracked are told as well") {
    Whole group(2, kNotes, {});
    group.app(0).run(
        "INSERT INTO notes VALUES ('big', 1, zeroblob(50500000)), (printf('%.*c', 65535, 'k'), 2, 2)");
    group.track(0, {"notes"});
    group.track(1, {"notes"});
    const auto told = group.events(0);
    CHECK(std::ranges::count(told, EventKind::trouble, &Event::kind) == 2);
    group.connect(0, 1);
    group.converge();
    CHECK(group.engine(1).status().quarantined == 1);
    CHECK(group.engine(1).is_in_step(group.id(0)));
}

TEST_CASE("held changes that together are too large for a message travel in several", "[large]") {
    Row row;
    row.shift_clock(0, 3'600'000);
    for (int i = 0; i < 9; ++i) {
        row.write(0, "INSERT INTO notes VALUES (" + std::to_string(i) + ", 1, zeroblob(9000000))");
        row.settle();
    }
    CHECK(row.engine(1).status().quarantined == 9);
    const std::size_t late = row.add();
    row.app(late).run(kNotes);
    row.track(late, {"notes"});
    row.disconnect(1, 2);
    row.connect(1, late);
    row.converge();
    CHECK(row.engine(late).status().quarantined == 9);
    CHECK(row.engine(late).is_in_step(row.id(1)));
}

TEST_CASE("track refuses names that no message can carry") {
    const std::string name(256, 'n');
    Group group(1, "CREATE TABLE " + name + "(id PRIMARY KEY); CREATE TABLE t(id PRIMARY KEY, " + name + ")",
                {});
    for (const std::string& table : {name, std::string("t")}) {
        const auto refused = group.engine(0).track({table}, Ownership::shared, group.now(0));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().message.find("longer than 255 bytes") != std::string::npos);
    }
    group.app(0).run("ALTER TABLE t RENAME COLUMN " + name + " TO " + name.substr(1));
    CHECK(group.engine(0).track({"t"}, Ownership::shared, group.now(0)));
}

TEST_CASE("what a peer says for people has no control characters and an end") {
    Group group(1, kNotes, {"notes"});
    DeviceId peer;
    peer.bytes.fill(0xee);
    REQUIRE(group.engine(0).trust(peer, "", group.now(0)));
    group.engine(0).peer_up(peer, group.now(0));
    group.engine(0).receive(peer, message::Hello{"red \x1b[31m\n\xc2\x9b", {}, group.now(0).wall},
                            group.now(0));
    group.engine(0).receive(peer, message::Bye{std::string(2'000, '\a')}, group.now(0));
    group.engine(0).peer_down(peer, "gone", group.now(0));
    std::string reason;
    for (const Event& event : group.events(0)) {
        if (event.kind == EventKind::peer_down) reason = event.text;
    }
    CHECK(reason.find("goodbye") != std::string::npos);
    CHECK(reason.find('\a') == std::string::npos);
    CHECK(reason.size() <= message::kReasonBytesMax);
    CHECK(group.app(0).ask("SELECT name FROM strandline_members") == "'red  [31m   '");
    CHECK_FALSE(
        init_database({group.path(0) + ".new", peer, "two\nlines", {}, [] { return 1U; }}, group.now(0)));
    CHECK_FALSE(init_database({group.path(0) + ".new", peer, std::string(256, 'x'), {}, [] { return 1U; }},
                              group.now(0)));
}
