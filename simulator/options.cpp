#include "simulator/options.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "simulator/faults.h"

namespace strandline::simulator {
namespace {

constexpr std::array<std::pair<const char*, Topology>, 6> kTopologies{{{"line", Topology::line},
                                                                       {"star", Topology::star},
                                                                       {"ring", Topology::ring},
                                                                       {"mesh", Topology::mesh},
                                                                       {"random", Topology::random},
                                                                       {"islands", Topology::islands}}};

constexpr std::size_t kDevicesMost = 10'000;
constexpr double kMinutesMost = 60.0 * 24 * 365;

struct Story {
    const char* name;
    std::size_t devices;
    double minutes;
    const char* topology;
    const char* faults;
    std::uint64_t filled_rows = 0;
    std::uint64_t writes_per_minute = 120;
};
constexpr std::array<Story, 9> kStories{{
    {"quiet", 5, 1, "mesh", "none"},
    {"torn-network", 5, 1, "ring", "reset,half-open,flips,pieces,partition,one-way,clog"},
    {"power", 4, 1, "mesh", "power-cut,crash"},
    {"wrong-clocks", 4, 1, "mesh", "clock-step,clock-years,clock-drift,clock-frozen"},
    {"old-copies", 4, 1, "mesh", "restore,crash"},
    {"couriers", 7, 2, "islands", "stop,reset"},
    {"hostile-peers", 5, 1, "mesh", "liar,stranger"},
    {"one-source", 2, 0.5, "mesh", "none", 20'000, 0},
    {"three-sources", 4, 0.5, "mesh", "none", 20'000, 0},
}};

}  // namespace

std::string to_text(const Options& options) {
    return fmt::format("--devices {} --minutes {} --topology {} --faults {} --writes {}{}{}", options.devices,
                       options.minutes, options.topology, options.faults, options.writes_per_minute,
                       options.filled_rows > 0 ? fmt::format(" --fill {}", options.filled_rows) : "",
                       options.forgets ? " --forget" : "");
}

std::optional<Topology> topology_from(const std::string& name) {
    for (const auto& [known, topology] : kTopologies) {
        if (name == known) return topology;
    }
    return std::nullopt;
}

std::optional<Options> scenario(const std::string& name) {
    const auto story = std::ranges::find_if(kStories, [&](const Story& other) { return name == other.name; });
    if (story == kStories.end()) return std::nullopt;
    Options options;
    options.devices = story->devices;
    options.minutes = story->minutes;
    options.topology = story->topology;
    options.faults = story->faults;
    options.filled_rows = story->filled_rows;
    options.writes_per_minute = story->writes_per_minute;
    return options;
}

std::string objection(const Options& options) {
    if (options.devices < 1 || options.devices > kDevicesMost)
        return fmt::format("there can be 1 to {} devices", kDevicesMost);
    if (!(options.minutes > 0 && options.minutes <= kMinutesMost))
        return "the minutes must be more than 0, and at most those of a year";
    if (options.writes_per_minute > 60'000) return "an app can write 60000 times a minute at most";
    if (options.filled_rows > 1'000'000) return "a simulated disk is memory: 1000000 rows at most";
    if (options.filled_rows > 0 && options.devices < 2) return "a device is filled from another one";
    if (options.seeds < 1 || options.jobs < 1) return "seeds and jobs are 1 or more";
    if (!topology_from(options.topology)) return "there is no topology '" + options.topology + "'";
    if (options.topology == "islands" && options.devices < 3)
        return "two islands and a courier are 3 devices";
    if (const auto unknown = unknown_fault(options.faults)) return "there is no fault '" + *unknown + "'";
    return {};
}

}  // namespace strandline::simulator
