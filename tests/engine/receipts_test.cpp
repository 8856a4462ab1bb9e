#include <sqlite3.h>
#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <vector>

#include "engine/store/connection.h"
#include "engine/store/ledger.h"
#include "engine/store/schema.h"

using namespace strandline;
using namespace strandline::engine;
using watermarks::Vector;

TEST_CASE("a receipt is read as it was put, whatever numbers its vector has") {
    store::Connection connection(":memory:", store::OpenMode::create);
    store::create_schema(connection, {":memory:", {}, "here", {}, [] { return std::uint64_t{1}; }}, {});
    store::Ledger ledger(connection);
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    constexpr auto kLastOrigin = std::numeric_limits<std::uint32_t>::max();
    std::vector<Vector::Entry> many;
    for (std::uint32_t i = 0; i < 1'000; ++i)
        many.emplace_back(Origin{3 * i}, Hlc{(std::int64_t{1} << 56) - 77 * i});
    const std::vector<Vector> vectors{
        Vector(),
        Vector::from({{Origin{0}, Hlc{1}}}),
        Vector::from({{Origin{127}, Hlc{127}}, {Origin{255}, Hlc{128}}}),
        Vector::from({{Origin{0}, Hlc{kMost}}, {Origin{kLastOrigin}, Hlc{1}}}),
        Vector::from(many),
    };
    DeviceId peer;
    for (std::size_t i = 0; i < vectors.size(); ++i) {
        peer.bytes[0] = static_cast<std::uint8_t>(i % 2);
        ledger.put_receipt(peer, 7, vectors[i]);
        CHECK(ledger.receipts().at(peer).at(7) == vectors[i]);
    }
}

TEST_CASE("answers are kept for a while, and questions until they are answered") {
    store::Connection connection(":memory:", store::OpenMode::create);
    store::create_schema(connection, {":memory:", {}, "here", {}, [] { return std::uint64_t{1}; }}, {});
    store::Ledger ledger(connection);
    const auto open = ledger.add_request({"park", {"a"}});
    for (int i = 0; i < 1'000; ++i) {
        const auto number = ledger.add_request({"trust", {"b"}});
        ledger.answer_request(number, {});
        CHECK(ledger.answer_to(number));
    }
    CHECK(ledger.open_requests().size() == 1);
    CHECK(ledger.open_requests().front().number == open);
    CHECK(connection.ask_integer("SELECT count(*) FROM strandline_requests") <= 102);
}

TEST_CASE("a connection keeps a thousand texts compiled, and those that are in use") {
    store::Connection connection(":memory:", store::OpenMode::create);
    const auto count = [&] {
        int statements = 0;
        for (auto* at = sqlite3_next_stmt(connection.raw(), nullptr); at != nullptr;
             at = sqlite3_next_stmt(connection.raw(), at))
            ++statements;
        return statements;
    };
    store::Statement used = connection.prepare("SELECT 'used'");
    REQUIRE(used.step());
    for (int i = 0; i < 3'000; ++i) CHECK(connection.ask_integer("SELECT " + std::to_string(i)) == i);
    CHECK(count() <= 1'001);
    CHECK(used.text(0) == "used");
}
