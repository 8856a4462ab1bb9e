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
