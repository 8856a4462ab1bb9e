#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace strandline::simulator {

/// Who dials whom.
enum class Topology {
    line,
    star,
    ring,
    mesh,
    random,
    islands,  ///< meshes that only a courier visits, one after the other
};

/// One way to run the simulator, as the command line says it.
struct Options {
    std::uint64_t seed = 1;
    std::uint64_t seeds = 1;
    std::uint64_t jobs = 1;
    std::size_t devices = 5;
    double minutes = 1;
    std::uint64_t writes_per_minute = 120;  ///< transactions of each device's app
    /// Rows of about 1 kB that the first device writes, and all but the last have before that one joins, over links of
    /// 2 MB/s: how long it then takes is how fast a backfill is.
    std::uint64_t filled_rows = 0;
    std::string topology = "mesh";
    std::string faults = "swarm";  ///< "swarm", "all", "none", or names with commas between
    std::string scenario;
    bool forgets = false;  ///< devices forget deletions that all have acknowledged
    bool log = false;
    bool shrinks = true;  ///< what fails is made as small as it can be
    std::string report;   ///< the file; empty: none
};

/// The options as one writes them, without those of running: what makes the same run again.
[[nodiscard]] std::string to_text(const Options& options);
[[nodiscard]] std::optional<Topology> topology_from(const std::string& name);
/// A scenario is a name for options that tell a story. Empty: there is none of that name.
[[nodiscard]] std::optional<Options> scenario(const std::string& name);
/// What is wrong with the options, as a sentence; empty: nothing.
[[nodiscard]] std::string objection(const Options& options);

}  // namespace strandline::simulator
