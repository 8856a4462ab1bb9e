// Two devices track a table of one name: is it one table?
#include <catch2/catch.hpp>

#include "engine/agreement.h"
#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

/// Two devices, each with a table t of its own shape, and with one, ok, that is the same on both.
struct Unlike : Group {
    Unlike(const std::string& a, const std::string& b, Ownership of_b = Ownership::shared)
        : Group(2, "", {}) {
        app(0).run(a + "; CREATE TABLE ok(id TEXT PRIMARY KEY, v)");
        app(1).run(b + "; CREATE TABLE ok(id TEXT PRIMARY KEY, v)");
        track(0, {"t", "ok"});
        track(1, {"ok"});
        track(1, {"t"}, of_b);
        connect(0, 1);
        converge();
    }
    /// What was told of t in events of that kind.
    std::vector<std::string> told(std::size_t i) {
        std::vector<std::string> texts;
        for (const Event& event : events(i)) {
            if (event.kind == EventKind::not_exchanged) texts.push_back(event.resource + ": " + event.text);
        }
        return texts;
    }
    void check_not_exchanged() {
        for (const std::size_t i : {0U, 1U}) {
            const auto texts = told(i);
            REQUIRE(texts.size() == 1);
            CHECK(texts[0].starts_with("t: "));
            const Status status = engine(i).status();
            CHECK(status.resources.at(0).not_exchanged.empty());
            REQUIRE(status.resources.at(1).not_exchanged.size() == 1);
            CHECK(status.resources.at(1).not_exchanged[0].peer == id(1 - i));
            CHECK("t: " + status.resources.at(1).not_exchanged[0].why == texts[0]);
            CHECK(engine(i).is_in_step(id(1 - i)));
        }
        write(0, "INSERT INTO ok(id) VALUES ('from 0')");
        write(1, "INSERT INTO ok(id) VALUES ('from 1')");
        converge();
        CHECK(table(0, "ok") == "'from 0'|NULL\n'from 1'|NULL");
        CHECK(is_same("ok"));
        CHECK(rows_received(0) == 1);
        CHECK(rows_received(1) == 1);
    }
};

const std::string kText = "CREATE TABLE t(id TEXT PRIMARY KEY, v)";

engine::store::Resource resource_with(std::vector<engine::store::KeyColumn> key) {
    engine::store::Resource resource;
    resource.key = std::move(key);
    return resource;
}

}  // namespace

TEST_CASE("a table whose key is another one on the peer is told and not exchanged, and all others go on") {
    const std::string other = GENERATE(
        "CREATE TABLE t(id PRIMARY KEY, v)", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
        "CREATE TABLE t(id TEXT PRIMARY KEY COLLATE NOCASE, v)",
        "CREATE TABLE t(v TEXT PRIMARY KEY, id TEXT)", "CREATE TABLE t(id TEXT, v TEXT, PRIMARY KEY (id, v))",
        "CREATE TABLE t(id REAL PRIMARY KEY, v)");
    CAPTURE(other);
    Unlike pair(kText, other);
    pair.write(0, "INSERT INTO t(id, v) VALUES ('1', 'precious')");
    pair.converge();
    pair.check_not_exchanged();
    pair.write(1, "INSERT INTO t(id, v) VALUES (1, 'number'); DELETE FROM t");
    pair.converge();
    CHECK(pair.table(0, "t") == "'1'|'precious'");
    CHECK(pair.told(0).empty());
}

TEST_CASE("the columns of a key must stand in one order on both devices") {
    Unlike pair("CREATE TABLE t(a TEXT, b TEXT, PRIMARY KEY (a, b))",
                "CREATE TABLE t(a TEXT, b TEXT, PRIMARY KEY (b, a))");
    pair.write(0, "INSERT INTO t VALUES ('x', 'y')");
    pair.converge();
    pair.check_not_exchanged();
    CHECK(pair.table(1, "t").empty());
}

TEST_CASE("keys that hold the same values are one, however their types are spelled") {
    Unlike pair("CREATE TABLE t(id BIGINT PRIMARY KEY, v)", "CREATE TABLE t(ID NUMERIC PRIMARY KEY, v)");
    CHECK(pair.told(0).empty());
    pair.write(0, "INSERT INTO t VALUES ('1', 'v')");
    pair.converge();
    CHECK(pair.table(1, "t") == "1|'v'");
}

TEST_CASE("a STRICT table's ANY takes values as they are, and another table's does not") {
    Unlike pair("CREATE TABLE t(id ANY PRIMARY KEY, v ANY) STRICT", "CREATE TABLE t(id ANY PRIMARY KEY, v)");
    pair.check_not_exchanged();
}

TEST_CASE("a table that is device-owned on one side and shared on the other is told and not exchanged") {
    Unlike pair(kText, kText, Ownership::device_owned);
    pair.write(0, "INSERT INTO t VALUES ('1', 'v')");
    pair.converge();
    pair.check_not_exchanged();
    CHECK(pair.table(1, "t").empty());
}

TEST_CASE("a table that is made again with the peer's key is exchanged from then on, by itself") {
    Unlike pair(kText, "CREATE TABLE t(id PRIMARY KEY, v)");
    pair.write(0, "INSERT INTO t VALUES ('0', 'zero')");
    pair.write(1, "INSERT INTO t VALUES (1, 'one')");
    pair.converge();
    pair.pass(1'100);
    const std::size_t whose = GENERATE(0U, 1U);
    CAPTURE(whose);
    pair.write(whose, std::string("BEGIN; CREATE TABLE t2(id ") + (whose == 0 ? "" : "TEXT") +
                          " PRIMARY KEY, v); INSERT INTO t2 SELECT * FROM t; DROP TABLE t; ALTER TABLE t2 "
                          "RENAME TO t; COMMIT");
    pair.converge();
    pair.connect(0, 1);
    pair.converge();
    CHECK(pair.table(0, "t").find("'zero'") != std::string::npos);
    CHECK(pair.table(0, "t").find("'one'") != std::string::npos);
    CHECK(pair.is_same("t"));
    for (const std::size_t i : {0U, 1U}) CHECK(pair.engine(i).status().resources.at(1).not_exchanged.empty());
    pair.write(1 - whose, "UPDATE t SET v = 'later'");
    pair.converge();
    CHECK(pair.is_same("t"));
}

TEST_CASE("a table that others have rows of is not tracked anew with another key, but is away") {
    Group group(2, kText, {"t"});
    group.connect(0, 1);
    group.write(0, "INSERT INTO t VALUES ('1', 'v')");
    group.converge();
    const std::string change =
        GENERATE("CREATE TABLE t(v TEXT PRIMARY KEY, id)", "CREATE TABLE t(id PRIMARY KEY, v)",
                 "CREATE TABLE t(code TEXT PRIMARY KEY, v)");
    CAPTURE(change);
    group.write(0, "DROP TABLE t; " + change + "; INSERT INTO t VALUES ('2', 'w')");
    group.converge();
    group.connect(0, 1);
    group.converge();
    CHECK(group.was_told(0, EventKind::trouble));
    CHECK(group.table(1, "t") == "'1'|'v'");
    group.write(0, "DROP TABLE t; " + kText);
    group.converge();
    group.connect(0, 1);
    group.converge();
    CHECK(group.table(0, "t") == "'1'|'v'");
}

TEST_CASE("a key's column that is renamed on one device before the other keeps the table in step") {
    Group group(2, "CREATE TABLE t(id TEXT, part TEXT, v, PRIMARY KEY (id, part))", {"t"});
    group.connect(0, 1);
    group.write(0, "INSERT INTO t VALUES ('1', 'a', 'v')");
    group.converge();
    group.write(0, "ALTER TABLE t RENAME COLUMN id TO number");
    group.stop(0);
    group.start(0);
    group.connect(0, 1);
    group.write(0, "UPDATE t SET v = 'renamed'");
    group.write(1, "INSERT INTO t VALUES ('2', 'b', 'w')");
    group.converge();
    CHECK(group.table(1, "t") == "'1'|'a'|'renamed'\n'2'|'b'|'w'");
    CHECK(group.is_same("t"));
    group.write(1, "ALTER TABLE t RENAME COLUMN id TO number; UPDATE t SET v = 'both'");
    group.converge();
    CHECK(group.is_same("t"));
    CHECK_FALSE(group.was_told(0, EventKind::not_exchanged));
}

TEST_CASE("a table that is tracked on one side alone is told, on both sides, once a session") {
    Group group(2, "CREATE TABLE t(id TEXT PRIMARY KEY); CREATE TABLE both(id TEXT PRIMARY KEY)", {"both"});
    group.track(0, {"t"});
    group.connect(0, 1);
    group.converge();
    group.write(0, "INSERT INTO both VALUES (1)");
    group.track(1, {"both"});
    group.converge();
    const auto texts = [&](std::size_t i) {
        std::string all;
        for (const Event& event : group.events(i)) {
            if (event.kind == EventKind::not_exchanged) all += event.text + "\n";
        }
        return all;
    };
    CHECK(texts(0) ==
          "this device tracks t, the peer does not; what is tracked on one side alone is not exchanged\n");
    CHECK(texts(1) ==
          "the peer tracks t, this device does not; `strandline track` them here to have them exchanged\n");
}

TEST_CASE("a peer that does not say what its keys are is taken to have ours") {
    const auto ours = resource_with({{"id", engine::store::Affinity::text, engine::Collation::nocase}});
    CHECK(engine::disagreement(ours, Ownership::shared, {}).empty());
    CHECK(engine::disagreement(ours, Ownership::shared, {{"TEXT", "NOCASE", {"was", "ID"}}}).empty());
    CHECK(
        engine::disagreement(ours, Ownership::shared, {{"TEXT", "NOCASE", {"other"}}}) ==
        "its key is (id TEXT COLLATE NOCASE) here and (other TEXT COLLATE NOCASE) there, so what is one row "
        "to one device may be two to the other, and it is not exchanged; make the table again, with the same "
        "key, on one of the two");
}

TEST_CASE("a pull or a push of a table with another key ends the session") {
    Group group(1, kText, {"t"});
    DeviceId stranger;
    stranger.bytes.fill(0xee);
    const auto say = [&](Message message) {
        group.engine(0).receive(stranger, std::move(message), group.now(0));
    };
    group.engine(0).peer_up(stranger, group.now(0));
    say(message::Hello{"stranger", Incarnation{1}, group.now(0).wall});
    say(message::Have{true, {}, {{"t", false, 0, {{{"", {}}, {}}}, {{"BLOB", "BINARY", {"id"}}}}}});
    REQUIRE_FALSE(group.engine(0).is_closed(stranger));
    SECTION("a pull") {
        say(message::Pull{1, {}, {{"t", {{{"", {}}, {}}}}}});
    }
    SECTION("a push") {
        say(message::Pages{0, 0, true, {}, {{"t", {"", {}}, {}, {}, {}}}});
    }
    CHECK(group.engine(0).is_closed(stranger));
}
