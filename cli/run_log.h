#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include <spdlog/logger.h>

#include <strandline/node.h>

namespace strandline::cli {

/// What `run` says, on stderr: a line for what each peer does. Rows come in many small events, so of those
/// a line at most every two seconds, and the rest before anything else is said of that peer. How far a backfill is
/// shows as a bar below the lines, on a terminal; elsewhere as a line every few seconds.
///
/// Threads: the one that runs the node.
class RunLog {
public:
    explicit RunLog(Engine& engine);
    RunLog(const RunLog&) = delete;
    RunLog& operator=(const RunLog&) = delete;
    /// The bar's line is left as it stands.
    ~RunLog();

    void tell(const Event& event);
    void tell(const std::string& notice);

private:
    struct Arrived {
        std::int64_t rows = 0;  ///< since the last line
        std::chrono::steady_clock::time_point said;
    };

    void put(spdlog::level::level_enum level, const std::string& text);
    void rows_arrived(const Event& event);
    void say_arrived(const std::string& peer);
    void show_progress(const Event& event);
    void draw(double fraction, const std::string& text);
    void finish_bar();
    void take_bar_away();
    std::string prefix_of(const std::string& peer);

    Engine& engine_;
    const bool has_bar_;
    std::shared_ptr<spdlog::logger> log_;
    std::map<std::string, Arrived> arrived_;
    std::map<std::string, std::string> names_;
    bool is_bar_shown_ = false;
    bool is_bar_owed_ = false;  ///< it was shown in this backfill, and has not been full yet
    std::chrono::steady_clock::time_point progress_said_;
};

}  // namespace strandline::cli
