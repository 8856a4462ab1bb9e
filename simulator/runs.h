#pragma once

#include "simulator/options.h"
#include "simulator/world.h"

namespace strandline::simulator {

/// Runs the seeds that the options name, `jobs` at a time, each in a process of its own: a crash ends one seed, and no
/// seed sees what another left behind. Says on stdout what the contract promises; progress goes to stderr when that is
/// a terminal. The worst verdict of all: a crash, then a broken law, then no convergence.
[[nodiscard]] Verdict run_seeds(const Options& options);

}  // namespace strandline::simulator
