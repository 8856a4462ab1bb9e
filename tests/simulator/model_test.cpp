#include "simulator/model.h"

#include <catch2/catch.hpp>

#include "simulator/check.h"
#include "simulator/tables.h"

using namespace strandline;
using namespace strandline::simulator;
namespace {

constexpr std::size_t kCounters = 1;  // id, value, note

Stamp at(std::int64_t hlc, std::uint8_t device) {
    Stamp stamp{Hlc{hlc}, {}};
    stamp.origin.device.bytes[0] = device;
    return stamp;
}

Write row(const Stamp& stamp, std::int64_t value, const std::string& note, std::optional<Stamp> era = {}) {
    return {era, stamp, {{1, {stamp, value}}, {2, {stamp, note}}}, {std::int64_t{7}}, stamp};
}

Write cell(const Stamp& stamp, std::int64_t value, std::optional<Stamp> era = {}) {
    return {era, {}, {{1, {stamp, value}}}, {std::int64_t{7}}, stamp};
}

Write deletion(const Stamp& stamp) {
    return {stamp, {}, {}, {}, stamp};
}

std::string merged(const std::vector<Write>& writes) {
    Model model;
    for (const Write& write : writes) model.add(kCounters, "k", write);
    const auto rows =
        model.expected(kCounters, 3, [](std::size_t, const std::string&, const Stamp&) { return true; });
    return rows.empty() ? "nothing" : to_text(rows.at("k"));
}

TEST_CASE("edits of different columns both stay, and of one column the later") {
    CHECK(merged({row(at(1, 1), 1, "a"), cell(at(5, 2), 5)}) == "7|5|'a'");
    CHECK(merged({cell(at(5, 2), 5), row(at(1, 1), 1, "a")}) == "7|5|'a'");
    CHECK(merged({row(at(1, 1), 1, "a"), row(at(3, 2), 3, "b"), cell(at(2, 1), 2)}) == "7|3|'b'");
}

TEST_CASE("of two stamps at one time the larger origin is the later") {
    CHECK(merged({row(at(1, 2), 2, "b"), row(at(1, 1), 1, "a")}) == "7|2|'b'");
}

TEST_CASE("a delete beats what was written without knowledge of it, also later") {
    CHECK(merged({row(at(1, 1), 1, "a"), deletion(at(3, 1)), cell(at(9, 2), 9)}) == "nothing");
    CHECK(merged({row(at(1, 1), 1, "a"), deletion(at(3, 1)), row(at(4, 2), 4, "d", at(3, 1))}) == "7|4|'d'");
    CHECK(merged({row(at(4, 2), 4, "d", at(3, 1)), deletion(at(3, 1)), deletion(at(6, 1))}) == "nothing");
}

TEST_CASE("a deletion by a clock that is behind counts as later than the forgotten one that it came after") {
    Write again = deletion(at(3, 2));
    const Write early = again;
    again.after = at(5, 1);
    const std::vector<Write> before{row(at(1, 1), 1, "a"), deletion(at(5, 1)),
                                    row(at(6, 1), 6, "f", at(5, 1))};
    const auto with = [&](const std::vector<Write>& more) {
        std::vector<Write> all = before;
        all.insert(all.end(), more.begin(), more.end());
        return merged(all);
    };
    CHECK(with({early}) == "7|6|'f'");
    CHECK(with({again}) == "nothing");
    CHECK(with({again, row(at(4, 2), 4, "d", at(3, 2))}) == "7|4|'d'");
    CHECK(with({again, deletion(at(7, 1)), row(at(8, 1), 8, "h", at(7, 1))}) == "7|8|'h'");
}

TEST_CASE("what a device wrote whole that nobody waited for may stand where a deletion is forgotten") {
    Model model;
    const auto standing = [&](const std::map<std::int64_t, Stamp>& stamps, std::int64_t forgotten = 5) {
        const auto values = model.standing(kCounters, "k", stamps,
                                           [&](const Stamp& era) { return era.hlc <= Hlc{forgotten}; });
        return values ? to_text(*values) : "nothing";
    };
    model.add(kCounters, "k", row(at(1, 1), 1, "a"));
    model.add(kCounters, "k", deletion(at(5, 1)));
    model.add(kCounters, "k", row(at(3, 2), 3, "b"));
    model.add(kCounters, "k", cell(at(7, 3), 9));
    model.add(kCounters, "k", row(at(6, 2), 6, "c", at(5, 1)));
    CHECK(standing({{0, at(3, 2)}}) == "nothing");
    model.note_parked(at(3, 2).origin.device);
    CHECK(standing({{0, at(3, 2)}}) == "7|3|'b'");
    CHECK(standing({{0, at(3, 2)}, {2, at(7, 3)}}) == "7|9|'b'");
    CHECK(standing({{0, at(3, 2)}, {2, at(8, 3)}}) == "nothing");
    CHECK(standing({{0, at(6, 2)}}) == "nothing");
    CHECK(standing({{0, at(1, 1)}}) == "nothing");
    CHECK(standing({{0, at(3, 2)}}, 4) == "nothing");
    SECTION("but not if whoever deleted it knew of it") {
        Write knowing = deletion(at(4, 1));
        knowing.ended = at(3, 2);
        model.add(kCounters, "k", knowing);
        CHECK(standing({{0, at(3, 2)}}) == "nothing");
    }
}

TEST_CASE("what nobody holds does not count") {
    Model model;
    model.add(kCounters, "k", row(at(1, 1), 1, "a"));
    model.add(kCounters, "k", cell(at(5, 2), 5));
    const auto rows = model.expected(
        kCounters, 3, [](std::size_t, const std::string&, const Stamp& stamp) { return stamp.hlc < Hlc{5}; });
    CHECK(to_text(rows.at("k")) == "7|1|'a'");
}

TEST_CASE("one stamp stands for one content, and the other one is law 3") {
    Model model;
    model.add(kCounters, "k", row(at(1, 1), 1, "a"));
    CHECK_NOTHROW(model.add(kCounters, "k", row(at(1, 1), 1, "a")));
    CHECK_THROWS_AS(model.add(kCounters, "k", row(at(1, 1), 2, "a")), LawBroken);
    CHECK_THROWS_AS(model.add(kCounters, "other", row(at(1, 1), 1, "a")), LawBroken);
}

}  // namespace
