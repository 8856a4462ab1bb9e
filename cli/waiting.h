#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include <strandline/result.h>

#include "cli/signals.h"

/// Nobody sits before a silent terminal: what takes longer than two seconds says what it does, or for whom it waits.
namespace strandline::cli {

/// How long a command that is done at once waits for another process to let go of the database.
constexpr auto kPatience = std::chrono::seconds(10);

/// One wait for somebody else, and when a person should hear of it.
class Wait {
public:
    [[nodiscard]] std::chrono::steady_clock::duration lasted() const {
        return std::chrono::steady_clock::now() - began_;
    }
    /// A line on stderr after two seconds, and again whenever that has doubled. `whom` is asked only then.
    void tell(const std::function<std::string()>& whom);

private:
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::duration due_ = std::chrono::seconds(2);
};

/// Who is waited for while a database is locked.
[[nodiscard]] std::string lock_holder_text(const std::string& database);
/// The error, and that it was waited in vain for so long.
[[nodiscard]] Error in_vain(const Error& error, const std::string& database, const Wait& wait);

/// Does `attempt` again and again while another process has the database locked, for as long as kPatience, or
/// until a signal comes that the command holds.
template <typename Attempt>
auto patiently(const std::string& database, Attempt attempt) -> decltype(attempt()) {
    constexpr auto kAgainAfter = std::chrono::milliseconds(50);
    Wait wait;
    while (true) {
        auto result = attempt();
        if (result || result.error().category != Category::busy) return result;
        if (wait.lasted() >= kPatience || is_stop_held())
            return tl::unexpected(in_vain(result.error(), database, wait));
        wait.tell([&] { return lock_holder_text(database); });
        std::this_thread::sleep_for(kAgainAfter);
    }
}

/// While it lives, and once two seconds are over: a line on the terminal at stderr that says what is being done, kept
/// up to date and wiped at the end. Where stderr is no terminal: nothing.
/// An empty line: nothing to say just now.
/// Threads: `line` is called on one of its own.
class Ticker {
public:
    explicit Ticker(std::function<std::string()> line);
    Ticker(const Ticker&) = delete;
    Ticker& operator=(const Ticker&) = delete;
    ~Ticker() = default;

private:
    std::mutex mutex_;  ///< guards nothing: the condition variable that ends the wait early needs one
    std::condition_variable_any wake_;
    std::jthread thread_;  ///< last, so that it ends before what it uses
};

}  // namespace strandline::cli
