#include <filesystem>

#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <strandline/node.h>
#include <strandline/snapshot.h>

#include "cli/command.h"
#include "cli/format.h"
#include "cli/signals.h"
#include "cli/waiting.h"

namespace strandline::cli {
namespace {

struct SnapshotArguments {
    std::string database;
    std::string file;
    bool json = false;
};

/// A sentence when the path names no file.
std::string missing_snapshot(const std::string& path) {
    if (auto objection = no_file_path(path); !objection.empty()) return objection;
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return {};
    return "there is no file " + path + "; give the path of one that `strandline snapshot` made";
}

std::string copying(const std::string& from) {
    return fmt::format("copying {}", from);
}

Exit snapshot(const SnapshotArguments& arguments) {
    hold_stop_signals();
    const Ticker ticker([&] { return copying(arguments.database); });
    const auto taken = patiently(
        arguments.database, [&] { return take_snapshot(arguments.database, arguments.file, is_stop_held); });
    if (!taken) return fail(taken.error());
    std::error_code ignored;
    const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(arguments.file, ignored));
    if (arguments.json) {
        print_json({{"snapshot", arguments.file}, {"bytes", bytes}});
    } else {
        fmt::print("{}: {}, whole and on the disk\n", arguments.file, bytes_text(bytes));
    }
    return Exit::done;
}

Exit restore(const SnapshotArguments& arguments) {
    // Who runs the device does not let go of it soon, as an app does with its lock.
    if (const auto process = running_process(arguments.database); process && *process != 0) {
        say(fmt::format("{} is run by process {}; stop that one first, nothing was changed",
                        arguments.database, *process));
        return Exit::failed;
    }
    hold_stop_signals();
    const Ticker ticker([&] { return copying(arguments.file); });
    const auto kept = patiently(arguments.database, [&] {
        return restore_database(arguments.database, arguments.file, is_stop_held);
    });
    if (!kept) return fail(kept.error());
    if (!kept->empty()) print_to_stderr(fmt::format("What was there is kept as {}.\n", *kept));
    print_to_stderr(
        "The next `strandline run` goes on as a new origin, and gets back from the others what the "
        "snapshot lacks.\n");
    if (arguments.json) {
        print_json({{"restored", arguments.database},
                    {"from", arguments.file},
                    {"kept", kept->empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(*kept)}});
    } else {
        fmt::print("{} is now what {} holds\n", arguments.database, arguments.file);
    }
    return Exit::done;
}

}  // namespace

void add_snapshot(CLI::App& app, Action& chosen) {
    auto arguments = std::make_shared<SnapshotArguments>();
    CLI::App* command = add_command<SnapshotArguments>(
        app, chosen, "snapshot", "Copy the database to a new file, as it stands at one moment",
        "  strandline snapshot notes.db notes-monday.db\n"
        "The device and its apps go on meanwhile. The copy is checked, and whole or not there at all.\n"
        "It holds no key: keep a copy of notes.db.key too, as safe as the key itself.",
        arguments, snapshot);
    add_database(command, arguments->database);
    command->add_option("FILE", arguments->file, "The snapshot, which must not be there yet")
        ->required()
        ->option_text(" ");
    add_json(command, arguments->json);

    arguments = std::make_shared<SnapshotArguments>();
    command = add_command<SnapshotArguments>(
        app, chosen, "restore", "Put a snapshot in the place of the database",
        "  strandline restore notes.db notes-monday.db\n"
        "The device must be stopped, and its apps closed. The old database is kept, as\n"
        "notes.db.before-restore. What the others have got since the snapshot comes back from them; a\n"
        "row that was deleted since goes again. What nobody else has got is in the old database alone:\n"
        "`strandline diff` tells.",
        arguments, restore);
    command->add_option("DB", arguments->database, "The device's SQLite database; its key file must be there")
        ->required()
        ->option_text(" ")
        ->check(CLI::Validator(no_file_path, "", "path"));
    command->add_option("FILE", arguments->file, "The snapshot")
        ->required()
        ->option_text(" ")
        ->check(CLI::Validator(missing_snapshot, "", "snapshot"));
    add_json(command, arguments->json);
}

}  // namespace strandline::cli
