#include "bench/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <utility>

#include "bench/report.h"
#include "bench/sqlite.h"

namespace strandline::bench {
namespace {

constexpr int kTellEveryMs = 2'000;
constexpr int kSilenceMaxMs = 600'000;

struct Ends {
    Handle read;
    Handle write;
};

Ends make_pipe() {
    std::array<int, 2> numbers{};
    if (pipe2(numbers.data(), O_CLOEXEC) != 0) throw Trouble("the kernel gives no pipe");
    return {Handle(numbers[0]), Handle(numbers[1])};
}

}  // namespace

Handle::Handle(Handle&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

Handle& Handle::operator=(Handle&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
}

void Handle::close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Child::Child(Child&& other) noexcept : process_(std::exchange(other.process_, 0)) {}

Child::~Child() {
    if (process_ == 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
}

void Child::wait() {
    int status = 0;
    waitpid(std::exchange(process_, 0), &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw Trouble("a process of the benchmark's failed; what it said stands above");
}

Child fork_off(const std::function<void()>& work) {
    std::fflush(stdout);
    const pid_t process = fork();
    if (process < 0) throw Trouble("the kernel gives no process");
    if (process > 0) return Child(process);
    try {
        work();
    } catch (const std::exception& error) {
        say(error.what());
        _exit(1);
    }
    _exit(0);
}

Program::Start Program::start(const std::vector<std::string>& arguments) {
    Ends input = make_pipe();
    Ends output = make_pipe();
    std::vector<char*> words;
    std::vector<std::string> texts = {"strandline-bench"};
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    words.reserve(texts.size() + 1);
    for (std::string& text : texts) words.push_back(text.data());
    words.push_back(nullptr);
    std::fflush(stdout);
    const pid_t process = fork();
    if (process < 0) throw Trouble("the kernel gives no process");
    if (process == 0) {
        dup2(input.read.number(), STDIN_FILENO);
        dup2(output.write.number(), STDOUT_FILENO);
        execv("/proc/self/exe", words.data());
        _exit(1);
    }
    return {std::move(input.write), std::move(output.read), process};
}

Program::Program(const std::vector<std::string>& arguments) : Program(start(arguments)) {}

Program::Program(Start start)
    : input_(std::move(start.input)), output_(std::move(start.output)), child_(start.process) {}

std::string Program::next_line(const std::string& waiting_for) {
    int waited_ms = 0;
    while (read_.find('\n') == std::string::npos) {
        pollfd ready{output_.number(), POLLIN, 0};
        if (poll(&ready, 1, kTellEveryMs) == 0) {
            waited_ms += kTellEveryMs;
            if (waited_ms >= kSilenceMaxMs) throw Trouble("waited in vain for " + waiting_for);
            say(waiting_for + ": " + std::to_string(waited_ms / 1000) + " s so far");
            continue;
        }
        std::array<char, 4096> buffer{};
        const ssize_t size = read(output_.number(), buffer.data(), buffer.size());
        if (size <= 0) throw Trouble("a device ended while the benchmark waited for " + waiting_for);
        read_.append(buffer.data(), static_cast<std::size_t>(size));
    }
    const std::size_t end = read_.find('\n');
    std::string line = read_.substr(0, end);
    read_.erase(0, end + 1);
    return line;
}

std::string Program::next(const std::string& word, const std::string& waiting_for) {
    const std::string beginning = word + " ";
    for (;;) {
        const std::string line = next_line(waiting_for);
        if (line.compare(0, beginning.size(), beginning) == 0) return line.substr(beginning.size());
    }
}

}  // namespace strandline::bench
