#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <strandline/status.h>

#include <poll.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/format.h"
#include "cli/signals.h"
#include "hlc/text.h"

namespace strandline::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kEventsAtOnce = 1000;
constexpr auto kLookEvery = std::chrono::milliseconds(200);

struct EventsArguments {
    std::string database;
    std::optional<std::string> since;
    bool follow = false;
    bool json = false;
};

Json json_of(const Event& event) {
    return {{"number", event.number},      {"at", hlc::to_rfc3339(event.at)},
            {"kind", name_of(event.kind)}, {"resource", event.resource},
            {"peer", event.peer},          {"rows", event.rows},
            {"text", event.text}};
}

void print_event(const Event& event) {
    const std::string subject = event.resource.empty() ? "" : printable(event.resource) + ": ";
    const std::string peer = event.peer.empty() ? "" : " (" + printable(event.peer.substr(0, 8)) + ")";
    const std::string head = fmt::format("{}  {:16}  ", hlc::to_rfc3339(event.at), name_of(event.kind));
    fmt::print("{}{}\n", styled(Style::faint, head),
               wrapped(subject + text_of(event) + peer, line_columns_at(STDOUT_FILENO), head.size()));
}

/// Gives every event after `number` to `take`, oldest first; the last one's number.
template <typename Take>
Result<std::int64_t> read_after(const std::string& database, std::int64_t number, Take take) {
    while (true) {
        const auto events = read_events(database, number, kEventsAtOnce);
        if (!events) return tl::unexpected(events.error());
        for (const Event& event : *events) {
            take(event);
            number = event.number;
        }
        if (events->size() < kEventsAtOnce) return number;
    }
}

/// Whether stdout is a pipe whose reader has gone: a write would be refused.
bool is_reader_gone() {
    pollfd out{STDOUT_FILENO, 0, 0};
    return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/// Prints events as they happen, one a line, until SIGINT or SIGTERM, or until nobody reads them any more.
Exit follow(const EventsArguments& arguments, WallMs since) {
    std::atomic<bool> stopped = false;
    hold_stop_signals();
    const StopOnSignal signals([&stopped] { stopped = true; });
    std::int64_t number = 0;
    while (!stopped && !is_reader_gone()) {
        const auto last = read_after(arguments.database, number, [&](const Event& event) {
            if (event.at < since) return;
            if (arguments.json) {
                fmt::print("{}\n", json_of(event).dump(-1, ' ', false, Json::error_handler_t::replace));
            } else {
                print_event(event);
            }
        });
        if (!last) return fail(last.error());
        number = *last;
        flush_answer();
        std::this_thread::sleep_for(kLookEvery);
    }
    return Exit::done;
}

Exit show_events(const EventsArguments& arguments) {
    WallMs since;
    if (arguments.since) {
        const auto time = hlc::from_rfc3339(*arguments.since);
        if (!time) return fail(time.error());
        since = *time;
    }
    if (arguments.follow) return follow(arguments, since);
    Json events = Json::array();
    const auto last = read_after(arguments.database, 0, [&](const Event& event) {
        if (event.at < since) return;
        if (arguments.json) {
            events.push_back(json_of(event));
        } else {
            print_event(event);
        }
    });
    if (!last) return fail(last.error());
    if (arguments.json) print_json({{"events", events}});
    return Exit::done;
}

}  // namespace

void add_events(CLI::App& app, Action& chosen) {
    auto arguments = std::make_shared<EventsArguments>();
    CLI::App* command =
        add_command<EventsArguments>(app, chosen, "events", "Show what happened, oldest first; reads only",
                                     "  strandline events notes.db --since 2026-11-21T12:00:00Z\n"
                                     "  strandline events notes.db --follow\n"
                                     "With --follow, --json prints one object a line.",
                                     arguments, show_events);
    add_database(command, arguments->database);
    command->add_option("--since", arguments->since, "Only what happened from then on, RFC 3339 in UTC")
        ->option_text("TIME");
    command->add_flag("--follow", arguments->follow, "Go on, as things happen, until interrupted");
    add_json(command, arguments->json);
}

}  // namespace strandline::cli
