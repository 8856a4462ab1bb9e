// Watermarks as the laws see them, against a naive twin: a map by full ids.
#include "simulator/watermarks.h"

#include <algorithm>
#include <map>

#include <catch2/catch.hpp>

#include "simulator/random.h"

using namespace strandline;
using namespace strandline::simulator;
namespace {

using Twin = std::map<OriginId, Hlc>;

OriginId origin_at(std::uint64_t number) {
    OriginId origin;
    origin.device.bytes.fill(static_cast<unsigned char>(number / 2));
    origin.incarnation = static_cast<Incarnation>(number % 2);
    return origin;
}

Twin drawn(Random& random) {
    Twin twin;
    for (std::uint64_t left = random.below(8); left > 0; --left)
        twin[origin_at(random.below(10))] = Hlc{static_cast<std::int64_t>(1 + random.below(5))};
    return twin;
}

Vector vector_of(const Twin& twin) {
    std::vector<Vector::Entry> entries;
    for (const auto& [origin, hlc] : twin) entries.emplace_back(number_of(origin), hlc);
    return Vector(std::move(entries));
}

Hlc at(const Twin& twin, const OriginId& origin) {
    const auto found = twin.find(origin);
    return found != twin.end() ? found->second : Hlc{};
}

TEST_CASE("an origin keeps its number, and a number its origin") {
    for (std::uint64_t i = 0; i < 10; ++i) {
        CHECK(number_of(origin_at(i)) == number_of(origin_at(i)));
        CHECK(origin_of(number_of(origin_at(i))) == origin_at(i));
        CHECK(number_of(origin_at(i)) != number_of(origin_at(i + 1)));
    }
}

TEST_CASE("watermarks do what a map by origins does") {
    Random random(7);
    for (int round = 0; round < 2'000; ++round) {
        const Twin a = drawn(random);
        const Twin b = drawn(random);
        Vector raised = vector_of(a);
        raised.raise(vector_of(b));
        Vector lowered = vector_of(a);
        lowered.lower(vector_of(b));
        Vector without = vector_of(a);
        without.forget(origin_at(4).device);
        bool is_above = false;
        for (std::uint64_t i = 0; i < 10; ++i) {
            const OriginId origin = origin_at(i);
            CHECK(vector_of(a).at(origin) == at(a, origin));
            CHECK(raised.at(origin) == std::max(at(a, origin), at(b, origin)));
            CHECK(lowered.at(origin) == std::min(at(a, origin), at(b, origin)));
            CHECK(without.at(origin) == (i == 4 || i == 5 ? Hlc{} : at(a, origin)));
            is_above = is_above || at(a, origin) > at(b, origin);
        }
        const Vector other = vector_of(b);
        const Vector own = vector_of(a);
        const Vector::Entry* above = own.first_above(other);
        CHECK((above != nullptr) == is_above);
        if (above != nullptr) CHECK(above->second > other.at(above->first));
        CHECK((own == other) == (a == b));
    }
}

TEST_CASE("of an origin that is named twice the larger watermark counts, and zero is none") {
    const OriginNumber a = number_of(origin_at(0));
    const OriginNumber b = number_of(origin_at(1));
    CHECK(Vector({{b, Hlc{0}}, {a, Hlc{3}}, {a, Hlc{7}}}) == Vector({{a, Hlc{7}}}));
}

}  // namespace
