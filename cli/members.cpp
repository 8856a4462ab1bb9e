#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <strandline/status.h>

#include "cli/command.h"
#include "cli/format.h"

namespace strandline::cli {
namespace {

struct MembersArguments {
    std::string database;
    std::string park;
    std::string unpark;
    bool json = false;
};

nlohmann::ordered_json members_json(const Status& status) {
    auto members = nlohmann::ordered_json::array();
    members.push_back({{"device", to_hex(status.device)}, {"name", status.name}, {"is_self", true}});
    for (const PeerStatus& peer : status.peers) {
        members.push_back({{"device", to_hex(peer.device)},
                           {"name", peer.name},
                           {"is_self", false},
                           {"is_let_in", true},
                           {"connected", peer.connected},
                           {"heard", peer.heard},
                           {"parked", peer.parked}});
    }
    for (const OtherStatus& other : status.others) {
        members.push_back({{"device", to_hex(other.device)},
                           {"is_self", false},
                           {"is_let_in", false},
                           {"parked", other.parked}});
    }
    return members;
}

constexpr const char* kNotWaitedFor = ", not waited for";

std::string standing_of(const PeerStatus& peer) {
    const std::string where = peer.connected ? "connected"
                              : peer.heard   ? "not connected"
                                             : "never heard from";
    return where + (peer.parked ? kNotWaitedFor : "");
}

Exit park(const MembersArguments& arguments) {
    const bool is_parked = !arguments.park.empty();
    const std::string& id = is_parked ? arguments.park : arguments.unpark;
    const auto device = device_id_from_hex(id);
    if (!device) return fail(device.error());
    const auto changed = change(arguments.database, {is_parked ? "park" : "unpark", {id}},
                                [&](Engine& engine) { return engine.park(*device, is_parked, now()); });
    if (!changed) return fail(changed.error());
    if (arguments.json) {
        print_json({{"device", id}, {"parked", is_parked}});
    } else {
        fmt::print("deletions {} {}\n", is_parked ? "do not wait for" : "wait again for", short_hex(*device));
    }
    return Exit::done;
}

Exit members(const MembersArguments& arguments) {
    if (!arguments.park.empty() || !arguments.unpark.empty()) return park(arguments);
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
    for (const OtherStatus& other : status.others) {
        table.add(
            {"", to_hex(other.device), std::string("let in by others") + (other.parked ? kNotWaitedFor : "")},
            Style::faint);
    }
    table.print();
    if (status.peers.empty()) fmt::print("\n  Nobody else is let in yet: strandline trust DB DEVICE_ID\n");
    return Exit::done;
}

}  // namespace

void add_members(CLI::App& app, Action& chosen) {
    auto arguments = std::make_shared<MembersArguments>();
    CLI::App* command = add_command<MembersArguments>(
        app, chosen, "members", "List the devices that this one lets in, and others of the group",
        "  strandline members notes.db\n"
        "  strandline members notes.db --park DEVICE_ID\n"
        "Each device has a list of its own whom it lets in: `strandline trust` adds to it. Deletions are\n"
        "forgotten once all have heard of them, also those that others let in; but for a parked device.",
        arguments, members);
    add_database(command, arguments->database);
    auto* parks = command->add_option("--park", arguments->park, "Do not wait for this device");
    const CLI::Validator is_given(
        [](const std::string& text) {
            return std::string(text.empty() ? "the device id is empty; `strandline members DB` lists them"
                                            : "");
        },
        "", "device id");
    parks->option_text("DEVICE_ID")->check(is_given);
    command->add_option("--unpark", arguments->unpark, "Wait for it again")
        ->option_text("DEVICE_ID")
        ->check(is_given)
        ->excludes(parks);
    add_json(command, arguments->json);
}

}  // namespace strandline::cli
