#include "simulator/trial.h"

#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "simulator/report.h"

namespace strandline::simulator {
namespace {

// The child's outcome as texts that end in NUL: law, hash, simulated time, summary, finding, then counts and names
// of situations, an empty text, and those of faults.

void tell(std::FILE* file, const Outcome& outcome) {
    const auto put = [&](const std::string& text) { std::fwrite(text.c_str(), 1, text.size() + 1, file); };
    put(std::to_string(outcome.law));
    put(std::to_string(outcome.hash));
    put(std::to_string(outcome.simulated_us));
    put(outcome.summary);
    put(outcome.finding);
    const auto put_counts = [&](const auto& counts) {
        for (const auto& [name, count] : counts) {
            put(std::to_string(count));
            put(name);
        }
    };
    put_counts(outcome.situations);
    put({});
    put_counts(outcome.faults);
    std::fflush(file);
}

Outcome told(std::FILE* file) {
    std::vector<std::string> texts(1);
    std::rewind(file);
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) {
        if (c == 0) {
            texts.emplace_back();
        } else {
            texts.back() += static_cast<char>(c);
        }
    }
    Outcome outcome;
    if (texts.size() < 6) return outcome;
    outcome.law = std::stoi(texts[0]);
    outcome.hash = std::stoull(texts[1]);
    outcome.simulated_us = std::stoll(texts[2]);
    outcome.summary = texts[3];
    outcome.finding = texts[4];
    std::size_t at = 5;
    const auto take_counts = [&](auto& counts) {
        for (; at + 2 < texts.size() && !texts[at].empty(); at += 2)
            counts[texts[at + 1]] = std::stoull(texts[at]);
    };
    take_counts(outcome.situations);
    ++at;
    take_counts(outcome.faults);
    return outcome;
}

/// In the child: the whole run; its verdict is the exit status.
[[noreturn]] void run_to_the_end(const Options& options, std::FILE* file) {
    Outcome outcome;
    outcome.verdict = Verdict::crash;
    try {
        // Never taken down: to close all devices takes long, and the process ends.
        auto* world = new World(options);  // NOLINT(cppcoreguidelines-owning-memory)
        outcome = world->run();
        if (!outcome.report.empty()) write_file(options.report, outcome.report);
    } catch (const std::exception& error) {
        outcome.finding = error.what();
    }
    tell(file, outcome);
    std::fflush(stdout);
    _exit(static_cast<int>(outcome.verdict));
}

}  // namespace

Trial::Trial(const Options& options, Voice voice) : told_(std::tmpfile()) {
    if (!told_) throw std::runtime_error("no file can be made for what a run has to say");
    Options own = options;
    if (voice == Voice::silent) {
        own.log = false;
        own.report.clear();
    }
    std::fflush(stdout);
    process_ = fork();
    if (process_ < 0) throw std::runtime_error("no process can be made for a run");
    if (process_ > 0) return;
    if (voice == Voice::silent && std::freopen("/dev/null", "w", stderr) == nullptr) _exit(1);
    run_to_the_end(own, told_.get());
}

Ending Trial::ended(int status) {
    Ending ending{Verdict::crash, status, told(told_.get())};
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    if (status == 0 || code == static_cast<int>(Verdict::law_broken) ||
        code == static_cast<int>(Verdict::no_convergence))
        ending.verdict = static_cast<Verdict>(code);
    return ending;
}

Ending Trial::wait() {
    int status = 0;
    if (waitpid(process_, &status, 0) != process_) throw std::runtime_error("a run was lost");
    return ended(status);
}

}  // namespace strandline::simulator
