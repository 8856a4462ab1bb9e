#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <strandline/node.h>

#include "cli/command.h"
#include "cli/format.h"
#include "cli/signals.h"
#include "cli/waiting.h"

namespace strandline::cli {
namespace {

constexpr double kTimeoutSeconds =
    600;  // A large table is read once on either side, and may have to catch up before.
constexpr std::size_t kEventsReadAtOnce = 1000;

struct VerifyArguments {
    std::string database;
    std::string peer;
    double timeout_seconds = kTimeoutSeconds;
    bool deep = false;
    bool json = false;
};

/// What a verification came to, by whichever process it was done.
struct Outcome {
    Verification found;
    std::string text;
};

/// Ends the node's run once the time is over.
class Timeout {
public:
    Timeout(Node& node, double seconds)
        : thread_([&node, seconds](const std::stop_token& stop) {
              const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
              while (!stop.stop_requested() && std::chrono::steady_clock::now() < end)
                  std::this_thread::sleep_for(std::chrono::milliseconds(20));
              if (!stop.stop_requested()) node.stop();
          }) {}

private:
    std::jthread thread_;
};

Error not_done(const VerifyArguments& arguments) {
    return {Category::timeout,
            fmt::format("nothing was compared with {} within {} s: it was not reached, is not in step, or "
                        "runs a Strandline that does not compare; nothing was changed",
                        arguments.peer, arguments.timeout_seconds),
            Retry::later};
}

Result<Outcome> verify_ourselves(const VerifyArguments& arguments) {
    hold_stop_signals();
    auto node = patiently(arguments.database, [&] {
        return Node::open({arguments.database, "", {arguments.peer}});
    });
    if (!node) return tl::unexpected(node.error());
    if (auto asked = node->engine().verify(arguments.deep, now()); !asked)
        return tl::unexpected(asked.error());
    std::optional<Event> told;
    std::string trouble;
    node->on_event([&](const Event& event) {
        if (event.kind != EventKind::verified) return;
        told = event;
        node->stop();
    });
    node->on_notice([&](const std::string& notice) { trouble = notice; });
    std::atomic<bool> is_stopped = false;
    const StopOnSignal signals([&] {
        is_stopped = true;
        node->stop();
    });
    const Timeout timeout(*node, arguments.timeout_seconds);
    if (const auto ended = node->run(); !ended) return tl::unexpected(ended.error());
    if (!told && is_stopped)
        return failure(
            Category::timeout,
            "stopped before all was compared, so nothing is proved; what was mended by then stays so",
            Retry::later);
    if (!told) {
        Error error = not_done(arguments);
        if (!trouble.empty()) error.message += "; " + trouble;
        return tl::unexpected(error);
    }
    return Outcome{*node->engine().verified(), told->text};
}

/// The newest event of a comparison with the peer behind `number`, which moves on to the newest of all.
std::optional<Event> newest_verified(const std::string& database, const std::string& peer,
                                     std::int64_t& number) {
    std::optional<Event> newest;
    while (true) {
        const auto events = read_events(database, number, kEventsReadAtOnce);
        if (!events || events->empty()) return newest;
        for (const Event& event : *events) {
            if (event.kind == EventKind::verified && event.peer == peer) newest = event;
        }
        number = events->back().number;
    }
}

/// The process that runs the device compares it with the device that answers at the address.
Result<Outcome> ask_running(const VerifyArguments& arguments, int process) {
    const auto peer = device_at(arguments.database, arguments.peer, arguments.timeout_seconds);
    if (!peer) {
        Error error = peer.error();
        error.message = fmt::format("nothing was compared: which device answers at {} is not known: {}",
                                    arguments.peer, error.message);
        return tl::unexpected(error);
    }
    const std::string id = to_hex(*peer);
    std::int64_t number = 0;
    (void)newest_verified(arguments.database, id, number);
    const auto request =
        leave_request(arguments.database, {"verify", {arguments.deep ? "deep" : "shallow", id}});
    if (!request) return tl::unexpected(request.error());
    Wait wait;
    hold_stop_signals();
    while (std::chrono::duration<double>(wait.lasted()).count() < arguments.timeout_seconds) {
        if (is_stop_held())
            return failure(
                Category::timeout,
                fmt::format("stopped before the answer came; process {}, which runs {}, goes on, and "
                            "tells what it finds as an event",
                            process, arguments.database),
                Retry::later);
        const auto answered = request_answered(arguments.database, *request);
        if (!answered && answered.error().category != Category::busy) return tl::unexpected(answered.error());
        if (answered && *answered) {
            const auto event = newest_verified(arguments.database, id, number);
            const auto found = request_verified(arguments.database, *request);
            if (!found && found.error().category != Category::busy) return tl::unexpected(found.error());
            if (event && found) return Outcome{*found, event->text};
        }
        wait.tell([&] { return fmt::format("process {}, which runs {}", process, arguments.database); });
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return tl::unexpected(not_done(arguments));
}

void print(const VerifyArguments& arguments, const Outcome& outcome) {
    const Verification& found = outcome.found;
    if (!arguments.json) {
        fmt::print("{}: {}\n", short_hex(found.peer), outcome.text);
        fmt::print("{}, {} sent, {} received\n", count_text(found.rounds, "round"),
                   bytes_text(found.bytes_sent), bytes_text(found.bytes_received));
        return;
    }
    print_json({{"peer", to_hex(found.peer)},
                {"rows", found.rows + found.damaged},
                {"text", outcome.text},
                {"same", found.is_same},
                {"all", found.is_all},
                {"rounds", found.rounds},
                {"damaged", found.damaged},
                {"mended", found.mended},
                {"left", found.left},
                {"sent", {{"bytes", found.bytes_sent}}},
                {"received", {{"bytes", found.bytes_received}}}});
}

Exit verify(const VerifyArguments& arguments) {
    const auto process = running_process(arguments.database);
    if (!process) return fail(process.error());
    const auto outcome = *process == 0 ? verify_ourselves(arguments) : ask_running(arguments, *process);
    if (!outcome) return fail(outcome.error());
    print(arguments, *outcome);
    if (const auto status = read_status(arguments.database, *process != 0); status && status->quarantined > 0)
        say(fmt::format(
            "{} in quarantine here, which peers may show in their tables: strandline status {}",
            status->quarantined == 1 ? "1 row is" : count_text(status->quarantined, "row") + " are",
            arguments.database));
    if (!outcome->found.is_same) {
        say("not everything is known to be the same: " +
            fmt::format("{}", fmt::join(outcome->found.left, "; ")));
        return Exit::failed;
    }
    return outcome->found.rows + outcome->found.damaged == 0 ? Exit::done : Exit::no;
}

}  // namespace

void add_verify(CLI::App& app, Action& chosen) {
    auto arguments = std::make_shared<VerifyArguments>();
    CLI::App* command = add_command<VerifyArguments>(
        app, chosen, "verify", "Prove that this device and a peer hold the same, and repair what differs",
        "  strandline verify notes.db --peer laptop.local:7100\n"
        "  strandline verify notes.db --peer laptop.local:7100 --deep\n"
        "Where another process runs the device, that process does it, if it is connected to the peer.\n"
        "Exit status 3: they differed, and are repaired.",
        arguments, verify);
    add_database(command, arguments->database);
    command->add_option("--peer", arguments->peer, "Dial this device")->option_text("HOST:PORT")->required();
    command
        ->add_flag("--deep", arguments->deep,
                   "Read the rows too, and mend what was altered behind Strandline's back")
        ->option_text(" ");
    command->add_option("--timeout", arguments->timeout_seconds, "How long it may take; 600 when not given")
        ->option_text("SECONDS")
        ->check(CLI::Validator(not_a_time, "", "seconds"));
    add_json(command, arguments->json);
}

}  // namespace strandline::cli
