#include "simulator/shrink.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "simulator/faults.h"
#include "simulator/trial.h"

using namespace strandline;
using namespace strandline::simulator;
namespace {

constexpr std::uint64_t kPlenty = 1'000;

bool has_fault(const Options& options, const std::string& name) {
    const auto armed = armed_faults(options.seed, options.faults);
    return std::find(armed.begin(), armed.end(), name) != armed.end();
}

TEST_CASE("what needs two faults, three devices, some time and some writes is shrunk to just these") {
    Options options;
    options.faults = "all";
    const Shrunk shrunk = shrink(options, kPlenty, [](const Options& tried) {
        return has_fault(tried, "crash") && has_fault(tried, "bulk") && tried.devices >= 3 &&
               tried.minutes >= 0.21 && tried.writes_per_minute >= 7;
    });
    CHECK(shrunk.is_smallest);
    CHECK(to_text(shrunk.options) ==
          "--devices 3 --minutes 0.21 --topology mesh --faults crash,bulk --writes 7");
}

TEST_CASE("what fails whatever one takes away ends with nothing, and what needs all of it stays") {
    Options options;
    options.topology = "islands";
    CHECK(to_text(shrink(options, kPlenty, [](const Options&) { return true; }).options) ==
          "--devices 3 --minutes 0.01 --topology islands --faults none --writes 0");
    options.faults = "crash";
    const Shrunk same = shrink(options, kPlenty, [](const Options&) { return false; });
    CHECK(same.is_smallest);
    CHECK(to_text(same.options) == to_text(options));
}

TEST_CASE("when the tries are used up the smallest so far is told, and that it may not be the smallest") {
    Options options;
    std::uint64_t tries = 0;
    const Shrunk shrunk = shrink(options, 3, [&](const Options&) {
        ++tries;
        return true;
    });
    CHECK(tries == 3);
    CHECK(shrunk.tries == 3);
    CHECK(shrunk.options.devices == 1);
    CHECK_FALSE(shrunk.is_smallest);
}

TEST_CASE("the swarm of a seed and the names that it stands for are the same run") {
    Options options;
    options.seed = 5;
    options.devices = 3;
    options.minutes = 0.1;
    const auto hash_of = [](const Options& run) {
        return Trial(run, Trial::Voice::silent).wait().outcome.hash;
    };
    const std::uint64_t hash = hash_of(options);
    options.faults = shrink(options, 0, [](const Options&) { return true; }).options.faults;
    CHECK(options.faults != "swarm");
    CHECK(hash_of(options) == hash);
}

TEST_CASE("a run in a process of its own tells how it ended, and what it met") {
    Options options;
    options.devices = 3;
    options.minutes = 0.1;
    options.topology = "islands";
    options.faults = "none";
    const Ending ending = Trial(options, Trial::Voice::silent).wait();
    CHECK(ending.verdict == Verdict::clean);
    CHECK(ending.outcome.hash == World(options).run().hash);
    CHECK_THAT(ending.outcome.summary, Catch::Contains("converged"));
    CHECK(ending.outcome.situations.contains("the courier went to another island"));
    Ending other = ending;
    other.outcome.law = 5;
    CHECK(ending.is_like(ending));
    CHECK_FALSE(ending.is_like(other));
}

}  // namespace
