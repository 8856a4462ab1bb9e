#include <strandline/node.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "tests/tcp/device.h"
#include "tests/tcp/folder.h"

using namespace strandline;
using namespace strandline::tests;

TEST_CASE("two nodes on one machine bring rows across, both ways, as they are written") {
    const Folder folder;
    Device a(folder / "a.db");
    Device b(folder / "b.db");
    a.app().write("1", "before");
    a.open("127.0.0.1:0", {}, {b.id});
    b.open("", {a.address()}, {a.id});
    CHECK(b.node().port() == 0);
    a.start();
    b.start();
    CHECK(alike(a, b, 1));
    b.app().write("2", "from b");
    CHECK(alike(a, b, 2));
    a.app().write("3", "from a");
    CHECK(alike(a, b, 3));
    CHECK(a.count(EventKind::peer_up) == 1);
    CHECK(b.count(EventKind::peer_up) == 1);
    a.stop();
    b.stop();
    CHECK(a.result());
    CHECK(a.count(EventKind::peer_down) == 1);
}

TEST_CASE("run_once comes back when both sides know that they hold the same") {
    const Folder folder;
    Device a(folder / "a.db");
    Device b(folder / "b.db");
    a.app().write("1", "from a");
    b.app().write("2", "from b");
    a.open("127.0.0.1:0", {}, {b.id});
    a.start();
    b.open("", {a.address()}, {a.id});
    const auto done = b.node().run_once(30);
    REQUIRE(done);
    CHECK(*done);
    CHECK(a.app().notes().size() == 2);
    CHECK(b.app().notes() == a.app().notes());
    CHECK(b.node().engine().status().sent.bytes > 0);
    CHECK(b.node().engine().status().received.bytes > 0);
    // The goodbye came after b's last receipt, so a knows, too.
    CHECK(soon([&] { return a.count(EventKind::in_step) == 1; }));
    CHECK(soon([&] { return a.count(EventKind::peer_down) == 1; }));

    SECTION("and again, with nothing to do") {
        CHECK(b.node().run_once(30) == true);
    }
}

TEST_CASE("rows travel compressed when both sides do it, and as they are when one does not") {
    const Folder folder;
    // Notes that have much in common, as people's have; and what one that catches up with them receives.
    const auto received_bytes = [&](const std::string& name, bool a_compresses, bool b_compresses) {
        Device a(folder / (name + "a.db"));
        Device b(folder / (name + "b.db"));
        for (int i = 0; i < 500; ++i)
            a.app().write(std::to_string(i),
                          "Buy milk, bread and " + std::to_string(i) + " eggs, then call home");
        a.open("127.0.0.1:0", {}, {b.id}, a_compresses);
        a.start();
        b.open("", {a.address()}, {a.id}, b_compresses);
        CHECK(b.node().run_once(30) == true);
        CHECK(b.app().notes() == a.app().notes());
        return b.node().engine().status().received.bytes;
    };
    const auto compressed = received_bytes("both", true, true);
    const auto plain = received_bytes("neither", false, false);
    CHECK(compressed < plain / 2);
    CHECK(received_bytes("sender", true, false) > 2 * compressed);
    CHECK(received_bytes("receiver", false, true) > 2 * compressed);
}

TEST_CASE("run_once with nobody there says no when the time is over, and says whom it could not reach") {
    const Folder folder;
    Device b(folder / "b.db");
    b.open("", {"127.0.0.1:1"}, {});
    CHECK(b.node().run_once(0.2) == false);
    CHECK(b.noticed("127.0.0.1:1"));
    CHECK(b.noticed("refused"));
}

TEST_CASE("run_once without a peer or with a time that is none is a usage error") {
    const Folder folder;
    Device a(folder / "a.db");
    a.open("", {}, {});
    CHECK(a.node().run_once(1).error().category == Category::usage);
    a.stop();
    a.open("", {"127.0.0.1:1"}, {});
    CHECK(a.node().run_once(-1).error().category == Category::usage);
}

TEST_CASE("only one node runs a database; the refusal names the process, and status knows it") {
    const Folder folder;
    Device a(folder / "a.db");
    CHECK(running_process(a.path()) == 0);
    a.open("", {}, {});
    const auto second = Node::open({.database = a.path(), .listen = "", .peers = {}});
    REQUIRE_FALSE(second);
    CHECK(second.error().category == Category::busy);
    CHECK_THAT(second.error().message, Catch::Contains(std::to_string(getpid())));
    CHECK(running_process(a.path()) == getpid());
    a.stop();
    CHECK(running_process(a.path()) == 0);
}

TEST_CASE("wrong addresses and a port in use are refused with a sentence, and leave the database free") {
    const Folder folder;
    Device a(folder / "a.db");
    Device b(folder / "b.db");
    a.open("127.0.0.1:0", {}, {});
    const auto in_use = Node::open({b.path(), a.address(), {}});
    REQUIRE_FALSE(in_use);
    CHECK_THAT(in_use.error().message, Catch::Contains(a.address()) && Catch::Contains("in use"));
    CHECK(Node::open({b.path(), "nonsense", {}}).error().category == Category::usage);
    CHECK(Node::open({b.path(), "", {"127.0.0.1"}}).error().category == Category::usage);
    CHECK(Node::open({b.path(), "", {"127.0.0.1:0"}}).error().category == Category::usage);
    CHECK(Node::open({b.path(), "", {}}));
}

TEST_CASE("devices that do not trust each other say what to do, and meet once it is done") {
    const Folder folder;
    Device a(folder / "a.db");
    Device b(folder / "b.db");
    a.app().write("1", "for friends");
    a.open("127.0.0.1:0", {}, {});
    b.open("", {a.address()}, {});
    a.start();
    b.start();
    CHECK(soon([&] { return b.noticed("strandline trust " + b.path() + " " + to_hex(a.id)); }));
    CHECK(a.count(EventKind::peer_up) == 0);

    b.stop();
    b.open("", {a.address()}, {a.id});
    b.start();
    CHECK(soon([&] { return a.noticed("strandline trust " + a.path() + " " + to_hex(b.id)); }));
    CHECK(soon([&] { return b.noticed("run there: strandline trust DB " + to_hex(b.id)); }));
    CHECK(b.count(EventKind::peer_up) == 0);
    CHECK(b.app().notes().empty());

    a.stop();
    a.open("127.0.0.1:0", {}, {b.id});
    b.stop();
    b.open("", {a.address()}, {});
    a.start();
    b.start();
    CHECK(alike(a, b, 1));
}

TEST_CASE("two devices that dial each other, and name each other twice, end with one session") {
    const Folder folder;
    Device a(folder / "a.db");
    Device b(folder / "b.db");
    a.open("127.0.0.1:0", {}, {b.id});
    const std::string a_port = std::to_string(a.node().port());
    b.open("127.0.0.1:0", {"127.0.0.1:" + a_port, "localhost:" + a_port}, {a.id});
    const std::string b_address = b.address();
    a.stop();
    a.open("127.0.0.1:" + a_port, {b_address, "127.0.0.1:" + a_port}, {});  // Itself, too.
    a.start();
    b.start();
    for (int round = 1; round <= 20; ++round) {
        (round % 2 == 0 ? a : b).app().write(std::to_string(round), "x");
        CHECK(alike(a, b, static_cast<std::size_t>(round)));
    }
    CHECK(a.count(EventKind::peer_up) - a.count(EventKind::peer_down) == 1);
    CHECK(b.count(EventKind::peer_up) - b.count(EventKind::peer_down) == 1);
    CHECK(a.count(EventKind::peer_up) <= 4);
    CHECK(a.noticed("this device itself"));
}

TEST_CASE("a device that is named twice is connected once") {
    const Folder folder;
    Device a(folder / "a.db");
    Device b(folder / "b.db");
    a.open("127.0.0.1:0", {}, {b.id});
    b.open("", {a.address(), a.address()}, {a.id});
    a.start();
    b.start();
    b.app().write("1", "x");
    CHECK(alike(a, b, 1));
    a.app().write("2", "x");
    CHECK(alike(a, b, 2));
    CHECK(a.count(EventKind::peer_up) == 1);
    CHECK(b.count(EventKind::peer_up) == 1);
    CHECK_FALSE(b.noticed(""));  // Nobody needs to hear of the dial that was not needed.
    CHECK_FALSE(a.noticed(""));
}

TEST_CASE("rows that come while an app holds the database's lock wait, and arrive when it lets go") {
    const Folder folder;
    Device a(folder / "a.db");
    Device b(folder / "b.db");
    a.open("127.0.0.1:0", {}, {b.id});
    b.open("", {a.address()}, {a.id});
    a.start();
    b.start();
    CHECK(soon([&] { return a.count(EventKind::peer_up) == 1; }));
    a.app().run("BEGIN IMMEDIATE");
    for (int row = 1; row <= 20; ++row) {
        b.app().write(std::to_string(row), "x");
        std::this_thread::sleep_for(
            std::chrono::milliseconds(100));  // Longer, in all, than the engine waits.
    }
    a.app().run("COMMIT");
    CHECK(alike(a, b, 20));
    CHECK(a.count(EventKind::peer_down) == 0);
}

TEST_CASE("a peer that goes and comes back is found again") {
    const Folder folder;
    Device a(folder / "a.db");
    Device b(folder / "b.db");
    a.open("127.0.0.1:0", {}, {b.id});
    const std::string address = a.address();
    b.open("", {address}, {a.id});
    a.start();
    b.start();
    CHECK(soon([&] { return b.count(EventKind::peer_up) == 1; }));
    a.stop();
    CHECK(soon([&] { return b.count(EventKind::peer_down) == 1; }));
    b.app().write("1", "while a was away");
    a.open(address, {}, {});
    a.start();
    CHECK(alike(a, b, 1));
}

TEST_CASE("stop before run ends it at once, and a stopped node can run again") {
    const Folder folder;
    Device a(folder / "a.db");
    a.open("127.0.0.1:0", {}, {});
    a.node().stop();
    CHECK(a.node().run());
    a.node().stop();
    a.node().stop();
    CHECK(a.node().run());
}

TEST_CASE("stop ends a node whose peer's name nobody can look up, and one whose peer never answers") {
    const Folder folder;
    Device a(folder / "a.db");
    a.open("127.0.0.1:0", {"no-such-host.invalid:7100", "192.0.2.1:7100"}, {});
    a.start();
    a.stop();
    CHECK(a.result());
}

TEST_CASE(
    "init makes a key only its owner can read, a second init changes nothing, and id is the same ever "
    "after") {
    const Folder folder;
    const std::string path = folder / "a.db";
    const auto made = init_device(path, "alice");
    REQUIRE(made);
    using std::filesystem::perms;
    CHECK((std::filesystem::status(path + ".key").permissions() & perms::all) ==
          (perms::owner_read | perms::owner_write));
    CHECK(device_id_of(path) == *made);
    CHECK_FALSE(init_device(path, "bob"));
    CHECK(device_id_of(path) == *made);
}

TEST_CASE("an init that fails leaves no key behind") {
    const Folder folder;
    std::ofstream(folder / "a.db") << "this is a text, and no database at all, however long one looks at it";
    CHECK_FALSE(init_device(folder / "a.db", ""));
    CHECK_FALSE(std::filesystem::exists(folder / "a.db.key"));
    CHECK_FALSE(init_device("/nowhere/a.db", ""));
}

TEST_CASE("a device is the same one by whatever symbolic link it is named, its key is beside the file") {
    const Folder folder;
    std::filesystem::create_directory(folder / "real");
    std::filesystem::create_symlink("real/a.db", folder / "link.db");
    std::filesystem::create_symlink("link.db", folder / "again.db");
    const auto made =
        init_device(folder / "again.db", "");  // Nothing is there yet that the links could lead to.
    REQUIRE(made);
    CHECK(std::filesystem::exists(folder / "real/a.db.key"));
    for (const char* name : {"real/a.db", "link.db", "again.db"}) {
        CHECK(device_id_of(folder / name).value() == *made);
        CHECK_FALSE(init_device(folder / name, ""));  // It is a device already.
        CHECK(Node::open({folder / name, "", {}}));
    }
}

TEST_CASE("a database that is no device, or whose key is gone, does not open and is not changed") {
    const Folder folder;
    CHECK_FALSE(Node::open({folder / "a.db", "", {}}));
    CHECK(std::filesystem::is_empty(folder / ""));
    Device a(folder / "a.db");
    std::filesystem::remove(a.path() + ".key");
    CHECK_FALSE(Node::open({a.path(), "", {}}));
    CHECK_FALSE(device_id_of(a.path()));
    // A device already: a new key would make it another one.
    CHECK_FALSE(init_device(a.path(), ""));
    CHECK_FALSE(std::filesystem::exists(a.path() + ".key"));
}
