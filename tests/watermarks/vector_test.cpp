#include "watermarks/vector.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

using namespace strandline;
using namespace strandline::watermarks;

namespace {

constexpr Hlc kNewest{std::numeric_limits<std::int64_t>::max()};

Origin origin(std::uint64_t number) {
    return static_cast<Origin>(number);
}

/// The naive twin: a map where an origin that is missing stands at zero.
using Twin = std::map<Origin, std::int64_t>;

std::int64_t at(const Twin& twin, Origin wanted) {
    const auto found = twin.find(wanted);
    return found == twin.end() ? 0 : found->second;
}

std::vector<Vector::Entry> entries_of(const Twin& twin) {
    std::vector<Vector::Entry> entries;
    for (const auto& [who, hlc] : twin) {
        if (hlc > 0) entries.emplace_back(who, Hlc{hlc});
    }
    return entries;
}

/// Applies `choose` to what the two say of each origin that either names.
template <typename Choose>
Twin combine(const Twin& a, const Twin& b, Choose choose) {
    Twin both = a;
    both.insert(b.begin(), b.end());
    for (auto& [who, hlc] : both) hlc = choose(at(a, who), at(b, who));
    return both;
}

/// Few origins and few readings, so that equal, larger, smaller and missing entries all meet.
std::pair<Vector, Twin> any_vector(std::mt19937_64& random) {
    Vector vector;
    Twin twin;
    for (auto raises = random() % 8; raises > 0; --raises) {
        const Origin who = origin(random() % 6);
        const auto hlc = static_cast<std::int64_t>(random() % 5) - 1;
        vector.raise(who, Hlc{hlc});
        twin[who] = std::max(at(twin, who), hlc);
    }
    return {vector, twin};
}

}  // namespace

TEST_CASE("a vector does what its naive twin does") {
    std::mt19937_64 random(4);
    const auto lesser = [](std::int64_t a, std::int64_t b) { return std::min(a, b); };
    const auto greater = [](std::int64_t a, std::int64_t b) { return std::max(a, b); };
    const auto if_greater = [](std::int64_t a, std::int64_t b) { return a > b ? a : 0; };
    for (int i = 0; i < 20'000; ++i) {
        const auto [a, twin_a] = any_vector(random);
        const auto [b, twin_b] = any_vector(random);
        REQUIRE(a.entries() == entries_of(twin_a));
        REQUIRE((a == b) == (entries_of(twin_a) == entries_of(twin_b)));
        REQUIRE(a.empty() == entries_of(twin_a).empty());

        REQUIRE(larger(a, b).entries() == entries_of(combine(twin_a, twin_b, greater)));
        REQUIRE(smaller(a, b).entries() == entries_of(combine(twin_a, twin_b, lesser)));
        REQUIRE(above(a, b).entries() == entries_of(combine(twin_a, twin_b, if_greater)));
        Vector raised = a;
        raised.raise(b);
        REQUIRE(raised == larger(a, b));
        REQUIRE(a.dominates(b) == (raised == a));
        // Whoever shared its entries stays as it was.
        raised.raise(origin(2), Hlc{100});
        REQUIRE(a.entries() == entries_of(twin_a));
        REQUIRE(b.entries() == entries_of(twin_b));

        std::uint64_t apart = 0;
        for (std::uint64_t number = 0; number < 6; ++number) {
            const auto in_a = at(twin_a, origin(number));
            const auto in_b = at(twin_b, origin(number));
            REQUIRE(a.at(origin(number)) == Hlc{in_a});
            REQUIRE(a.covers(origin(number), Hlc{in_b}) == (in_b <= in_a));
            apart += static_cast<std::uint64_t>(std::max(in_a, in_b) - std::min(in_a, in_b));
        }
        REQUIRE(distance(a, b) == apart);
    }
}

TEST_CASE("a vector made of entries in any order, doubled or empty, is the vector that they mean") {
    const auto vector = Vector::from({{origin(7), Hlc{3}},
                                      {origin(1), Hlc{5}},
                                      {origin(7), Hlc{9}},
                                      {origin(4), Hlc{0}},
                                      {origin(2), Hlc{-1}},
                                      {origin(7), Hlc{4}}});
    CHECK(vector.entries() == std::vector<Vector::Entry>{{origin(1), Hlc{5}}, {origin(7), Hlc{9}}});
    CHECK(Vector::from({}) == Vector());
    CHECK(Vector::from({{origin(3), Hlc{}}}).empty());
}

TEST_CASE("a vector is never lowered by a raise") {
    auto vector = Vector::from({{origin(1), Hlc{5}}});
    vector.raise(origin(1), Hlc{4});
    vector.raise(origin(2), Hlc{});
    vector.raise(origin(3), Hlc{-7});
    CHECK(vector == Vector::from({{origin(1), Hlc{5}}}));
}

TEST_CASE("a raise of known origins keeps its place in memory") {
    auto vector = Vector::from({{origin(1), Hlc{5}}, {origin(2), Hlc{5}}});
    const auto* before = vector.entries().data();
    vector.raise(Vector::from({{origin(2), Hlc{8}}}));
    CHECK(vector.at(origin(2)) == Hlc{8});
    CHECK(vector.entries().data() == before);
}

TEST_CASE("a distance too large for a number stays the largest there is") {
    const auto two = Vector::from({{origin(1), kNewest}, {origin(2), kNewest}});
    auto three = two;
    three.raise(origin(3), kNewest);
    CHECK(distance(two, Vector()) == std::uint64_t{2} * static_cast<std::uint64_t>(kNewest.value));
    CHECK(distance(three, Vector()) == std::numeric_limits<std::uint64_t>::max());
    CHECK(distance(Vector(), three) == std::numeric_limits<std::uint64_t>::max());
    CHECK(distance(three, three) == 0);
}
