#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

#include <csignal>

#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <strandline/diff.h>
#include <strandline/node.h>
#include <strandline/snapshot.h>

#include "cli/command.h"
#include "cli/format.h"
#include "cli/run_log.h"
#include "cli/signals.h"
#include "cli/trial.h"
#include "cli/waiting.h"
#include "hlc/text.h"

namespace strandline::cli {
namespace {

constexpr double kTimeoutSeconds = 30;
constexpr std::int64_t kPerSecondMax = 1'000'000'000'000;  // A terabyte: as good as no limit.

struct RunArguments {
    std::string database;
    std::string listen;
    std::vector<std::string> peers;
    bool once = false;
    bool dry_run = false;
    std::optional<int> snapshot_above;  ///< percent
    double timeout_seconds = kTimeoutSeconds;
    bool no_compression = false;
    std::optional<std::int64_t> bytes_per_second_max;
    std::optional<std::int64_t> rows_per_second_max;
    bool json = false;
};

/// "HOST:PORT" with the port that was picked.
std::string listening_at(const RunArguments& arguments, int port) {
    return arguments.listen.substr(0, arguments.listen.rfind(':') + 1) + std::to_string(port);
}

void print_outcome(Node& node, std::optional<bool> in_step) {
    using Json = nlohmann::ordered_json;
    const Status status = node.engine().status();
    print_json({{"device", to_hex(status.device)},
                {"in_step", in_step ? Json(*in_step) : Json(nullptr)},
                {"sent", {{"rows", status.sent.rows}, {"bytes", status.sent.bytes}}},
                {"received", {{"rows", status.received.rows}, {"bytes", status.received.bytes}}}});
}

Exit say_not_in_step(const RunArguments& arguments) {
    say(
        fmt::format("not in step with every peer within {} s; what has arrived is kept, and the next run "
                    "goes on from there",
                    arguments.timeout_seconds));
    return Exit::no;
}

/// Tracked tables that the app has dropped, or made again as others: peers may have rows of them.
std::vector<std::string> absent_tables(Node& node) {
    std::vector<std::string> absent;
    for (const ResourceStatus& resource : node.engine().status().resources) {
        if (!resource.is_there) absent.push_back(printable(resource.name));
    }
    return absent;
}

void say_absent(const std::vector<std::string>& absent, const std::string& database) {
    say(fmt::format(
        "tracked, but not there: {}. Nothing of that is exchanged. Make it again, as it was, and its rows "
        "come back, or: strandline untrack {} TABLE",
        fmt::join(absent, ", "), database));
}

Exit run_once(Node& node, const RunArguments& arguments, double seconds,
              const std::atomic<bool>& is_stopped) {
    const auto reached = node.run_once(seconds);
    if (!reached) return fail(reached.error());
    // What is not there cannot be in step with anybody.
    const auto absent = absent_tables(node);
    const bool in_step = *reached && absent.empty();
    if (arguments.json) print_outcome(node, in_step);
    if (in_step) return Exit::done;
    if (!*reached && is_stopped) {
        say("stopped before it was in step with every peer; what has arrived is kept");
        return Exit::no;
    }
    if (!*reached) return say_not_in_step(arguments);
    say_absent(absent, arguments.database);
    return Exit::no;
}

Exit run_until_stopped(Node& node, const RunArguments& arguments) {
    if (const auto absent = absent_tables(node); !absent.empty()) say_absent(absent, arguments.database);
    const auto ended = node.run();
    if (!ended) return fail(ended.error());
    if (arguments.json) print_outcome(node, std::nullopt);
    return Exit::done;
}

NodeOptions options_of(const RunArguments& arguments) {
    NodeOptions options{arguments.database, arguments.listen, arguments.peers};
    options.compression = !arguments.no_compression;
    options.bytes_per_second_max = arguments.bytes_per_second_max;
    options.rows_per_second_max = arguments.rows_per_second_max;
    return options;
}

Result<void> snapshot_to(const RunArguments& arguments, const std::string& file) {
    const Ticker ticker([&] { return fmt::format("copying {}", arguments.database); });
    return patiently(arguments.database,
                     [&] { return take_snapshot(arguments.database, file, is_stop_held); });
}

/// What a run with the peers would do, tried out beside the database on copies that go with it.
Result<Trial> tried(const RunArguments& arguments) {
    auto folder = CopyFolder::make(arguments.database);
    if (!folder) return tl::unexpected(folder.error());
    const std::string snapshot = folder->snapshot();
    if (const auto taken = snapshot_to(arguments, snapshot); !taken) return tl::unexpected(taken.error());
    NodeOptions options = options_of(arguments);
    options.listen.clear();
    return try_out(std::move(options), snapshot, arguments.timeout_seconds);
}

Exit run_dry(const RunArguments& arguments) {
    const auto trial = tried(arguments);
    if (!trial) return fail(trial.error());
    print(*trial, arguments.json);
    if (trial->in_step) return Exit::done;
    say(
        fmt::format("not in step with every peer within {} s; this is what came by then, and nothing was "
                    "changed here",
                    arguments.timeout_seconds));
    return Exit::no;
}

/// The database as it was before a run.
struct Kept {
    std::string file;
    std::int64_t rows_max = 0;  ///< that may change or go before it is worth keeping
};

/// Keeps a snapshot where a run with the peers would change or remove more rows than that, or nobody knows whether it would.
Result<std::optional<Kept>> keep_snapshot_if_due(const RunArguments& arguments) {
    const auto trial = tried(arguments);
    if (!trial) return tl::unexpected(trial.error());
    const std::int64_t rows_max = trial->rows() * *arguments.snapshot_above / 100;
    if (trial->in_step && trial->changes() <= rows_max) return std::nullopt;
    std::string moment = hlc::to_rfc3339(now().wall);
    std::ranges::replace(moment, ':', '-');
    const std::string file = arguments.database + ".before-" + moment;
    if (auto taken = snapshot_to(arguments, file); !taken) return tl::unexpected(taken.error());
    say(fmt::format("{} {} change or go; the database as it was is kept as {}",
                    count_text(trial->changes(), "row"), trial->in_step ? "will" : "and perhaps more will",
                    file));
    return Kept{file, rows_max};
}

double seconds_left(const RunArguments& arguments, const Wait& began) {
    return arguments.timeout_seconds - std::chrono::duration<double>(began.lasted()).count();
}

/// Waits while another process has the database locked, and takes in what was written meanwhile, until a signal comes or
/// the time of --once is over: then it gave up.
Result<Node> open_node(const RunArguments& arguments, const Wait& began, bool& gave_up) {
    std::atomic<bool> is_locked = false;
    const Ticker ticker([&] {
        return is_locked ? "" : fmt::format("taking in what was written to {} meanwhile", arguments.database);
    });
    const auto must_end = [&] {
        return is_stop_held() || (arguments.once && seconds_left(arguments, began) <= 0);
    };
    Wait wait;
    NodeOptions options = options_of(arguments);
    options.wait_on = [&] {
        gave_up = must_end();
        if (gave_up) return false;
        is_locked = true;
        wait.tell([&] { return lock_holder_text(arguments.database); });
        return true;
    };
    options.stop_asked = must_end;
    return Node::open(options);
}

Exit run_node(Node& node, const RunArguments& arguments, const Wait& began) {
    std::atomic<bool> is_stopped = false;
    const StopOnSignal signals([&] {
        is_stopped = true;
        node.stop();
    });
    return arguments.once
               ? run_once(node, arguments, std::max(0.0, seconds_left(arguments, began)), is_stopped)
               : run_until_stopped(node, arguments);
}

/// Rows of the snapshot that have changed or gone since; empty: it was told to stop, or cannot say.
std::optional<std::int64_t> changed_since(const Kept& kept, Node& node, const RunArguments& arguments) {
    std::vector<std::string> tables;
    for (const ResourceStatus& resource : node.engine().status().resources) {
        if (!resource.is_there) return std::nullopt;
        tables.push_back(resource.name);
    }
    // Whoever reads a database leaves files beside it.
    const auto folder = CopyFolder::make(arguments.database);
    std::error_code trouble;
    if (folder) std::filesystem::create_hard_link(kept.file, folder->snapshot(), trouble);
    if (!folder || trouble) return std::nullopt;
    const Ticker ticker([&] { return fmt::format("comparing with {}", kept.file); });
    const auto difference = diff_databases(folder->snapshot(), arguments.database, tables, 0, is_stop_held);
    return difference ? std::optional(Trial{.difference = *difference}.changes()) : std::nullopt;
}

void drop_if_needless(const Kept& kept, Node& node, const RunArguments& arguments, bool has_met_any) {
    const auto changes = has_met_any ? changed_since(kept, node, arguments) : std::optional<std::int64_t>(0);
    std::error_code trouble;
    if (!changes || *changes > kept.rows_max || !std::filesystem::remove(kept.file, trouble)) return;
    const std::string text = fmt::format("{} changed or went, so the snapshot {} was removed",
                                         count_text(*changes, "row"), kept.file);
    say(text);
    (void)node.engine().note_snapshot(text, now());
}

Exit run(const RunArguments& arguments) {
    std::signal(SIGPIPE, SIG_IGN);  // A reader of the log that goes away must not take the device with it.
    hold_stop_signals();
    if (arguments.dry_run) return run_dry(arguments);
    std::optional<Kept> kept;
    if (arguments.snapshot_above) {
        const auto done = keep_snapshot_if_due(arguments);
        if (!done) return fail(done.error());
        kept = *done;
    }
    const Wait began;
    bool gave_up = false;
    auto node = open_node(arguments, began, gave_up);
    if (gave_up && !arguments.once) return Exit::done;
    if (gave_up) return say_not_in_step(arguments);
    if (!node) return fail(node.error());
    RunLog log(node->engine());
    bool has_met_any = false;
    node->on_event([&](const Event& event) {
        has_met_any = has_met_any || event.kind == EventKind::peer_up;
        log.tell(event);
    });
    if (kept) {
        if (const auto told = node->engine().note_snapshot(
                "the database as it was before this run is kept as " + kept->file, now());
            !told)
            return fail(told.error());
    }
    node->on_notice([&log](const std::string& notice) { log.tell(notice); });
    if (arguments.listen.empty() && arguments.peers.empty())
        log.tell("it exchanges nothing: it dials nobody and nobody can dial it; give it --listen or --peer");
    if (node->port() != 0) {
        // With --json stdout is for the one object alone.
        const std::string where = "listening on " + listening_at(arguments, node->port()) + "\n";
        if (arguments.json) {
            print_to_stderr(where);
        } else {
            fmt::print("{}", where);
            flush_answer();
        }
    }
    const Exit exit = run_node(*node, arguments, began);
    if (kept) drop_if_needless(*kept, *node, arguments, has_met_any);
    if (node->engine().locked_since()) {
        say(fmt::format(
            "stopped beside {}: no row is lost, but events and the count of what was sent in the last "
            "seconds may be missing",
            lock_holder_text(arguments.database)));
    }
    return exit;
}

}  // namespace

void add_run(CLI::App& app, Action& chosen) {
    auto arguments = std::make_shared<RunArguments>();
    CLI::App* command = add_command<RunArguments>(
        app, chosen, "run", "Run the device until SIGINT or SIGTERM",
        "  strandline run notes.db --listen 0.0.0.0:7100\n"
        "  strandline run notes.db --peer laptop.local:7100 --peer 192.168.1.9:7100\n"
        "  strandline run notes.db --peer laptop.local:7100 --once --timeout 60\n"
        "  strandline run notes.db --peer laptop.local:7100 --dry-run\n"
        "The log is on stderr. While another process has the database locked it waits, and says for whom.\n"
        "--dry-run and --snapshot-above run a copy of the database first, as long as it takes to get in "
        "step.\n"
        "What this device has written, and its peers lack, goes to them all the same.\n"
        "Exit status 3: not in step within the time of --once or --dry-run, or a tracked table is not there.",
        arguments, run);
    add_database(command, arguments->database);
    CLI::Option* listen =
        command->add_option("--listen", arguments->listen, "Take connections there; port 0 picks one")
            ->option_text("HOST:PORT")
            ->check(CLI::Validator(
                [](const std::string& text) {
                    return std::string(text.empty() ? "the address is empty; write HOST:PORT" : "");
                },
                "", "address"));
    CLI::Option* peer =
        command->add_option("--peer", arguments->peers, "Dial this device; may be given again")
            ->option_text("HOST:PORT")
            ->allow_extra_args(false);
    CLI::Option* dry_run =
        command
            ->add_flag("--dry-run", arguments->dry_run,
                       "Tell what a run with every --peer would change here, and change nothing")
            ->option_text(" ")
            ->needs(peer)
            ->excludes(listen);
    CLI::Option* snapshot =
        command
            ->add_option("--snapshot-above", arguments->snapshot_above,
                         "Keep a snapshot first where more of the rows would change or go")
            ->option_text("PERCENT")
            ->check(CLI::Range(0, 100))
            ->needs(peer)
            ->excludes(dry_run);
    CLI::Option* once =
        command
            ->add_flag("--once", arguments->once, "Return as soon as in step, both ways, with every --peer")
            ->option_text(" ")
            ->needs(peer)
            ->excludes(dry_run);
    const CLI::Option* timeout =
        command
            ->add_option("--timeout", arguments->timeout_seconds,
                         "How long --once, --dry-run, --snapshot-above try; 30 when not given")
            ->option_text("SECONDS")
            ->check(CLI::Validator(not_a_time, "", "seconds"));
    command->parse_complete_callback([=] {
        if (timeout->count() > 0 && once->count() + dry_run->count() + snapshot->count() == 0)
            throw CLI::RequiresError("--timeout", "--once, --dry-run or --snapshot-above");
    });
    command
        ->add_flag("--no-compression", arguments->no_compression,
                   "Send and take rows as they are: saves work on a fast network")
        ->option_text(" ");
    const auto add_limit = [&](const char* name, std::optional<std::int64_t>& limit, const char* what) {
        command->add_option(name, limit, what)
            ->option_text("N")
            ->check(CLI::Range(std::int64_t{1}, kPerSecondMax));
    };
    add_limit("--max-bytes-per-second", arguments->bytes_per_second_max,
              "Take what others have no faster, counted before compression");
    add_limit("--max-rows-per-second", arguments->rows_per_second_max, "Take what others have no faster");
    add_json(command, arguments->json);
}

}  // namespace strandline::cli
