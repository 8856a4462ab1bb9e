// Restored files, and copies beside their originals.
#include <catch2/catch.hpp>

#include <filesystem>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";

/// Copies a database that nobody has open.
void copy(const std::string& from, const std::string& to) {
    std::filesystem::remove(to + "-wal");
    std::filesystem::remove(to + "-shm");
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
}

}  // namespace

TEST_CASE("a database restored from a copy goes on as a new origin, and nothing is lost") {
    const bool writes_first = GENERATE(false, true);
    Group group(3, kNotes, {"notes"});
    group.connect_all();
    group.write(0, "INSERT INTO notes VALUES ('old', 'of 0', '')");
    group.converge();
    group.stop(0);
    group.close_app(0);
    copy(group.path(0), group.path(0) + ".copy");
    group.reopen_app(0);
    group.start(0);
    group.connect_all();
    group.write(
        0, "INSERT INTO notes VALUES ('lost', 'of 0', ''); UPDATE notes SET body = 'lost' WHERE id = 'old'");
    group.converge();
    REQUIRE(group.app(2).ask("SELECT count(*) FROM notes") == "2");
    group.stop(0);
    group.close_app(0);
    copy(group.path(0) + ".copy", group.path(0));
    group.reopen_app(0);
    if (writes_first) {
        group.pass(10);
        group.app(0).run(
            "INSERT INTO notes VALUES ('restored', 'of 0', ''); UPDATE notes SET title = 'restored' WHERE id "
            "= 'old'");
    }
    group.start(0);
    group.connect(0, 1);
    group.converge();
    CHECK(group.was_told(0, EventKind::incarnation));
    group.write(0, "INSERT INTO notes VALUES ('after', 'of 0', '')");
    group.connect(0, 2);
    group.converge();
    CHECK(group.is_same("notes"));
    const std::string title = writes_first ? "'restored'" : "'of 0'";
    CHECK(group.app(2).ask("SELECT title, body FROM notes WHERE id = 'old'") == title + "|'lost'");
    CHECK(group.app(0).ask("SELECT count(*) FROM notes") == (writes_first ? "4" : "3"));
}

TEST_CASE("a database restored with its key file loses nothing, though it writes before it meets a peer") {
    const bool runs_when_it_writes = GENERATE(false, true);
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('old', 'of 0', ''), ('gone', 'of 0', '')");
    group.converge();
    group.stop(0);
    group.close_app(0);
    copy(group.path(0), group.path(0) + ".copy");
    const Opening then = group.opening(0);
    group.reopen_app(0);
    group.start(0);
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('lost', 'of 0', ''); DELETE FROM notes WHERE id = 'gone'");
    group.converge();
    group.stop(0);
    group.close_app(0);
    copy(group.path(0) + ".copy", group.path(0));
    group.set_opening(0, {then.count, group.new_mark()});
    group.reopen_app(0);
    group.pass(10);
    if (!runs_when_it_writes) group.app(0).run("INSERT INTO notes VALUES ('after', 'of 0', '')");
    group.start(0);
    CHECK(group.was_told(0, EventKind::incarnation));
    if (runs_when_it_writes) group.write(0, "INSERT INTO notes VALUES ('after', 'of 0', '')");
    group.connect(0, 1);
    group.converge();
    CHECK(group.app(0).ask("SELECT id FROM notes ORDER BY id") == "'after'\n'lost'\n'old'");
    CHECK(group.is_same("notes"));
}

TEST_CASE("a copy beside its original is another origin, and through a third device both get all writes") {
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('both', 'before', '')");
    group.converge();
    group.stop(0);
    group.app(0).run("INSERT INTO notes VALUES ('unfolded', 'before', '')");
    const std::size_t twin = group.clone(0);
    group.start(0);
    CHECK(group.was_told(twin, EventKind::incarnation));
    CHECK_FALSE(group.was_told(0, EventKind::incarnation));
    for (int round = 0; round < 3; ++round) {
        for (const std::size_t i : {std::size_t{0}, twin}) {
            const std::string id = std::to_string(round) + " of " + std::to_string(i);
            group.connect(i, 1);
            group.write(i, "INSERT INTO notes VALUES ('" + id + "', 'x', ''); UPDATE notes SET title = '" +
                               id + "' WHERE id = 'both'");
            group.converge();
            group.disconnect(i, 1);
        }
    }
    group.connect(0, 1);
    group.converge();
    CHECK(group.is_same("notes"));
    CHECK(group.app(1).ask("SELECT count(*) FROM notes") == "8");
    CHECK(group.app(1).ask("SELECT title FROM notes WHERE id = 'both'") == "'2 of 2'");
}

TEST_CASE("what a peer has acknowledged is forgotten when another life of it speaks") {
    Group group(2, kNotes, {"notes"});
    REQUIRE(group.engine(0).trust(group.id(1), "", group.now(0)));
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('a', '', ''), ('b', '', '')");
    group.converge();
    group.stop(1);
    CHECK(group.engine(0).status().peers.at(0).behind == 0);
    const std::size_t twin = group.clone(1);
    group.connect(0, twin);
    // Hello alone: what this life holds it has not said yet.
    while (group.carry(twin, 0)->kind != 0) {
    }
    CHECK(group.engine(0).status().peers.at(0).behind == 2);
    group.converge();
    CHECK(group.engine(0).status().peers.at(0).behind == 0);
}

TEST_CASE("a whole disk that was put back is found out by what its peers hold, whenever it writes") {
    const bool writes_while_stopped = GENERATE(false, true);
    const bool writes_before_it_meets = GENERATE(false, true);
    const bool copies_unfolded = GENERATE(false, true);
    Group group(2, kNotes, {"notes"});
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('old', 'of 0', ''), ('gone', 'of 0', '')");
    group.converge();
    group.stop(0);
    if (copies_unfolded) group.app(0).run("UPDATE notes SET body = 'unfolded' WHERE id = 'old'");
    group.close_app(0);
    copy(group.path(0), group.path(0) + ".copy");
    const Opening then = group.opening(0);
    group.reopen_app(0);
    group.start(0);
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('lost', 'of 0', ''); DELETE FROM notes WHERE id = 'gone'");
    group.converge();
    group.stop(0);
    group.close_app(0);
    copy(group.path(0) + ".copy", group.path(0));
    group.set_opening(0, then);
    group.reopen_app(0);
    group.pass(10);
    if (writes_while_stopped) group.app(0).run("INSERT INTO notes VALUES ('a', 'x', '')");
    group.start(0);
    if (writes_before_it_meets) group.write(0, "INSERT INTO notes VALUES ('b', 'x', ''), ('c', 'x', '')");
    group.write(0, "UPDATE notes SET title = 'y' WHERE id IN ('a', 'b')");
    CHECK_FALSE(group.was_told(0, EventKind::incarnation));
    group.connect(0, 1);
    group.converge();
    CHECK(group.was_told(0, EventKind::incarnation));
    group.connect(0, 1);
    group.write(0, "INSERT INTO notes VALUES ('z', 'of 0', '')");
    group.converge();
    std::string expected = "'lost'|'of 0'\n'old'|'of 0'\n'z'|'of 0'";
    if (writes_before_it_meets) expected = "'b'|'y'\n'c'|'x'\n" + expected;
    if (writes_while_stopped) expected = "'a'|'y'\n" + expected;
    CHECK(group.app(1).ask("SELECT id, title FROM notes ORDER BY id") == expected);
    CHECK(group.is_same("notes"));
    CHECK_FALSE(group.was_told(0, EventKind::incarnation));
}

TEST_CASE("an opening that is not the one remembered begins a new incarnation, told but for the first") {
    Group group(1, kNotes, {});
    const std::string path = group.path(0) + ".new";
    EngineOptions options;
    options.database = path;
    options.device = group.id(0);
    std::uint64_t drawn = 0;
    options.entropy = [&] { return ++drawn; };
    REQUIRE(init_database({path, group.id(0), {}, {}, options.entropy}, group.now(0)));
    struct Begun {
        bool is_new = false;
        bool is_told = false;
    };
    const auto open = [&](const Opening& found, bool remembers = true) {
        options.opening = found;
        const std::uint64_t before = drawn;
        auto engine = Engine::open(options, group.now(0));
        REQUIRE(engine);
        Begun begun{drawn != before, false};
        const std::uint64_t next = found.count + 1;
        const auto count = [&]() -> Result<Opening> { return Opening{next, "m" + std::to_string(next)}; };
        if (remembers) REQUIRE(engine->remember(count));
        engine->advance({group.now(0).wall, {group.now(0).steady.value + 2'000}});
        while (auto event = engine->next_event())
            begun.is_told = begun.is_told || event->kind == EventKind::incarnation;
        return begun;
    };
    const auto expect = [](Begun begun, bool is_new, bool is_told) {
        CHECK(begun.is_new == is_new);
        CHECK(begun.is_told == is_told);
    };
    expect(open({0, "m0"}), true, false);  // A copy made before this is another life.
    expect(open({1, "m1"}), false, false);
    expect(open({2, "another"}), true, true);
    expect(open({3, "m3"}), false, false);
    expect(open({2, "m2"}), true, true);
    expect(open({3, "m3"}, false), false, false);
    expect(open({4, "m4"}, false), true, true);  // The process ended between the key file and the database.
    expect(open({4, "m4"}), false, false);
    copy(path, path + ".copy");
    expect(open({5, "m5"}), false, false);
    copy(path + ".copy", path);
    expect(open({6, "m6"}), true, true);
}
