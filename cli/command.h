#pragma once

#include <functional>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>

#include <strandline/engine.h>
#include <strandline/result.h>
#include <strandline/status.h>
#include <strandline/time.h>

/// The commands of `strandline`: each reads its arguments, asks the library, and prints. What they
/// print and return is a contract with people's scripts.
namespace strandline::cli {

/// What a command ends with: its exit status.
enum class Exit {
    done = 0,
    failed = 1,  ///< a sentence on stderr says what, why and what to do
    usage = 2,   ///< wrong usage; nothing was changed
    no = 3,      ///< it worked, and the answer is "no"
};

/// What the command line chose, ready to run.
using Action = std::function<Exit()>;

// Each adds its commands to `app`; parsing sets `chosen` when it is one of these.
void add_identity(CLI::App& app, Action& chosen);
void add_changes(CLI::App& app, Action& chosen);
void add_run(CLI::App& app, Action& chosen);
void add_status(CLI::App& app, Action& chosen);
void add_verify(CLI::App& app, Action& chosen);
void add_watermarks(CLI::App& app, Action& chosen);
void add_diff(CLI::App& app, Action& chosen);
void add_events(CLI::App& app, Action& chosen);
void add_members(CLI::App& app, Action& chosen);
void add_snapshot(CLI::App& app, Action& chosen);

/// Adds the command `name`, whose action runs on `options` as the command line filled them in.
/// `examples` are shown after its help.
template <typename Options>
CLI::App* add_command(CLI::App& app, Action& chosen, const std::string& name, const std::string& does,
                      const std::string& examples, std::shared_ptr<Options> options,
                      Exit (*act)(const Options&)) {
    CLI::App* command = app.add_subcommand(name, does);
    command->group("Commands");
    command->footer("Examples:\n" + examples);
    command->callback([&chosen, options, act] { chosen = [options, act] { return act(*options); }; });
    return command;
}

/// A positional argument that names a database which must be there.
CLI::Option* add_database(CLI::App* command, std::string& into, const std::string& name = "DB");
CLI::Option* add_json(CLI::App* command, bool& into);

/// Changes the device through whoever runs it, by that request, or directly when nobody does.
Result<void> change(const std::string& database, const Request& request,
                    const std::function<Result<void>(Engine&)>& act);

/// Says what went wrong, on stderr, and gives the exit status that it means.
Exit fail(const Error& error);
/// Prints one JSON object, and nothing else, on stdout.
void print_json(const nlohmann::ordered_json& object);

/// A sentence when no file can be there: the path is empty, or a folder's.
[[nodiscard]] std::string no_file_path(const std::string& path);
/// The file itself, where `path` is a symbolic link: what belongs to a database is beside it.
[[nodiscard]] std::string file_of(const std::string& path);
/// A sentence when the text is not a number of seconds to wait.
[[nodiscard]] std::string not_a_time(const std::string& text);

/// A device's database as it is now, and the process that runs it.
struct Seen {
    Status status;
    int process = 0;  ///< 0: none
};
[[nodiscard]] Result<Seen> look_at(const std::string& database);

/// Both clocks, as the engine wants them handed in.
[[nodiscard]] Now now();

}  // namespace strandline::cli
