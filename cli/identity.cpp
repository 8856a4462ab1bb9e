#include <filesystem>

#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <strandline/node.h>

#include "cli/command.h"
#include "cli/format.h"
#include "cli/waiting.h"

namespace strandline::cli {
namespace {

struct InitArguments {
    std::string database;
    std::string name;
    bool json = false;
};

struct IdArguments {
    std::string database;
    bool json = false;
};

/// The id alone on stdout, so that ID=$(strandline init ...) works; what people should know on stderr.
Exit init(const InitArguments& arguments) {
    const auto device =
        patiently(arguments.database, [&] { return init_device(arguments.database, arguments.name); });
    if (!device) return fail(device.error());
    print_to_stderr(
        fmt::format("{0} is a device now. It is in WAL mode from here on, a lasting property of the file.\n"
                    "{0}.key is its identity: keep it with the database, and as safe.\n",
                    file_of(arguments.database)));
    if (arguments.json) {
        print_json({{"device", to_hex(*device)}, {"name", arguments.name}});
    } else {
        fmt::print("{}\n", to_hex(*device));
    }
    return Exit::done;
}

Exit id(const IdArguments& arguments) {
    const auto device = device_id_of(arguments.database);
    if (!device) return fail(device.error());
    if (arguments.json) {
        print_json({{"device", to_hex(*device)}});
    } else {
        fmt::print("{}\n", to_hex(*device));
    }
    return Exit::done;
}

/// The database may be new; the folder it is to stand in must be there.
std::string unusable_path(const std::string& path) {
    std::error_code ignored;
    const std::filesystem::path file(path);
    if (auto objection = no_file_path(path); !objection.empty()) return objection;
    if (file.has_parent_path() && !std::filesystem::is_directory(file.parent_path(), ignored)) {
        return "there is no folder " + file.parent_path().string() + " to make the database in";
    }
    return {};
}

}  // namespace

void add_identity(CLI::App& app, Action& chosen) {
    auto init_arguments = std::make_shared<InitArguments>();
    CLI::App* command = add_command<InitArguments>(
        app, chosen, "init", "Make a database a device: its identity and its metadata",
        "  strandline init notes.db --name laptop   prints the device id\n"
        "  ID=$(strandline init notes.db)",
        init_arguments, init);
    command->add_option("DB", init_arguments->database, "The SQLite database; made when it is not there")
        ->required()
        ->option_text(" ")
        ->check(CLI::Validator(unusable_path, "", "path"));
    command->add_option("--name", init_arguments->name, "What people call this device")->option_text("NAME");
    add_json(command, init_arguments->json);

    auto id_arguments = std::make_shared<IdArguments>();
    command =
        add_command<IdArguments>(app, chosen, "id", "Print the device's id",
                                 "  strandline trust other.db $(strandline id notes.db)", id_arguments, id);
    add_database(command, id_arguments->database);
    add_json(command, id_arguments->json);
}

}  // namespace strandline::cli
