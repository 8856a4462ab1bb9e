#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "simulator/chronicle.h"
#include "simulator/network.h"
#include "simulator/options.h"
#include "simulator/recorder.h"

namespace strandline::simulator {

/// One run that is over.
struct Ran {
    const Options& options;
    const Chronicle& chronicle;
    const Network::Ways& ways;
    const Recorder& recorder;
    Moment ended_at;
    std::optional<Moment> healed_at = {};  ///< second act
    std::optional<Moment> converged_at = {};
    std::string armed = "none";  ///< faults
    std::string finding = {};    ///< empty: clean
    std::uint64_t changes = 0;
    double amplification = 0;
};

/// The report: one HTML page that needs nothing else, neither a network nor another file. What was run, how it ended
/// and how to run it again stand in it as text; a script draws the rest from the numbers that are in it too.
///
/// The same run gives the same page, byte for byte. Text of any content is shown, and never run.
[[nodiscard]] std::string page(const Ran& ran);

/// Why no report can be written there, as a sentence; empty: it can. What is there already is left as it is.
[[nodiscard]] std::string objection_to_file(const std::string& path);
/// Throws with a sentence.
void write_file(const std::string& path, const std::string& content);

}  // namespace strandline::simulator
