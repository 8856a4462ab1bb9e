#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What was measured, and what it must reach.
namespace strandline::bench {

/// Seconds on a clock that never goes back, the same one in all processes of the machine.
[[nodiscard]] double now_seconds();

[[nodiscard]] double median(std::vector<double> samples);
/// The sample that this fraction of them does not exceed; 0.5 is the median's neighbour.
[[nodiscard]] double percentile(std::vector<double> samples, double fraction);
/// 100,000
[[nodiscard]] std::string count_text(std::int64_t count);

/// Lines on stderr while something takes longer than two seconds.
class Progress {
public:
    Progress(std::string what, std::int64_t total) : what_(std::move(what)), total_(total) {}
    void at(std::int64_t done);

private:
    std::string what_;
    std::int64_t total_;
    double said_ = now_seconds();
};

/// A line on stderr: what runs now.
void say(const std::string& line);

enum class Unit { seconds, milliseconds, bytes, mebibytes };

/// One line of the table: what is compared with what, and what it must reach.
struct Question {
    std::string name;   ///< for programs, such as "capture/insert/100"
    std::string title;  ///< for people
    std::string base;   ///< what it is measured against: "plain", "pipe"; empty: against nothing
    Unit unit{};
    std::optional<double>
        at_most;  ///< the target: of the ratio, or of the figure itself where there is no base
};

/// All that was measured, in the order of the first sample.
///
/// A ratio is taken within one run; what is told is the median of the runs' ratios, and the medians of both sides.
class Report {
public:
    /// One run's figures, in the question's unit.
    void add(const Question& question, double base, double ours);
    void add(const Question& question, double ours) { add(question, 0, ours); }
    /// A sentence that is printed under the table, once.
    void note(const std::string& sentence);

    void print() const;
    /// Error (Trouble): the file cannot be written.
    void write_json(const std::string& path) const;

private:
    struct Line {
        Question question;
        std::vector<double> base;
        std::vector<double> ours;

        [[nodiscard]] bool has_base() const { return !question.base.empty(); }
        [[nodiscard]] std::vector<double> ratios() const;
        /// What the target is about.
        [[nodiscard]] double figure() const;
        [[nodiscard]] bool is_met() const { return figure() <= *question.at_most; }
    };

    std::vector<Line> lines_;
    std::vector<std::string> notes_;
};

}  // namespace strandline::bench
