#include <csignal>
#include <cstdio>
#include <exception>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <spdlog/fmt/fmt.h>

#include "cli/command.h"
#include "cli/format.h"

namespace strandline::cli {
namespace {

constexpr auto kCommands = {add_identity, add_changes, add_run,    add_status,  add_watermarks,
                            add_verify,   add_diff,    add_events, add_members, add_snapshot};

constexpr const char* kDoes = "Keeps SQLite tables in step between devices, with no server and no leader.";

constexpr const char* kFirstSteps = R"(A first run, on two machines or in two terminals:
  strandline init a.db --name A                  strandline init b.db --name B
  strandline track a.db notes                    strandline track b.db notes
  strandline trust a.db ID_OF_B                  strandline trust b.db ID_OF_A
  strandline run a.db --listen 0.0.0.0:7100      strandline run b.db --peer HOST_OF_A:7100

Exit status: 0 done, 1 failed, 2 wrong usage, 3 the answer is "no".
`strandline COMMAND --help` says more about one command.)";

/// Says what is wrong with the arguments, and whose help to read.
Exit fail_usage(const CLI::App& app, const CLI::ParseError& error) {
    std::string what = error.what();
    std::string whose = "strandline";
    if (const auto parsed = app.get_subcommands(); !parsed.empty()) {
        whose += " " + parsed.front()->get_name();
        if (const auto unknown = parsed.front()->remaining(); !unknown.empty())
            what = fmt::format("{} knows nothing of {}", whose, printable(unknown.front()));
    } else if (const auto unknown = app.remaining(); !unknown.empty()) {
        what = "there is no command or option " + printable(unknown.front());
    } else if (error.get_name() == "RequiredError") {
        what = "it has to be told what to do";
    }
    if (error.get_name() == "ArgumentMismatch" && what.ends_with(" missing"))
        what = what.substr(0, what.find(':')) + " needs a value after it";
    say(what);
    print_to_stderr("See: " + whose + " --help\n");
    return Exit::usage;
}

Exit run(int argc, char** argv) {
    CLI::App app(kDoes, "strandline");
    Action chosen;
    app.require_subcommand(1);
    app.footer(kFirstSteps);
    app.set_help_flag("-h,--help", "Print this, and exit");
    app.set_version_flag("--version", STRANDLINE_VERSION, "Print the version, and exit");
    app.get_formatter()->label("SUBCOMMAND", "COMMAND");
    app.get_formatter()->column_width(28);
    for (const auto add : kCommands) add(app, chosen);
    // To CLI11 "[a,b]" is a and b: a table of that name would stand for two others.
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (!argument.starts_with('[') || !argument.ends_with(']')) continue;
        say("a name in brackets, " + printable(std::string(argument)) +
            ", cannot be given here; write a table's name without them, or rename the table");
        return Exit::usage;
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {  // --help and --version come out this way.
            app.exit(error);
            return Exit::done;
        }
        return fail_usage(app, error);
    }
    return chosen();
}

/// A standard file that the caller has closed stays shut: the next file that is opened, a lock file or a log, would get
/// its number, and what is printed.
void keep_numbers_of_closed() {
    int file = ::open("/dev/null", O_RDONLY);
    while (file >= 0 && file <= STDERR_FILENO) file = ::open("/dev/null", O_RDONLY);
    ::close(file);
}

}  // namespace
}  // namespace strandline::cli

int main(int argc, char** argv) {
    using namespace strandline::cli;
    keep_numbers_of_closed();
    std::signal(SIGXFSZ, SIG_IGN);  // A file that may grow no further is a full disk, and told as one.
    try {
        const Exit exit = run(argc, argv);
        flush_answer();  // A full disk or a closed pipe shows here at the latest.
        return static_cast<int>(exit);
    } catch (const std::system_error& error) {
        if (std::ferror(stdout) != 0) {
            say("the answer cannot be written to stdout: " + error.code().message());
        } else {
            say(error.what());
        }
    } catch (const std::exception& error) {
        say(error.what());
    }
    return static_cast<int>(Exit::failed);
}
