// What is kept of a schema in memory, and until when.
#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <string>

#include "engine/store/definitions.h"
#include "engine/store/store.h"
#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;
using engine::store::Connection;
using engine::store::Definition;
using engine::store::Definitions;
using engine::store::OpenMode;
using engine::store::Store;
using engine::store::Transaction;

namespace {

bool has(Definitions& definitions, const std::string& sql) {
    return std::ranges::count(definitions.all(), sql, &Definition::sql) == 1;
}

}  // namespace

TEST_CASE("definitions follow the schema, whoever changes it") {
    Group group(1, "CREATE TABLE t(id INTEGER PRIMARY KEY, a)", {"t"});
    Connection connection(group.path(0), OpenMode::existing);
    Definitions definitions(connection);
    CHECK(has(definitions, "CREATE TABLE t(id INTEGER PRIMARY KEY, a)"));
    SECTION("we ourselves") {
        connection.execute("ALTER TABLE t ADD COLUMN b");
    }
    SECTION("another process") {
        group.app(0).run("ALTER TABLE t ADD COLUMN b");
    }
    CHECK(has(definitions, "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)"));
}

TEST_CASE("definitions that were taken back are not kept, though the next ones have the same number") {
    Connection connection(":memory:", OpenMode::create);
    Definitions definitions(connection);
    {
        const Transaction taken_back(connection);
        connection.execute("CREATE TABLE t(one)");
        CHECK(has(definitions, "CREATE TABLE t(one)"));
    }
    connection.execute("CREATE TABLE t(another)");
    CHECK(has(definitions, "CREATE TABLE t(another)"));
}

TEST_CASE("a mirror is stale when another process has written, though the schema is the same") {
    Group group(1, "CREATE TABLE t(id INTEGER PRIMARY KEY, a)", {"t"});
    constexpr std::size_t kEnough = 1'000'000;
    Store store(std::make_unique<Connection>(group.path(0), OpenMode::existing), kEnough, kEnough);
    CHECK_FALSE(store.is_stale());
    group.app(0).run("INSERT INTO strandline_origins(id, device, incarnation) VALUES (1, x'01', 1)");
    CHECK(store.is_stale());
    const Transaction transaction(store.connection);
    (void)store.meet_schema();
    CHECK(store.origins.ids().size() == 2);
}

TEST_CASE("tables that are tracked together, one of them under two spellings, are each captured") {
    Group group(2, "CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE TABLE u(x, y, PRIMARY KEY (x, y))", {});
    for (std::size_t i = 0; i < 2; ++i) group.track(i, {"t", "U", "T"});
    CHECK(group.engine(0).status().resources.size() == 2);
    group.connect(0, 1);
    group.write(0, "INSERT INTO t VALUES (1, 'one'); INSERT INTO u VALUES (1, 2)");
    group.converge();
    CHECK(group.table(1, "t") == "1|'one'");
    CHECK(group.table(1, "u") == "1|2");
}

TEST_CASE("columns that are added right before another table is tracked are captured too") {
    Group group(2, "CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE TABLE u(id INTEGER PRIMARY KEY, a)",
                {"t"});
    for (std::size_t i = 0; i < 2; ++i) {
        group.app(i).run("ALTER TABLE u ADD COLUMN b; ALTER TABLE t ADD COLUMN b");
        group.track(i, {"u"});
    }
    group.connect(0, 1);
    group.write(0, "INSERT INTO u VALUES (1, 2, 3); INSERT INTO t VALUES (1, 2, 3)");
    group.write(0, "UPDATE u SET b = 4; UPDATE t SET b = 4");
    group.converge();
    CHECK(group.table(1, "u") == "1|2|4");
    CHECK(group.table(1, "t") == "1|2|4");
}

TEST_CASE("deletions that were taken away are found again when that is rolled back") {
    Group group(1, "CREATE TABLE t(id INTEGER PRIMARY KEY, a)", {"t"});
    group.write(0, "INSERT INTO t VALUES (1, 'a')");
    group.write(0, "DELETE FROM t");
    group.stop(0);
    Store store(std::make_unique<Connection>(group.path(0), OpenMode::existing), 1 << 20, 1 << 20);
    const std::int64_t table = store.catalog.resources().front().id;
    const watermarks::Vector held = store.coverage(table).floor();
    const auto deletions = [&] { return store.stamps.with_eras(table, {"", std::nullopt}, held, 10); };
    const auto keys = deletions();
    REQUIRE(keys.size() == 1);
    {
        Transaction transaction(store.connection);
        store.stamps.save(table, keys.front(), store.stamps.load(table, keys.front()), {});
        CHECK(deletions().empty());
    }
    CHECK(deletions() == keys);
}
