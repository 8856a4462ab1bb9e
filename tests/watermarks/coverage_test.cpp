#include "watermarks/coverage.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/stops.h"
#include "tests/watermarks/coverage_twin.h"

using namespace strandline;
using namespace strandline::watermarks;

namespace {

constexpr Origin kSelf{0};
constexpr Origin kAnna{1};
constexpr Origin kBerta{2};

Vector vector_of(const std::vector<std::pair<Origin, std::int64_t>>& entries) {
    Vector vector;
    for (const auto& [origin, hlc] : entries) vector.raise(origin, Hlc{hlc});
    return vector;
}

Vector any_vector(std::mt19937_64& random) {
    Vector vector;
    for (auto raises = random() % 3 + 1; raises > 0; --raises) {
        vector.raise(static_cast<Origin>(random() % 3), Hlc{static_cast<std::int64_t>(random() % 6)});
    }
    return vector;
}

/// Numbers of keys, low <= high, and empty one time in many.
std::pair<std::size_t, std::size_t> any_range(std::mt19937_64& random) {
    const std::size_t a = random() % (CoverageTwin::kKeys + 1);
    const std::size_t b = random() % (CoverageTwin::kKeys + 1);
    return std::minmax({a, b});
}

void require_sound(const Coverage& coverage) {
    REQUIRE(is_without_gaps(coverage.pieces()));
    for (std::size_t i = 0; i + 1 < coverage.pieces().size(); ++i) {
        REQUIRE(coverage.pieces()[i].vector != coverage.pieces()[i + 1].vector);
    }
}

void require_same(const Coverage& coverage, const CoverageTwin& twin) {
    require_sound(coverage);
    REQUIRE(coverage.pieces() == twin.pieces());
    REQUIRE(coverage.is_whole() == (twin.pieces().size() == 1));
    REQUIRE(coverage.floor() == twin.floor());
    for (std::size_t i = 0; i < CoverageTwin::kKeys; ++i) {
        const std::string key = CoverageTwin::key(i);
        REQUIRE(coverage.at(key) == twin.at[i]);
        if (i > 0) REQUIRE(coverage.at(key + "more") == twin.at[i]);
    }
}

/// One random change to both.
void change(Coverage& coverage, CoverageTwin& twin, std::mt19937_64& random) {
    const auto kind = random() % 10;
    if (kind < 7) {
        const auto [low, high] = any_range(random);
        const Vector vector = any_vector(random);
        coverage.raise(CoverageTwin::range(low, high), vector);
        twin.raise(low, high, vector);
    } else if (kind < 8) {
        const auto origin = static_cast<Origin>(random() % 3);
        const Hlc hlc{static_cast<std::int64_t>(random() % 6)};
        coverage.raise_all(origin, hlc);
        Vector vector;
        vector.raise(origin, hlc);
        twin.raise(0, CoverageTwin::kKeys, vector);
    } else {
        const std::size_t pieces_max = random() % 6 + 1;
        REQUIRE(coverage.join_past(pieces_max, kSelf) == twin.join_past(pieces_max, kSelf));
    }
}

}  // namespace

TEST_CASE("coverage does what its naive twin does") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        Coverage coverage;
        CoverageTwin twin;
        for (int step = 0; step < 40; ++step) {
            change(coverage, twin, random);
            require_same(coverage, twin);
            const auto [low, high] = any_range(random);
            const Vector vector = any_vector(random);
            REQUIRE(coverage.dominates(CoverageTwin::range(low, high), vector) ==
                    twin.dominates(low, high, vector));
        }
    }
}

TEST_CASE("one coverage dominates another exactly when it does so at every key") {
    std::mt19937_64 random(5);
    int dominated = 0;
    for (int round = 0; round < 3'000; ++round) {
        Coverage high;
        Coverage low;
        CoverageTwin high_twin;
        CoverageTwin low_twin;
        for (auto steps = random() % 6; steps > 0; --steps) change(high, high_twin, random);
        for (auto steps = random() % 3; steps > 0; --steps) change(low, low_twin, random);
        bool expected = true;
        for (std::size_t i = 0; i < CoverageTwin::kKeys; ++i) {
            expected = expected && high_twin.at[i].dominates(low_twin.at[i]);
        }
        REQUIRE(high.dominates(low) == expected);
        dominated += expected;
    }
    // Both answers must have come up often, or the comparison proved nothing.
    CHECK(dominated > 300);
    CHECK(dominated < 2'700);
}

TEST_CASE("a page raises its own range only") {
    Coverage coverage;
    coverage.raise({"b", "d"}, vector_of({{kAnna, 5}}));
    CHECK(coverage.pieces() == std::vector<Piece>{{{"", "b"}, {}},
                                                  {{"b", "d"}, vector_of({{kAnna, 5}})},
                                                  {{"d", std::nullopt}, {}}});
    CHECK(coverage.at("d").empty());
    CHECK(coverage.at("czzz") == vector_of({{kAnna, 5}}));
    CHECK_FALSE(coverage.is_whole());
    CHECK(coverage.floor().empty());
}

TEST_CASE("pages that follow each other join into one fetched range, and the last makes it whole") {
    Coverage coverage;
    const Vector brought = vector_of({{kAnna, 5}, {kBerta, 6}});
    coverage.raise({"", "b"}, brought);
    coverage.raise({"b", "d"}, brought);
    CHECK(coverage.pieces() == std::vector<Piece>{{{"", "d"}, brought}, {{"d", std::nullopt}, {}}});
    coverage.raise({"d", std::nullopt}, brought);
    CHECK(coverage.is_whole());
    CHECK(coverage.floor() == brought);
}

TEST_CASE("an empty range and an empty vector raise nothing") {
    Coverage coverage;
    coverage.raise({"b", "b"}, vector_of({{kAnna, 5}}));
    coverage.raise({"d", "b"}, vector_of({{kAnna, 5}}));
    coverage.raise({"b", "d"}, {});
    CHECK(coverage == Coverage());
    CHECK(coverage.dominates({"d", "b"}, vector_of({{kAnna, 5}})));
}

TEST_CASE("a page that brings nothing new splits nothing") {
    Coverage coverage;
    coverage.raise_all(kAnna, Hlc{5});
    const auto* before = coverage.pieces().data();
    coverage.raise({"b", "d"}, vector_of({{kAnna, 4}}));
    CHECK(coverage.is_whole());
    CHECK(coverage.pieces().data() == before);
}

TEST_CASE("joined ranges keep the minimum, because the maximum would claim what is not held") {
    Coverage coverage({{{"", "m"}, vector_of({{kAnna, 5}, {kBerta, 9}})},
                       {{"m", std::nullopt}, vector_of({{kAnna, 7}, {kBerta, 8}})}});
    CHECK_FALSE(coverage.join_past(2, kSelf));
    CHECK(coverage.join_past(1, kSelf));
    CHECK(coverage.pieces() ==
          std::vector<Piece>{{{"", std::nullopt}, vector_of({{kAnna, 5}, {kBerta, 8}})}});
    CHECK_FALSE(coverage.join_past(1, kSelf));
}

TEST_CASE("past the cap those two neighbours join that lose least, and of equals the first") {
    Coverage coverage({{{"", "b"}, vector_of({{kAnna, 1}})},
                       {{"b", "c"}, vector_of({{kAnna, 10}})},
                       {{"c", "d"}, vector_of({{kAnna, 12}})},
                       {{"d", "e"}, vector_of({{kAnna, 20}})},
                       {{"e", std::nullopt}, vector_of({{kAnna, 22}})}});
    CHECK(coverage.join_past(4, kSelf));
    CHECK(coverage.pieces()[1] == Piece{{"b", "d"}, vector_of({{kAnna, 10}})});
    CHECK(coverage.join_past(2, kSelf));
    CHECK(coverage.pieces() == std::vector<Piece>{{{"", "d"}, vector_of({{kAnna, 1}})},
                                                  {{"d", std::nullopt}, vector_of({{kAnna, 20}})}});
}

TEST_CASE("a backfill is never undone by joining what was fetched with what was not") {
    const std::vector<Piece> half = {{{"", "b"}, vector_of({{kSelf, 3}, {kAnna, 1}})},
                                     {{"b", std::nullopt}, vector_of({{kSelf, 3}})}};
    Coverage coverage(half);
    CHECK_FALSE(coverage.join_past(1, kSelf));
    CHECK(coverage.pieces() == half);
}

TEST_CASE("two fetched pieces without a common origin stay apart, or both would have to come again") {
    const std::vector<Piece> two_sources = {{{"", "b"}, vector_of({{kSelf, 3}, {kAnna, 1}})},
                                            {{"b", std::nullopt}, vector_of({{kSelf, 3}, {kBerta, 1}})}};
    Coverage coverage(two_sources);
    CHECK_FALSE(coverage.join_past(1, kSelf));
    CHECK(coverage.pieces() == two_sources);
}

TEST_CASE("a thousand pieces join down to the cap") {
    std::vector<Piece> pieces;
    for (std::int64_t i = 0; i < 1'000; ++i) {
        const auto key = [](std::int64_t n) { return n == 0 ? std::string() : std::to_string(10'000 + n); };
        pieces.push_back({{key(i), key(i + 1)}, vector_of({{kAnna, 1 + i % 7}})});
    }
    pieces.back().range.high.reset();
    Coverage coverage(pieces);
    CHECK(coverage.join_past(16, kSelf));
    CHECK(coverage.pieces().size() <= 16);
    require_sound(coverage);
}

TEST_CASE("coverage made of pieces joins equal neighbours") {
    const Vector vector = vector_of({{kAnna, 5}});
    CHECK(Coverage({{{"", "b"}, vector}, {{"b", std::nullopt}, vector}}).is_whole());
}

TEST_CASE("pieces with a gap, an overlap, an empty range or a missing end are recognized") {
    CHECK(is_without_gaps({{{"", std::nullopt}, {}}}));
    CHECK(is_without_gaps({{{"", "b"}, {}}, {{"b", std::nullopt}, {}}}));
    CHECK_FALSE(is_without_gaps({}));
    CHECK_FALSE(is_without_gaps({{{"a", std::nullopt}, {}}}));
    CHECK_FALSE(is_without_gaps({{{"", "b"}, {}}}));
    CHECK_FALSE(is_without_gaps({{{"", "b"}, {}}, {{"c", std::nullopt}, {}}}));
    CHECK_FALSE(is_without_gaps({{{"", "c"}, {}}, {{"b", std::nullopt}, {}}}));
    CHECK_FALSE(is_without_gaps({{{"", ""}, {}}, {{"", std::nullopt}, {}}}));
    CHECK_FALSE(is_without_gaps({{{"", std::nullopt}, {}}, {{"b", std::nullopt}, {}}}));
}

TEST_CASE("coverage made of pieces with a gap stops the program") {
    const auto words = tests::last_words_of([] {
        const Coverage coverage(std::vector<Piece>{{{"", "b"}, {}}, {{"c", std::nullopt}, {}}});
    });
    CHECK_THAT(words, Catch::Contains("do not run from the first key to the end"));
}

TEST_CASE("unfetched means that no origin but ourselves is named") {
    CHECK(is_unfetched({}, kSelf));
    CHECK(is_unfetched(vector_of({{kSelf, 9}}), kSelf));
    CHECK_FALSE(is_unfetched(vector_of({{kAnna, 1}}), kSelf));
    CHECK_FALSE(is_unfetched(vector_of({{kSelf, 9}, {kAnna, 1}}), kSelf));
}

TEST_CASE("two ranges intersect in exactly the keys that both contain") {
    constexpr std::size_t kBounds = CoverageTwin::kKeys + 1;
    for (std::size_t i = 0; i < kBounds * kBounds * kBounds * kBounds; ++i) {
        const Range a = CoverageTwin::range(i % kBounds, i / kBounds % kBounds);
        const Range b = CoverageTwin::range(i / kBounds / kBounds % kBounds, i / kBounds / kBounds / kBounds);
        const auto both = intersect(a, b);
        bool any = false;
        bool same = true;
        for (std::size_t k = 0; k < CoverageTwin::kKeys; ++k) {
            const std::string key = CoverageTwin::key(k);
            const bool expected = a.contains(key) && b.contains(key);
            any = any || expected;
            same = same && (both && both->contains(key)) == expected;
        }
        if (!same || both.has_value() != any) FAIL("ranges number " << i << " intersect wrongly");
    }
}
