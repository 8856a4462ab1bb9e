#include <chrono>
#include <map>
#include <thread>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <strandline/node.h>

#include "cli/command.h"
#include "cli/format.h"
#include "cli/waiting.h"

namespace strandline::cli {
namespace {

/// A table of a million rows takes the process that runs the device some seconds.
constexpr auto kAnswerWithin = std::chrono::seconds(60);
constexpr auto kAskEvery = std::chrono::milliseconds(20);
constexpr std::size_t kEventsReadAtOnce = 1000;

struct TrackArguments {
    std::string database;
    std::vector<std::string> tables;
    bool device_owned = false;
    bool json = false;
};

struct TrustArguments {
    std::string database;
    std::string device;
    std::string name;
    bool json = false;
};

/// Does what was asked of a process that has ended since.
void answer_ourselves(const std::string& database) {
    if (auto node = Node::open({database, "", {}})) node->engine().database_changed(now());
}

/// Hands the request to the process that runs the device, and waits for its answer.
Result<void> ask_running(const std::string& database, int process, const Request& request) {
    const auto number = leave_request(database, request);
    if (!number) return tl::unexpected(number.error());
    Wait wait;
    while (wait.lasted() < kAnswerWithin) {
        const auto answered = request_answered(database, *number);
        if (answered && *answered) return {};
        if (!answered && answered.error().category != Category::busy) return tl::unexpected(answered.error());
        if (running_process(database).value_or(process) == 0) answer_ourselves(database);
        wait.tell([&] { return fmt::format("process {}, which runs {}", process, database); });
        std::this_thread::sleep_for(kAskEvery);
    }
    return failure(
        Category::timeout,
        fmt::format("process {}, which runs {}, has not answered within {} s; the request is kept, "
                    "and whoever runs the device next acts on it",
                    process, database, kAnswerWithin.count()),
        Retry::later);
}

std::string joined(const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ", "));
}

/// What the engine had to say of the tables when they were tracked, if that is more than that they are.
void print_cautions(const std::string& database, const std::vector<std::string>& tables) {
    std::map<std::string, std::string> told;
    for (std::int64_t number = 0;;) {
        const auto events = read_events(database, number, kEventsReadAtOnce);
        if (!events || events->empty()) break;
        for (const Event& event : *events) {
            if (event.kind == EventKind::tracked) told[event.resource] = event.text;
        }
        number = events->back().number;
    }
    std::map<std::string, std::vector<std::string>> cautions;
    for (const std::string& table : tables) {
        if (told[table].find("; but ") != std::string::npos)
            cautions[told[table]].push_back(printable(table));
    }
    for (const auto& [caution, about] : cautions) say(joined(about) + ": " + caution);
}

Exit track(const TrackArguments& arguments) {
    const auto ownership = arguments.device_owned ? Ownership::device_owned : Ownership::shared;
    const Request request{arguments.device_owned ? "track-device-owned" : "track", arguments.tables};
    const auto changed = change(arguments.database, request, [&](Engine& engine) {
        const Ticker ticker([&] {
            const TrackProgress at = engine.track_progress();
            return fmt::format("tracking {}: {} of {}", joined(arguments.tables), count_text(at.rows_done),
                               count_text(at.rows_total, "row"));
        });
        return engine.track(arguments.tables, ownership, now());
    });
    if (!changed) return fail(changed.error());
    if (arguments.json) {
        print_json({{"tracked", arguments.tables}, {"ownership", name_of(ownership)}});
    } else {
        fmt::print("tracking {}{}\n", joined(arguments.tables),
                   arguments.device_owned ? ": only the device that inserts a row may change it" : "");
    }
    print_cautions(arguments.database, arguments.tables);
    return Exit::done;
}

Exit untrack(const TrackArguments& arguments) {
    const auto changed = change(arguments.database, {"untrack", arguments.tables},
                                [&](Engine& engine) { return engine.untrack(arguments.tables, now()); });
    if (!changed) return fail(changed.error());
    if (arguments.json) {
        print_json({{"untracked", arguments.tables}});
    } else {
        fmt::print("no longer tracking {}; the rows stay\n", joined(arguments.tables));
    }
    return Exit::done;
}

Exit trust(const TrustArguments& arguments) {
    const auto device = device_id_from_hex(arguments.device);
    if (!device) return fail(device.error());
    const Request request{"trust", {arguments.device, arguments.name}};
    const auto changed = change(arguments.database, request,
                                [&](Engine& engine) { return engine.trust(*device, arguments.name, now()); });
    if (!changed) return fail(changed.error());
    if (arguments.json) {
        print_json({{"trusted", arguments.device}, {"name", arguments.name}});
    } else {
        fmt::print("{} is let in\n", arguments.name.empty() ? short_hex(*device) : name_text(arguments.name));
    }
    return Exit::done;
}

void add_tables(CLI::App* command, TrackArguments& arguments) {
    add_database(command, arguments.database);
    command->add_option("TABLE", arguments.tables, "Tables of the database")->required()->option_text("...");
    add_json(command, arguments.json);
}

}  // namespace

Result<void> change(const std::string& database, const Request& request,
                    const std::function<Result<void>(Engine&)>& act) {
    return patiently(database, [&]() -> Result<void> {
        const auto process = running_process(database);
        if (!process) return tl::unexpected(process.error());
        if (*process != 0) return ask_running(database, *process, request);
        auto node = Node::open({database, "", {}});
        if (!node) return tl::unexpected(node.error());
        return act(node->engine());
    });
}

void add_changes(CLI::App& app, Action& chosen) {
    auto arguments = std::make_shared<TrackArguments>();
    CLI::App* command = add_command<TrackArguments>(
        app, chosen, "track", "Keep tables in step from now on, rows already there included",
        "  strandline track notes.db notes tags\n"
        "  strandline track notes.db positions --device-owned\n"
        "The tables must exist, on every device, with a primary key: the app makes its schema.\n"
        "A million rows take some seconds, in one transaction: apps that write meanwhile wait.",
        arguments, track);
    add_tables(command, *arguments);
    command->add_flag("--device-owned", arguments->device_owned,
                      "Only the device that inserts a row may change it");

    arguments = std::make_shared<TrackArguments>();
    command = add_command<TrackArguments>(app, chosen, "untrack",
                                          "Stop keeping tables in step, and forget; their rows stay",
                                          "  strandline untrack notes.db tags\n"
                                          "Tracking a table again starts anew from the rows that are there.",
                                          arguments, untrack);
    add_tables(command, *arguments);

    auto trusted = std::make_shared<TrustArguments>();
    command =
        add_command<TrustArguments>(app, chosen, "trust", "Let a device in, by its id",
                                    "  strandline trust notes.db $(strandline id other.db) --name phone\n"
                                    "Both devices must trust each other.",
                                    trusted, trust);
    add_database(command, trusted->database);
    command->add_option("DEVICE_ID", trusted->device, "64 hex digits, as `strandline id` prints them")
        ->required()
        ->option_text(" ");
    command->add_option("--name", trusted->name, "What people call that device")->option_text("NAME");
    add_json(command, trusted->json);
}

}  // namespace strandline::cli
