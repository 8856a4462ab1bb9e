#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <spdlog/logger.h>

#include <strandline/node.h>

namespace strandline::cli {

/// What `run` says, on stderr: a line for what each peer does. Rows come in many small events, so of those
/// a line at most every two seconds, and the rest before anything else is said of that peer. A backfill
/// tells how far it is as often, from the database, as any other process could read it.
///
/// Threads: tell() on the thread that runs the node; the progress of a backfill on one of its own.
class RunLog {
public:
    RunLog(std::string database, Engine& engine);

    void tell(const Event& event);
    void tell(const std::string& notice);

private:
    struct Arrived {
        std::int64_t rows = 0;  ///< since the last line
        std::chrono::steady_clock::time_point said;
    };

    void rows_arrived(const Event& event);
    void say_arrived(const std::string& peer);
    void follow_backfill(const std::string& prefix);
    std::string prefix_of(const std::string& peer);

    std::string database_;
    Engine& engine_;
    std::shared_ptr<spdlog::logger> log_;
    std::map<std::string, Arrived> arrived_;
    std::map<std::string, std::string> names_;
    std::mutex mutex_;  ///< guards nothing: the condition variable that ends the wait early needs one
    std::condition_variable_any wake_;
    std::jthread backfill_;  ///< last, so that it ends before what it uses
};

}  // namespace strandline::cli
