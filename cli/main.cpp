#include <cstdio>
#include <exception>

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
    say(what);
    fmt::print(stderr, "See: {} --help\n", whose);
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

}  // namespace
}  // namespace strandline::cli

int main(int argc, char** argv) {
    using strandline::cli::Exit;
    try {
        const Exit exit = strandline::cli::run(argc, argv);
        // A full disk or a closed pipe shows here at the latest; a script must not take half an answer for one.
        if (std::fflush(stdout) == 0) return static_cast<int>(exit);
        std::perror("strandline: the answer cannot be written to stdout");
    } catch (const std::exception& error) {
        fmt::print(stderr, "strandline: {}\n", error.what());
    }
    return static_cast<int>(Exit::failed);
}
