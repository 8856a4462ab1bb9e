// The program strandline-sim: one seed or many, each in a process of its own, and what they found.
#include <malloc.h>

#include <cstdio>
#include <exception>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#ifdef STRANDLINE_PLANTED
#include "planted/bugs.h"
#endif
#include "simulator/disk/disk.h"
#include "simulator/options.h"
#include "simulator/report.h"
#include "simulator/runs.h"
#include "simulator/world.h"

namespace strandline::simulator {
namespace {

constexpr const char* kDoes =
    "Simulates devices that keep tables in step: virtual time, a network, disks and clocks that fail, one "
    "seed.";
constexpr const char* kExits =
    "Exit status: 0 clean, 2 wrong usage, 3 a law was broken, 4 no convergence, 5 a crash.\n"
    "Faults: swarm (each seed arms some), all, none, or names with commas between; see docs/simulator.md.\n"
    "Scenarios: quiet, torn-network, power, wrong-clocks, old-copies, couriers, hostile-peers, one-source,\n"
    "three-sources.";

int refuse(const std::string& sentence) {
    fmt::print(stderr, "strandline-sim: {}\nSee: strandline-sim --help\n", sentence);
    return static_cast<int>(Verdict::usage);
}

void add_options(CLI::App& app, Options& options) {
    app.footer(kExits);
    app.add_option("--seed", options.seed, "The first seed (1)");
    app.add_option("--seeds", options.seeds, "How many seeds, from the first on (1)");
    app.add_option("--jobs", options.jobs, "How many at a time (1)");
    app.add_option("--scenario", options.scenario, "A named set of the options below, which change it");
    app.add_option("--devices", options.devices, "How many devices (5)");
    app.add_option("--minutes", options.minutes, "How long the first act is, in simulated minutes (1)");
    app.add_option("--topology", options.topology, "line, star, ring, mesh, random or islands (mesh)");
    app.add_option("--faults", options.faults, "What goes wrong (swarm)");
    app.add_option("--writes", options.writes_per_minute, "Transactions a minute of each device's app (120)");
    app.add_option("--fill", options.filled_rows,
                   "Rows of 1 kB that the last device lacks when it joins, over links of 2 MB/s (0)");
    app.add_flag("--forget", options.forgets, "Devices forget deletions that all have acknowledged");
    app.add_flag("!--no-shrink", options.shrinks, "Leave what fails as it was found");
    app.add_flag("--log", options.log, "A line for each event, in a lane for each device");
    app.add_option("--report", options.report, "A page of the run, to be looked at in a browser: its file");
    app.set_version_flag("--version", STRANDLINE_VERSION, "Print the version, and exit");
}

/// What only the program with planted bugs understands; the one that people run has none.
void add_planting([[maybe_unused]] CLI::App& app) {
#ifdef STRANDLINE_PLANTED
    const auto plant = [](const std::string& name) {
        if (!planted::plant(name)) throw CLI::ValidationError("--bug", "there is no bug '" + name + "'");
    };
    const auto list = [] {
        for (const auto& bug : planted::names()) fmt::print("{:25} {}\n", bug.name, bug.means);
        throw CLI::Success();
    };
    app.add_option_function<std::string>("--bug", plant, "The bug that is planted; see --bugs");
    app.add_flag_callback("--bugs", list, "List the bugs that can be planted, and exit");
#endif
}

/// What is let go of is wanted again at once: giving it back to the system only costs page faults.
void keep_memory() {
    constexpr int kKeptBytes = 1 << 30;
    constexpr int kTakenBytes = 8 << 20;
    constexpr int kMappedBytes = 32 << 20;  // The largest that it takes.
    mallopt(M_TRIM_THRESHOLD, kKeptBytes);
    mallopt(M_TOP_PAD, kTakenBytes);
    mallopt(M_MMAP_THRESHOLD, kMappedBytes);
}

int run(int argc, char** argv) {
    Options options;
    CLI::App app(kDoes, "strandline-sim");
    add_options(app, options);
    add_planting(app);
    try {
        app.parse(argc, argv);
        if (!options.scenario.empty()) {
            // Again over the scenario, so that what was said on the command line counts.
            auto story = scenario(options.scenario);
            if (!story) return refuse("there is no scenario '" + options.scenario + "'");
            options = *story;
            app.parse(argc, argv);
        }
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);
        return refuse(error.what());
    }
    if (const std::string wrong = objection(options); !wrong.empty()) return refuse(wrong);
    if (options.log && options.seeds > 1) return refuse("a log is of one seed: leave out --seeds, or --log");
    if (!options.report.empty()) {
        if (options.seeds > 1) return refuse("a report is of one seed: leave out --seeds, or --report");
        if (const std::string wrong = objection_to_file(options.report); !wrong.empty()) return refuse(wrong);
    }
    disk::run_sqlite_alone();
    keep_memory();
    return static_cast<int>(run_seeds(options));
}

}  // namespace
}  // namespace strandline::simulator

int main(int argc, char** argv) {
    try {
        return strandline::simulator::run(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "strandline-sim: {}\n", error.what());
    }
    return static_cast<int>(strandline::simulator::Verdict::crash);
}
