#include "cli/log_lines.h"

#include <chrono>
#include <ctime>
#include <string>

#include <spdlog/pattern_formatter.h>

#include "hlc/text.h"

namespace strandline::cli {
namespace {

class Moment : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& line, const std::tm& /*broken_down*/,
                spdlog::memory_buf_t& out) override {
        const auto since = std::chrono::floor<std::chrono::milliseconds>(line.time.time_since_epoch());
        const std::string text = hlc::to_rfc3339({since.count()});
        out.append(text.data(), text.data() + text.size());
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<Moment>();
    }
};

}  // namespace

std::unique_ptr<spdlog::formatter> log_lines() {
    auto lines = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    lines->add_flag<Moment>('*').set_pattern("%* %^%-7l%$ %v");  // kLogHeadColumns before the text.
    return lines;
}

}  // namespace strandline::cli
