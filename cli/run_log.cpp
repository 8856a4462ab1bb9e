#include "cli/run_log.h"

#include <cstdlib>
#include <optional>
#include <utility>

#include <unistd.h>

#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "cli/format.h"
#include "cli/log_lines.h"

namespace strandline::cli {
namespace {

constexpr auto kArrivedEvery = std::chrono::seconds(2);
constexpr auto kProgressEvery = std::chrono::seconds(5);

/// On a terminal, unless people have said that they want none.
spdlog::color_mode colours() {
    return std::getenv("NO_COLOR") == nullptr ? spdlog::color_mode::automatic : spdlog::color_mode::never;
}

bool is_warning(EventKind kind) {
    switch (kind) {
        case EventKind::quarantined:
        case EventKind::held:
        case EventKind::refused:
        case EventKind::clock_skew:
        case EventKind::not_exchanged:
        case EventKind::written_again:
        case EventKind::capture_repaired:
        case EventKind::damaged:
        case EventKind::trouble:
            return true;
        default:
            return false;
    }
}

/// What to say before an event's own text, where that alone would leave people asking.
const char* lead_of(EventKind kind) {
    switch (kind) {
        case EventKind::peer_down:
            return "disconnected: ";
        case EventKind::backfill_started:
            return "backfilling, ";
        case EventKind::backfill_done:
            return "backfill done, ";
        case EventKind::cut_complete:
            return "cut complete: ";
        default:
            return "";
    }
}

}  // namespace

RunLog::RunLog(Engine& engine)
    : engine_(engine), has_bar_(isatty(STDERR_FILENO) == 1), log_(spdlog::stderr_color_mt("run", colours())) {
    log_->set_formatter(log_lines());
}

RunLog::~RunLog() {
    if (is_bar_shown_) print_to_stderr("\n");
}

void RunLog::tell(const Event& event) {
    if (event.kind == EventKind::changes_applied) return rows_arrived(event);
    if (event.kind == EventKind::backfill_progress) return show_progress(event);
    if (event.kind == EventKind::backfill_done) finish_bar();
    if (event.kind == EventKind::backfill_started) progress_said_ = std::chrono::steady_clock::now();
    say_arrived(event.peer);
    take_bar_away();
    const std::string about = event.resource.empty() ? "" : name_text(event.resource) + ": ";
    put(is_warning(event.kind) ? spdlog::level::warn : spdlog::level::info,
        prefix_of(event.peer) + about + lead_of(event.kind) + text_of(event));
}

/// On a terminal wrapped under its own beginning; what other programs read has one line for each.
void RunLog::put(spdlog::level::level_enum level, const std::string& text) {
    log_->log(level, "{}", wrapped(text, line_columns_at(STDERR_FILENO), kLogHeadColumns));
}

void RunLog::tell(const std::string& notice) {
    take_bar_away();
    put(spdlog::level::info, printable(notice));
}

void RunLog::rows_arrived(const Event& event) {
    Arrived& arrived = arrived_[event.peer];
    arrived.rows += event.rows;
    if (std::chrono::steady_clock::now() - arrived.said >= kArrivedEvery) say_arrived(event.peer);
}

void RunLog::say_arrived(const std::string& peer) {
    const auto found = arrived_.find(peer);
    if (found == arrived_.end() || found->second.rows == 0) return;
    const std::int64_t rows = std::exchange(found->second.rows, 0);
    found->second.said = std::chrono::steady_clock::now();
    take_bar_away();
    put(spdlog::level::info, prefix_of(peer) + count_text(rows, "row") + " arrived");
}

void RunLog::show_progress(const Event& event) {
    const auto now = std::chrono::steady_clock::now();
    if (!has_bar_ && now - progress_said_ < kProgressEvery) return;
    progress_said_ = now;
    const std::optional<BackfillStatus> backfill = engine_.status().backfill;
    if (!backfill) return;  // It is over, and that is the next event.
    if (has_bar_) return draw(backfill->fraction, progress_text(*backfill));
    put(spdlog::level::info,
        prefix_of(event.peer) + "backfilling, " + progress_text(*backfill) +
            (backfill->resource.empty() ? "" : ", now " + name_text(backfill->resource)));
}

/// Over the one that stands there, in the last line.
void RunLog::draw(double fraction, const std::string& text) {
    const std::string bar = bar_text(fraction, kBarColumns) + " " + text;
    print_to_stderr("\r" + shortened(bar, columns_at(STDERR_FILENO) - 1) + "\x1b[K");
    is_bar_shown_ = true;
    is_bar_owed_ = true;
}

/// What was not told any more came with the last page.
void RunLog::finish_bar() {
    if (!is_bar_owed_) return;
    draw(1, "100 %");
    print_to_stderr("\n");
    is_bar_shown_ = false;
    is_bar_owed_ = false;
}

/// Lines go above it; the next progress draws it again.
void RunLog::take_bar_away() {
    if (!is_bar_shown_) return;
    print_to_stderr("\r\x1b[K");
    is_bar_shown_ = false;
}

std::string RunLog::prefix_of(const std::string& peer) {
    if (peer.empty()) return "";
    auto [found, is_new] = names_.try_emplace(peer, printable(peer.substr(0, 8)));
    if (is_new) {
        for (const PeerStatus& known : engine_.status().peers) {
            if (to_hex(known.device) == peer && !known.name.empty()) found->second = name_text(known.name);
        }
    }
    return found->second + ": ";
}

}  // namespace strandline::cli
