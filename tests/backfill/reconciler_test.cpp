// The reconciler against a naive twin: two sets of rows, which one comparison after the other makes the same.
#include "backfill/reconciler.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace strandline;
using namespace strandline::backfill;
namespace {

using message::Stretch;
using watermarks::Range;

/// Rows in memory: what a key holds is a number, and the larger one wins.
class Rows final : public Held {
public:
    std::map<std::string, int> content;
    std::set<std::string> unsettled;

    static Fingerprint of(const std::string& key, int number) {
        return Fingerprint::of(key + "=" + std::to_string(number));
    }
    std::vector<Fingerprint> sums(const Range& range, const std::vector<std::string>& bounds) override {
        std::vector<Fingerprint> sums(bounds.size() + 1);
        for (const auto& [key, number] : content) {
            if (!range.contains(key)) continue;
            sums[static_cast<std::size_t>(std::ranges::upper_bound(bounds, key) - bounds.begin())] +=
                of(key, number);
        }
        return sums;
    }
    std::vector<std::string> cut(const Range& range, std::size_t parts, std::size_t few) override {
        std::vector<std::string> keys;
        for (const auto& [key, number] : content) {
            if (range.contains(key)) keys.push_back(key);
        }
        std::vector<std::string> bounds;
        for (std::size_t i = 1; keys.size() > few && i < parts; ++i)
            bounds.push_back(keys[i * keys.size() / parts]);
        return bounds;
    }
    std::vector<HeldRow> rows(const Range& range) override {
        std::vector<HeldRow> rows;
        for (const auto& [key, number] : content) {
            if (range.contains(key)) rows.push_back({key, of(key, number), !unsettled.contains(key)});
        }
        return rows;
    }
    void give(const std::set<std::string>& keys, Rows& to) const {
        for (const std::string& key : keys) to.content[key] = std::max(to.content[key], content.at(key));
    }
};

struct Cost {
    std::size_t rounds = 0;
    std::size_t bytes = 0;
    std::size_t sent = 0;
};

std::size_t bytes_of(const std::vector<Stretch>& stretches) {
    std::size_t bytes = 0;
    for (const Stretch& stretch : stretches) {
        bytes +=
            8 + stretch.range.low.size() + stretch.range.high.value_or("").size() + stretch.digests.size();
        for (const std::string& bound : stretch.bounds) bytes += 2 + bound.size();
    }
    return bytes;
}

/// One comparison, from the whole down to the rows, which are sent.
Cost compare(Rows& a, Rows& b) {
    Cost cost;
    std::vector<Stretch> open{whole_of(a)};
    while (!open.empty()) {
        const auto question = take_spans(open, kSpansAskedMax);
        auto said = answer(question, b);
        b.give(said.send, a);
        auto heard = hear(said.stretches, a);
        a.give(heard.send, b);
        std::ranges::move(heard.stretches, std::back_inserter(open));
        ++cost.rounds;
        cost.bytes += bytes_of(question) + bytes_of(said.stretches);
        cost.sent += said.send.size() + heard.send.size();
    }
    return cost;
}

std::string key_of(int number) {
    const std::string digits = std::to_string(number);
    return std::string(6 - digits.size(), '0') + digits;
}

Rows many(int count) {
    Rows rows;
    for (int i = 0; i < count; ++i) rows.content[key_of(i)] = i;
    return rows;
}

TEST_CASE("equal sets are known as such in one round, whatever their size") {
    Rows a = many(5'000);
    Rows b = a;
    const Cost cost = compare(a, b);
    CHECK(cost.rounds == 1);
    CHECK(cost.sent == 0);
    CHECK(cost.bytes < 64);
    Rows none;
    Rows neither;
    CHECK(compare(none, neither).rounds == 1);
}

TEST_CASE("one row among many is found in a logarithmic number of rounds, and it alone is sent") {
    for (const int changed : {0, 1, 4'999, 20'000, 39'999}) {
        Rows a = many(40'000);
        Rows b = a;
        b.content[key_of(changed)] = 1'000'000;
        const Cost cost = compare(a, b);
        CHECK(a.content == b.content);
        CHECK(cost.rounds <= 5);
        CHECK(cost.sent <= 2);
        CHECK(cost.bytes < 2'000);
    }
}

TEST_CASE("whatever two sets hold, some comparisons make them the same") {
    std::mt19937 chance(20261127);
    for (int round = 0; round < 200; ++round) {
        Rows a = many(static_cast<int>(chance() % 700));
        Rows b = a;
        for (Rows* rows : {&a, &b}) {
            const auto edits = chance() % 30;
            for (unsigned i = 0; i < edits; ++i) {
                const std::string key = key_of(static_cast<int>(chance() % 900));
                if (chance() % 3 == 0) {
                    rows->content.erase(key);
                } else {
                    rows->content[key] = static_cast<int>(1'000 + chance() % 1'000);
                }
            }
        }
        // By the naive twin: the larger number of each key.
        auto expected = a.content;
        for (const auto& [key, number] : b.content) expected[key] = std::max(expected[key], number);
        int comparisons = 0;
        while (compare(a, b).sent > 0) REQUIRE(++comparisons < 4);
        CHECK(a.content == expected);
        CHECK(b.content == expected);
    }
}

TEST_CASE("rows that cannot be compared now are left alone, on whichever side they are") {
    Rows a = many(10);
    Rows b = a;
    a.content[key_of(3)] = 100;
    b.content[key_of(5)] = 100;
    a.unsettled.insert(key_of(3));
    b.unsettled.insert(key_of(5));
    CHECK(compare(a, b).sent == 0);
    CHECK(compare(b, a).sent == 0);
    CHECK(b.content[key_of(3)] == 3);
}

TEST_CASE("fingerprints of two ranges add up to that of both, in any order") {
    std::mt19937_64 chance(1);
    Fingerprint all;
    std::vector<Fingerprint> parts(3);
    for (int i = 0; i < 1'000; ++i) {
        const Fingerprint row = Fingerprint::of(std::to_string(chance()));
        all += row;
        parts[chance() % 3] += row;
    }
    Fingerprint sum = parts[2];
    sum += parts[0];
    sum += parts[1];
    CHECK(sum == all);
    CHECK(Fingerprint::from(all.bytes()) == all);
    CHECK(all.bytes(kShortDigestBytes) == all.bytes().substr(0, kShortDigestBytes));
    all += Fingerprint::of("another");
    CHECK_FALSE(sum == all);
}

TEST_CASE("spans are taken off the front, at least one stretch of them") {
    Rows rows = many(2'000);
    std::vector<Stretch> open;
    open.reserve(5);
    for (int i = 0; i < 5; ++i)
        open.push_back({Stretch::Form::sums, {key_of(i), key_of(i + 1)}, {key_of(i) + "a"}, {}, {}});
    CHECK(take_spans(open, 4).size() == 2);
    CHECK(take_spans(open, 1).size() == 1);
    CHECK(open.size() == 2);
    CHECK(take_spans(open, 100).size() == 2);
    CHECK(take_spans(open, 100).empty());
}

}  // namespace
