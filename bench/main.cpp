// strandline-bench: ratios against plain SQLite and against the least program that moves the same rows.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>

#include <CLI/CLI.hpp>

#include "bench/device.h"
#include "bench/devices.h"

namespace strandline::bench {
namespace {

struct Workload {
    const char* name;
    void (*measure)(Workbench&);
};

constexpr Workload kWorkloads[] = {{"capture", measure_capture}, {"backfill", measure_backfill},
                                   {"changed", measure_changed}, {"live", measure_live},
                                   {"beside", measure_beside},   {"verify", measure_verify},
                                   {"blobs", measure_blobs}};

struct Arguments {
    std::int64_t rows = 100'000;
    int runs = 5;
    bool quick = false;
    std::string only;
    std::string json;
    std::string folder = std::filesystem::temp_directory_path().string();
};

/// A folder of our own, gone at the end.
class Scratch {
public:
    explicit Scratch(const std::string& parent)
        : path_(std::filesystem::path(parent) / ("strandline-bench-" + std::to_string(getpid()))) {
        std::filesystem::create_directories(path_);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

void print_settings(const Workbench& bench) {
    std::printf("SQLite %s. %s PRAGMA journal_mode=WAL;\n", sqlite3_libversion(), kPragmas);
    std::printf("The app and plain SQLite: synchronous=NORMAL. Strandline and the pipe's receiver: FULL.\n");
    std::printf("%s\n", kCreateTable);
    std::printf("%s and %s rows of about 150 bytes, random keys, inserted in random order; files in %s.\n",
                count_text(bench.rows).c_str(), count_text(bench.rows_large()).c_str(), bench.folder.c_str());
    std::printf(
        "Ratios are taken within a run; medians of %d. Within a run the two sides take turns in going "
        "first.\n",
        bench.runs);
    std::fflush(stdout);
}

void run(const Arguments& arguments) {
    const Scratch scratch(arguments.folder);
    Workbench bench;
    bench.folder = scratch.path();
    bench.rows = arguments.rows;
    bench.runs = arguments.quick ? 1 : arguments.runs;
    print_settings(bench);
    for (const Workload& workload : kWorkloads) {
        if (arguments.only.empty() || arguments.only == workload.name) workload.measure(bench);
    }
    if (arguments.rows != Arguments().rows)
        bench.report.note("The targets are for 100,000 and 1,000,000 rows; these are other sizes.");
    bench.report.print();
    if (!arguments.json.empty()) bench.report.write_json(arguments.json);
}

int parse_and_run(int argc, char** argv) {
    Arguments arguments;
    CLI::App app(
        "Measures Strandline as ratios, within one run, to plain SQLite and to the least program that "
        "moves the same rows.",
        "strandline-bench");
    std::vector<std::string> names;
    for (const Workload& workload : kWorkloads) names.emplace_back(workload.name);
    app.add_option("--runs", arguments.runs, "So many runs, and their medians; 5 when not given")
        ->check(CLI::Range(1, 1'000));
    app.add_flag("--quick", arguments.quick, "One run");
    app.add_option("--only", arguments.only, "This workload alone")->check(CLI::IsMember(names));
    app.add_option("--rows", arguments.rows, "Rows of the smaller table, a tenth of the larger one's; 100000")
        ->check(CLI::Range(1'000, 10'000'000));
    app.add_option("--json", arguments.json, "Write the figures to this file, too");
    app.add_option("--folder", arguments.folder,
                   "Put the databases here, where the disk should be a real one")
        ->check(CLI::ExistingDirectory);
    CLI11_PARSE(app, argc, argv);
    run(arguments);
    return 0;
}

}  // namespace
}  // namespace strandline::bench

int main(int argc, char** argv) {
    try {
        if (argc == 6 && argv[1] == std::string(strandline::bench::kDeviceWord))
            return strandline::bench::run_device(argv[2], argv[3], argv[4] == std::string("once"),
                                                 argv[5] == std::string("packed"));
        return strandline::bench::parse_and_run(argc, argv);
    } catch (const std::exception& error) {
        strandline::bench::say(error.what());
        return 1;
    }
}
