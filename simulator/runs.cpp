#include "simulator/runs.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "simulator/report.h"

namespace strandline::simulator {
namespace {

void say_first_line(const Options& options) {
    const std::string seeds =
        options.seeds == 1 ? fmt::format("seed {}", options.seed)
                           : fmt::format("seeds {} to {}", options.seed, options.seed + options.seeds - 1);
    fmt::print("{} · strandline-sim {} · {}\n", seeds, STRANDLINE_VERSION, to_text(options));
    std::fflush(stdout);
}

/// In the child: the whole run; its verdict is the exit status.
[[noreturn]] void run_one(const Options& options, bool is_alone) {
    Verdict verdict = Verdict::crash;
    try {
        World world(options);
        const Outcome outcome = world.run();
        verdict = outcome.verdict;
        if (!outcome.report.empty()) write_file(options.report, outcome.report);
        if (is_alone) fmt::print("{}", outcome.summary);
        if (!outcome.finding.empty()) fmt::print("seed {}: {}\n", options.seed, outcome.finding);
        if (is_alone) fmt::print("event hash {:016x}\n", outcome.hash);
    } catch (const std::exception& error) {
        fmt::print("seed {}: {}\n", options.seed, error.what());
    }
    std::fflush(stdout);
    _exit(static_cast<int>(verdict));
}

Verdict verdict_of(int status) {
    if (!WIFEXITED(status)) return Verdict::crash;
    const int code = WEXITSTATUS(status);
    return code == 0 || code == 3 || code == 4 ? static_cast<Verdict>(code) : Verdict::crash;
}

bool is_worse(Verdict a, Verdict b) {
    const auto rank = [](Verdict verdict) {
        return verdict == Verdict::no_convergence ? 1
               : verdict == Verdict::law_broken   ? 2
               : verdict == Verdict::crash        ? 3
                                                  : 0;
    };
    return rank(a) > rank(b);
}

const char* name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::law_broken:
            return "a law was broken";
        case Verdict::no_convergence:
            return "no convergence";
        case Verdict::crash:
            return "a crash";
        default:
            return "clean";
    }
}

/// The seeds under way, and what came of those that are done.
class Runs {
public:
    explicit Runs(const Options& options) : options_(options) {}

    Verdict all() {
        for (std::uint64_t i = 0; i < options_.seeds; ++i) {
            if (running_.size() >= options_.jobs) wait_for_one();
            start(options_.seed + i);
        }
        while (!running_.empty()) wait_for_one();
        return worst_;
    }
    [[nodiscard]] const std::map<std::uint64_t, Verdict>& failed() const { return failed_; }
    [[nodiscard]] std::uint64_t done() const { return done_; }

private:
    void start(std::uint64_t seed) {
        std::fflush(stdout);
        Options one = options_;
        one.seed = seed;
        const pid_t child = fork();
        if (child == 0) run_one(one, options_.seeds == 1);
        if (child < 0) throw std::runtime_error("no process can be made for a seed");
        running_[child] = seed;
    }
    void wait_for_one() {
        int status = 0;
        const pid_t child = wait(&status);
        const auto run = running_.find(child);
        if (run == running_.end()) return;
        const Verdict verdict = verdict_of(status);
        if (verdict != Verdict::clean) failed_[run->second] = verdict;
        if (is_worse(verdict, worst_)) worst_ = verdict;
        running_.erase(run);
        ++done_;
        if (options_.seeds > 1 && isatty(STDERR_FILENO) != 0)
            fmt::print(stderr, "\r{} of {} seeds, {} failed ", done_, options_.seeds, failed_.size());
    }

    const Options& options_;
    std::map<pid_t, std::uint64_t> running_;
    std::map<std::uint64_t, Verdict> failed_;
    std::uint64_t done_ = 0;
    Verdict worst_ = Verdict::clean;
};

}  // namespace

Verdict run_seeds(const Options& options) {
    say_first_line(options);
    Runs runs(options);
    const Verdict worst = runs.all();
    if (options.seeds == 1) {
        if (worst == Verdict::crash) fmt::print("the run crashed\n");
        return worst;
    }
    if (isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\n");
    fmt::print("{} seeds, {} clean\n", runs.done(), runs.done() - runs.failed().size());
    for (const auto& [seed, verdict] : runs.failed())
        fmt::print("{}: strandline-sim --seed {} {}\n", name_of(verdict), seed, to_text(options));
    return worst;
}

}  // namespace strandline::simulator
