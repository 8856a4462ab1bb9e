#pragma once

#include <cstdint>
#include <functional>

#include "simulator/options.h"

namespace strandline::simulator {

/// Whether a run with these options fails in the way that is looked into.
using Fails = std::function<bool(const Options& options)>;

struct Shrunk {
    Options options;
    std::uint64_t tries = 0;
    bool is_smallest = false;  ///< no single step makes it smaller; else the tries were used up
};

/// Looks for the smallest options that still fail: fewer faults, fewer devices, less time, fewer writes. Greedy: what
/// fails is kept, and made smaller from there, until no step does it or `tries_most` are used up. `options` fail.
///
/// "swarm" and "all" become the names that they stand for with this seed, which changes nothing in the run.
[[nodiscard]] Shrunk shrink(const Options& options, std::uint64_t tries_most, const Fails& fails);

}  // namespace strandline::simulator
