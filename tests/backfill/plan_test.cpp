#include "backfill/plan.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/watermarks/coverage_twin.h"

using namespace strandline;
using namespace strandline::backfill;
using watermarks::Coverage;
using watermarks::CoverageTwin;
using watermarks::Piece;
using watermarks::Vector;

namespace {

constexpr Origin kSelf{0};
constexpr Origin kAnna{1};
constexpr Origin kBerta{2};

Vector vector_of(const std::vector<std::pair<Origin, std::int64_t>>& entries) {
    Vector vector;
    for (const auto& [origin, hlc] : entries) vector.raise(origin, Hlc{hlc});
    return vector;
}

Coverage whole(const Vector& vector) {
    return Coverage({{{"", std::nullopt}, vector}});
}

Coverage any_coverage(std::mt19937_64& random) {
    Coverage coverage;
    for (auto raises = random() % 5; raises > 0; --raises) {
        const std::size_t low = random() % CoverageTwin::kKeys;
        const std::size_t high = low + 1 + random() % (CoverageTwin::kKeys - low);
        const Vector vector =
            vector_of({{static_cast<Origin>(random() % 3), static_cast<std::int64_t>(random() % 4)}});
        coverage.raise(CoverageTwin::range(low, high), vector);
    }
    return coverage;
}

/// How many pieces of the plan hold the key, and whether each says what we hold there.
std::size_t pieces_with(const std::vector<Piece>& plan, const std::string& key, const Vector& mine) {
    std::size_t count = 0;
    for (const Piece& piece : plan) {
        if (!piece.range.contains(key)) continue;
        REQUIRE(piece.vector == mine);
        ++count;
    }
    return count;
}

/// Fetched before unfetched, key order in both, and nothing that touches its like.
void require_in_order(const std::vector<Piece>& plan) {
    for (std::size_t i = 0; i + 1 < plan.size(); ++i) {
        const Piece& here = plan[i];
        const Piece& next = plan[i + 1];
        const bool here_unfetched = watermarks::is_unfetched(here.vector, kSelf);
        REQUIRE((!here_unfetched || watermarks::is_unfetched(next.vector, kSelf)));
        if (here_unfetched != watermarks::is_unfetched(next.vector, kSelf)) continue;
        REQUIRE(here.range.high.has_value());
        REQUIRE(*here.range.high <= next.range.low);
        REQUIRE((*here.range.high < next.range.low || here.vector != next.vector));
    }
}

}  // namespace

TEST_CASE("a plan asks for exactly the keys where the peer holds something that we lack") {
    std::mt19937_64 random(7);
    for (int round = 0; round < 5'000; ++round) {
        const Coverage mine = any_coverage(random);
        const Coverage theirs = any_coverage(random);
        const auto plan = lacking(mine, theirs, kSelf);
        require_in_order(plan);
        for (std::size_t i = 0; i < CoverageTwin::kKeys; ++i) {
            const std::string key = CoverageTwin::key(i);
            const std::size_t expected = mine.at(key).dominates(theirs.at(key)) ? 0 : 1;
            REQUIRE(pieces_with(plan, key, mine.at(key)) == expected);
        }
    }
}

TEST_CASE("a new device asks for everything, from nothing") {
    const auto plan = lacking(Coverage(), whole(vector_of({{kAnna, 9}})), kSelf);
    CHECK(plan == std::vector<Piece>{{{"", std::nullopt}, {}}});
}

TEST_CASE("a device in step asks for nothing, and nor does one that is ahead") {
    const auto level = whole(vector_of({{kAnna, 9}}));
    CHECK(lacking(level, level, kSelf).empty());
    CHECK(lacking(whole(vector_of({{kAnna, 9}, {kSelf, 3}})), level, kSelf).empty());
    CHECK(lacking(level, Coverage(), kSelf).empty());
}

TEST_CASE("an interrupted backfill brings the fetched range level first, wherever it lies") {
    const Vector fetched = vector_of({{kSelf, 2}, {kAnna, 5}});
    const Vector own = vector_of({{kSelf, 2}});
    const Coverage mine({{{"", "f"}, own}, {{"f", "m"}, fetched}, {{"m", std::nullopt}, own}});
    const auto plan = lacking(mine, whole(vector_of({{kAnna, 6}, {kBerta, 1}})), kSelf);
    CHECK(plan == std::vector<Piece>{{{"f", "m"}, fetched}, {{"", "f"}, own}, {{"m", std::nullopt}, own}});
}

TEST_CASE("a peer in the midst of its own backfill is asked only for what it has") {
    Coverage theirs;
    theirs.raise({"", "f"}, vector_of({{kAnna, 5}}));
    CHECK(lacking(Coverage(), theirs, kSelf) == std::vector<Piece>{{{"", "f"}, {}}});
}

TEST_CASE("where only the peer's pieces differ, one piece is asked for") {
    const Coverage theirs(
        {{{"", "f"}, vector_of({{kAnna, 5}})}, {{"f", std::nullopt}, vector_of({{kAnna, 6}})}});
    CHECK(lacking(Coverage(), theirs, kSelf) == std::vector<Piece>{{{"", std::nullopt}, {}}});
}

TEST_CASE("what is asked of somebody else already is left out, key by key") {
    std::mt19937_64 random(7);
    for (int run = 0; run < 500; ++run) {
        const auto plan = lacking(any_coverage(random), any_coverage(random), kSelf);
        std::vector<watermarks::Range> asked;
        for (auto ranges = random() % 4; ranges > 0; --ranges) {
            const std::size_t low = random() % CoverageTwin::kKeys;
            const std::size_t high = low + random() % (CoverageTwin::kKeys - low + 1);
            asked.push_back(CoverageTwin::range(low, high));
        }
        const auto left = without(plan, asked);
        for (std::size_t key = 0; key < CoverageTwin::kKeys; ++key) {
            const std::string at = CoverageTwin::range(key, key + 1).low;
            const auto holds = [&](const auto& piece) { return piece.range.contains(at); };
            const bool is_asked = std::ranges::any_of(
                asked, [&](const watermarks::Range& range) { return range.contains(at); });
            const auto wanted = std::ranges::count_if(plan, holds);
            CHECK(std::ranges::count_if(left, holds) == (is_asked ? 0 : wanted));
        }
        for (const Piece& piece : left) CHECK_FALSE(piece.range.is_empty());
    }
}

TEST_CASE("parents come before their children, and what nothing decides stays as it was") {
    CHECK(parents_first({}).empty());
    CHECK(parents_first({{}, {}, {}}) == std::vector<std::size_t>{0, 1, 2});
    // 0 refers to 2, which refers to 1 and itself.
    CHECK(parents_first({{2}, {}, {1, 2}}) == std::vector<std::size_t>{1, 2, 0});
    // Two children of one parent.
    CHECK(parents_first({{2}, {2}, {}}) == std::vector<std::size_t>{2, 0, 1});
}

TEST_CASE(
    "tables that refer to each other in a circle stand together, between their parents and their children") {
    // 0 refers to the circle of 1, 3 and 4, which refers to 2.
    CHECK(parents_first({{1}, {3}, {}, {4, 2}, {1}}) == std::vector<std::size_t>{2, 1, 3, 4, 0});
    CHECK(parents_first({{1}, {0}}) == std::vector<std::size_t>{0, 1});
}

TEST_CASE("few changed keys are found by the index, many by a scan") {
    CHECK(choose(0, 0) == Way::index);
    CHECK(choose(10, 1'000'000) == Way::index);
    CHECK(choose(125, 1'000) == Way::index);
    CHECK(choose(126, 1'000) == Way::scan);
    CHECK(choose(1'000, 1'000) == Way::scan);
    CHECK(choose(1, 0) == Way::scan);
}

TEST_CASE("so many changed keys that they would fill the memory are found by a scan") {
    CHECK(choose(kIndexKeysMax, 1'000'000'000) == Way::index);
    CHECK(choose(kIndexKeysMax + 1, 1'000'000'000) == Way::scan);
}
