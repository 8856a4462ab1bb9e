#include "simulator/runs.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "simulator/shrink.h"
#include "simulator/trial.h"

namespace strandline::simulator {
namespace {

/// Runs that look for a smaller failure: two rounds over all options, and some.
constexpr std::uint64_t kTriesMost = 100;
/// So many seeds of the swarm meet every situation; fewer may be unlucky.
constexpr std::uint64_t kSeedsThatMeetAll = 500;
/// Of many seeds that fail most fail for the same reason.
constexpr std::size_t kShrunkMost = 3;
constexpr std::chrono::seconds kProgressEvery{2};

std::string command(const Options& options) {
    return fmt::format("strandline-sim --seed {} {}", options.seed, to_text(options));
}

void say_first_line(const Options& options) {
    const std::string seeds =
        options.seeds == 1 ? fmt::format("seed {}", options.seed)
                           : fmt::format("seeds {} to {}", options.seed, options.seed + options.seeds - 1);
    fmt::print("{} · strandline-sim {} · {}\n", seeds, STRANDLINE_VERSION, to_text(options));
    std::fflush(stdout);
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

void say_finding(std::uint64_t seed, const Ending& ending) {
    if (!ending.outcome.finding.empty()) {
        fmt::print("seed {}: {}\n", seed, ending.outcome.finding);
    } else if (ending.verdict == Verdict::crash) {
        fmt::print("seed {}: the run crashed\n", seed);
    }
}

/// Makes a failing seed's options as small as they can be, and says the command.
void say_shrunk(const Options& failing, const Ending& ending) {
    std::fflush(stdout);
    auto told_at = std::chrono::steady_clock::now();
    std::uint64_t tries = 0;
    const Shrunk shrunk = shrink(failing, kTriesMost, [&](const Options& smaller) {
        ++tries;
        if (const auto now = std::chrono::steady_clock::now(); now - told_at > kProgressEvery) {
            told_at = now;
            fmt::print(stderr, "shrinking seed {}, run {}: {}\n", failing.seed, tries, to_text(smaller));
        }
        return Trial(smaller, Trial::Voice::silent).wait().is_like(ending);
    });
    fmt::print("  shrunk{}: {}\n", shrunk.is_smallest ? "" : fmt::format(" in {} runs", shrunk.tries),
               command(shrunk.options));
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
    [[nodiscard]] const std::map<std::uint64_t, Ending>& failed() const { return failed_; }
    [[nodiscard]] const Chronicle::Counts& faults() const { return faults_; }
    [[nodiscard]] const SituationCounts& situations() const { return situations_; }
    [[nodiscard]] std::uint64_t done() const { return done_; }
    [[nodiscard]] double simulated_seconds() const {
        return static_cast<double>(simulated_us_) / static_cast<double>(kUsPerSecond);
    }

private:
    void start(std::uint64_t seed) {
        Options one = options_;
        one.seed = seed;
        Trial trial(one, Trial::Voice::aloud);
        const pid_t process = trial.process();
        running_.emplace(process, std::pair(seed, std::move(trial)));
    }

    void wait_for_one() {
        int status = 0;
        const pid_t process = ::wait(&status);
        if (process < 0) throw std::runtime_error("a run was lost");
        const auto run = running_.find(process);
        if (run == running_.end()) return;
        const std::uint64_t seed = run->second.first;
        const Ending ending = run->second.second.ended(status);
        running_.erase(run);
        ++done_;
        simulated_us_ += ending.outcome.simulated_us;
        for (const auto& [name, count] : ending.outcome.faults) faults_[name] += count;
        for (const auto& [name, count] : ending.outcome.situations) situations_[name] += count;
        if (ending.verdict != Verdict::clean) {
            say_finding(seed, ending);
            failed_.emplace(seed, ending);
        }
        if (is_worse(ending.verdict, worst_)) worst_ = ending.verdict;
        if (isatty(STDERR_FILENO) != 0)
            fmt::print(stderr, "\r{} of {} seeds, {} failed ", done_, options_.seeds, failed_.size());
    }

    const Options& options_;
    std::map<pid_t, std::pair<std::uint64_t, Trial>> running_;
    std::map<std::uint64_t, Ending> failed_;
    Chronicle::Counts faults_;
    SituationCounts situations_;
    std::uint64_t done_ = 0;
    std::int64_t simulated_us_ = 0;
    Verdict worst_ = Verdict::clean;
};

/// What all runs together met. False: they were many enough, and something never happened.
bool say_situations(const Options& options, const SituationCounts& counts) {
    for (const auto& [name, count] : counts) fmt::print("sometimes {}: {}\n", name, count);
    if (options.faults != "swarm" || options.seeds < kSeedsThatMeetAll) return true;
    const auto missing = never_met(counts);
    if (missing.empty()) return true;
    std::string names;
    for (const std::string& name : missing) names += (names.empty() ? "" : "; ") + name;
    fmt::print("in {} seeds this never happened, so nothing is known of it: {}\n", options.seeds, names);
    return false;
}

Verdict run_one(const Options& options) {
    const Ending ending = Trial(options, Trial::Voice::aloud).wait();
    fmt::print("{}", ending.outcome.summary);
    say_finding(options.seed, ending);
    if (ending.verdict != Verdict::clean && options.shrinks) say_shrunk(options, ending);
    // A process that was killed could not say how far it came.
    if (ending.verdict != Verdict::crash) fmt::print("event hash {:016x}\n", ending.outcome.hash);
    return ending.verdict;
}

}  // namespace

Verdict run_seeds(const Options& options) {
    say_first_line(options);
    if (options.seeds == 1) return run_one(options);
    const auto begin = std::chrono::steady_clock::now();
    Runs runs(options);
    Verdict worst = runs.all();
    const std::chrono::duration<double> real = std::chrono::steady_clock::now() - begin;
    if (isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\n");
    for (const auto& [name, count] : runs.faults()) fmt::print("fault {}: {}\n", name, count);
    if (!say_situations(options, runs.situations()) && is_worse(Verdict::law_broken, worst))
        worst = Verdict::law_broken;
    fmt::print("{} seeds, {} clean; simulated {:.0f} s, {:.0f} times as fast as real time\n", runs.done(),
               runs.done() - runs.failed().size(), runs.simulated_seconds(),
               runs.simulated_seconds() / real.count());
    if (options.shrinks && runs.failed().size() > kShrunkMost)
        fmt::print("the first {} are shrunk\n", kShrunkMost);
    std::size_t shrunk = 0;
    for (const auto& [seed, ending] : runs.failed()) {
        Options failing = options;
        failing.seed = seed;
        fmt::print("{}: {}\n", name_of(ending.verdict), command(failing));
        if (options.shrinks && shrunk++ < kShrunkMost) say_shrunk(failing, ending);
    }
    return worst;
}

}  // namespace strandline::simulator
