#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <strandline/status.h>

#include "cli/command.h"
#include "cli/format.h"

namespace strandline::cli {
namespace {

struct MembersArguments {
    std::string database;
    bool json = false;
};

nlohmann::ordered_json members_json(const Status& status) {
    auto members = nlohmann::ordered_json::array();
    members.push_back({{"device", to_hex(status.device)}, {"name", status.name}, {"is_self", true}});
    for (const PeerStatus& peer : status.peers) {
        members.push_back({{"device", to_hex(peer.device)},
                           {"name", peer.name},
                           {"is_self", false},
                           {"connected", peer.connected},
                           {"heard", peer.heard}});
    }
    return members;
}

std::string standing_of(const PeerStatus& peer) {
    if (peer.connected) return "connected";
    return peer.heard ? "not connected" : "never heard from";
}

Exit members(const MembersArguments& arguments) {
    const auto seen = look_at(arguments.database);
    if (!seen) return fail(seen.error());
    const Status& status = seen->status;
    if (arguments.json) {
        print_json({{"members", members_json(status)}});
        return Exit::done;
    }
    Table table({{"NAME"}, {"DEVICE"}, {"STANDING"}});
    table.add({status.name, to_hex(status.device), "this device"}, Style::strong);
    for (const PeerStatus& peer : status.peers)
        table.add({peer.name, to_hex(peer.device), standing_of(peer)});
    table.print();
    if (status.peers.empty()) fmt::print("\n  Nobody else is let in yet: strandline trust DB DEVICE_ID\n");
    return Exit::done;
}

}  // namespace

void add_members(CLI::App& app, Action& chosen) {
    auto arguments = std::make_shared<MembersArguments>();
    CLI::App* command =
        add_command<MembersArguments>(app, chosen, "members", "List the devices that this one lets in",
                                      "  strandline members notes.db\n"
                                      "Each device has a list of its own: `strandline trust` adds to it.",
                                      arguments, members);
    add_database(command, arguments->database);
    add_json(command, arguments->json);
}

}  // namespace strandline::cli
