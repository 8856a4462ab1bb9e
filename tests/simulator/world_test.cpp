#include "simulator/world.h"

#include <catch2/catch.hpp>

#include "simulator/check.h"
#include "simulator/laws.h"
#include "tests/simulator/held.h"

using namespace strandline;
using namespace strandline::simulator;
namespace {

Options small(std::uint64_t seed, const std::string& faults) {
    Options options;
    options.seed = seed;
    options.devices = 3;
    options.minutes = 0.2;
    options.faults = faults;
    return options;
}

Outcome outcome_of(const Options& options) {
    World world(options);
    return world.run();
}

TEST_CASE("one seed is one world, event by event, with everything that can go wrong") {
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
        const Outcome first = outcome_of(small(seed, "all"));
        const Outcome second = outcome_of(small(seed, "all"));
        CHECK(first.hash == second.hash);
        CHECK(first.finding == second.finding);
        CHECK(first.hash != outcome_of(small(seed + 100, "all")).hash);
    }
}

TEST_CASE(
    "without faults the devices converge in every topology, and each change crosses into a device about "
    "once") {
    for (const char* topology : {"line", "star", "ring", "mesh", "random", "islands"}) {
        Options options = small(5, "none");
        options.devices = 5;
        options.topology = topology;
        const Outcome outcome = outcome_of(options);
        INFO(topology << ": " << outcome.finding);
        CHECK(outcome.verdict == Verdict::clean);
        CHECK(outcome.amplification > 0.8);
        CHECK(outcome.amplification <= 1.2);
    }
}

TEST_CASE("devices converge behind torn networks, cut power, crashes and failing disks") {
    for (const char* faults :
         {"reset,half-open,flips,pieces,clog", "partition,one-way", "crash,power-cut", "disk-full,io-error",
          "stop,pause,slow-app,bulk", "clock-drift,clock-frozen"}) {
        const Outcome outcome = outcome_of(small(6, faults));
        INFO(faults << ": " << outcome.finding);
        CHECK(outcome.verdict == Verdict::clean);
        CHECK_THAT(outcome.summary, Catch::Contains("fault "));
    }
}

TEST_CASE("a promise that is not kept breaks law 2") {
    OriginId origin;
    Coverage coverage{{"notes", {Piece{"", held({{origin, Hlc{5}}})}}}};
    Promises promises(0);
    promises.keep(coverage, {});
    coverage["notes"].front().vector = held({{origin, Hlc{4}}});
    CHECK_THROWS_WITH(promises.keep(coverage, {}), Catch::Contains("held up to 5"));
}

TEST_CASE("of its former origin a device need not hold what it has lost, of all others it must") {
    const OriginId former;
    const OriginId present{former.device, Incarnation{1}};
    OriginId another;
    another.device.bytes.fill(9);
    Coverage coverage{{"notes", {Piece{"", held({{former, Hlc{5}}, {another, Hlc{5}}})}}}};
    Promises promises(0);
    promises.keep(coverage, former);
    Vector& vector = coverage["notes"].front().vector;
    vector = held({{former, Hlc{4}}, {another, Hlc{5}}});
    CHECK_NOTHROW(promises.keep(coverage, present));
    vector = held({{former, Hlc{3}}, {another, Hlc{5}}});
    CHECK_THROWS_AS(promises.keep(coverage, present), LawBroken);
    vector = held({{former, Hlc{4}}, {another, Hlc{4}}});
    CHECK_THROWS_AS(promises.keep(coverage, {present.device, Incarnation{2}}), LawBroken);
}

TEST_CASE("what a device has said in a Have it must hold for ever") {
    OriginId origin;
    message::Have have;
    have.origins = {origin};
    have.holdings = {{"notes", false, 0, {{{"", std::nullopt}, {{Origin{0}, Hlc{9}}}}}}};
    Promises promises(0);
    promises.said(have);
    Coverage coverage{{"notes", {Piece{"", held({{origin, Hlc{9}}})}}}};
    CHECK_NOTHROW(promises.demand_durable(coverage, origin));
    coverage["notes"].front().vector = {};
    CHECK_THROWS_WITH(promises.keep(coverage, {}),
                      Catch::Contains("said to be held up to 9 and is held up to 0 now"));
    CHECK_THROWS_AS(promises.demand_durable(coverage, origin), LawBroken);
    promises.release();
    CHECK_NOTHROW(promises.demand_durable(coverage, origin));
}

TEST_CASE(
    "a new origin that would survive need not hold what was said of the former one, but of all others") {
    const OriginId former;
    const OriginId present{former.device, Incarnation{1}};
    OriginId another;
    another.device.bytes.fill(9);
    message::Have have;
    have.origins = {former, another};
    have.holdings = {{"notes", false, 0, {{{"", std::nullopt}, {{Origin{0}, Hlc{9}}, {Origin{1}, Hlc{9}}}}}}};
    Promises promises(0);
    promises.said(have);
    promises.keep({{"notes", {Piece{"", held({{former, Hlc{9}}, {another, Hlc{9}}})}}}}, former);
    const Coverage left{{"notes", {Piece{"", held({{another, Hlc{9}}})}}}};
    CHECK_THROWS_AS(promises.demand_durable(left, former), LawBroken);
    CHECK_NOTHROW(promises.demand_durable(left, present));
    CHECK_THROWS_AS(promises.demand_durable({{"notes", {Piece{}}}}, present), LawBroken);
}

TEST_CASE("what is held and was not said may still be on its way to the disk") {
    const OriginId origin;
    Promises promises(0);
    promises.keep({{"notes", {Piece{"", held({{origin, Hlc{5}}})}}}}, {});
    CHECK_NOTHROW(promises.demand_durable({{"notes", {Piece{}}}}, origin));
}

TEST_CASE("rows or stamps that differ break law 6, and rows that nobody wrote law 5") {
    State a;
    a.coverage["notes"] = {Piece{}};
    for (const Table& table : tables()) a.coverage[table.name] = {Piece{}};
    a.rows.resize(tables().size());
    a.stamps.resize(tables().size());
    State b = a;
    const Model model;
    CHECK_NOTHROW(demand_equal(a, 0, b, 1, model));
    b.stamps[2]["key"] = {{0, Stamp{Hlc{1}, {}}}};
    CHECK_THROWS_WITH(demand_equal(a, 0, b, 1, model), Catch::Contains("differ in stamps of links"));
    b.rows[0]["key"] = "'row'";
    CHECK_THROWS_WITH(demand_equal(a, 0, b, 1, model), Catch::Contains("differ in a row of notes"));
    CHECK_NOTHROW(demand_modelled(a, model));
    CHECK_THROWS_WITH(demand_modelled(b, model), Catch::Contains("not with what was written"));
}

}  // namespace
