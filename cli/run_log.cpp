#include "cli/run_log.h"

#include <chrono>
#include <cstdlib>
#include <utility>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "cli/format.h"

namespace strandline::cli {
namespace {

constexpr auto kProgressEvery = std::chrono::seconds(2);

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
        default:
            return "";
    }
}

std::string progress_text(const BackfillStatus& backfill) {
    return fmt::format("backfilling, {} %: {} of {}{}", percent(backfill.rows_done, backfill.rows_total),
                       count_text(backfill.rows_done), count_text(backfill.rows_total, "row"),
                       backfill.resource.empty() ? "" : ", now " + name_text(backfill.resource));
}

}  // namespace

RunLog::RunLog(std::string database, Engine& engine)
    : database_(std::move(database)), engine_(engine), log_(spdlog::stderr_color_mt("run", colours())) {
    log_->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v", spdlog::pattern_time_type::utc);
}

void RunLog::tell(const Event& event) {
    if (event.kind == EventKind::changes_applied) return rows_arrived(event);
    say_arrived(event.peer);
    if (event.kind == EventKind::backfill_done || event.kind == EventKind::peer_down) backfill_ = {};
    const std::string about = event.resource.empty() ? "" : name_text(event.resource) + ": ";
    log_->log(is_warning(event.kind) ? spdlog::level::warn : spdlog::level::info, "{}{}{}{}",
              prefix_of(event.peer), about, lead_of(event.kind), text_of(event));
    if (event.kind == EventKind::backfill_started) follow_backfill(prefix_of(event.peer));
}

void RunLog::tell(const std::string& notice) {
    log_->info("{}", printable(notice));
}

void RunLog::rows_arrived(const Event& event) {
    Arrived& arrived = arrived_[event.peer];
    arrived.rows += event.rows;
    if (std::chrono::steady_clock::now() - arrived.said >= kProgressEvery) say_arrived(event.peer);
}

void RunLog::say_arrived(const std::string& peer) {
    const auto found = arrived_.find(peer);
    if (found == arrived_.end() || found->second.rows == 0) return;
    const std::int64_t rows = std::exchange(found->second.rows, 0);
    found->second.said = std::chrono::steady_clock::now();
    log_->info("{}{} arrived", prefix_of(peer), count_text(rows, "row"));
}

void RunLog::follow_backfill(const std::string& prefix) {
    backfill_ = std::jthread([this, prefix](const std::stop_token& over) {
        std::unique_lock lock(mutex_);
        while (!wake_.wait_for(lock, over, kProgressEvery, [&over] { return over.stop_requested(); })) {
            const auto status = read_status(database_, true);
            if (status && status->backfill) log_->info("{}{}", prefix, progress_text(*status->backfill));
        }
    });
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
