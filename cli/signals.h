#pragma once

#include <functional>
#include <thread>

namespace strandline::cli {

/// From here on SIGINT, SIGTERM and the SIGHUP of a terminal that closes (unless nohup has it ignored) wait for a
/// StopOnSignal instead of ending the process. Call it before any other thread starts: threads inherit what is
/// blocked from the one that makes them.
void hold_stop_signals();

/// Whether a stop signal is being held.
[[nodiscard]] bool is_stop_held();

/// While it lives, these signals, held ones included, call `stop` on a thread of its own.
class StopOnSignal {
public:
    explicit StopOnSignal(std::function<void()> stop);
    StopOnSignal(const StopOnSignal&) = delete;
    StopOnSignal& operator=(const StopOnSignal&) = delete;
    ~StopOnSignal();

private:
    std::jthread waiter_;
};

}  // namespace strandline::cli
