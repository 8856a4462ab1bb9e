#include <algorithm>
#include <cmath>

#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <strandline/node.h>
#include <strandline/status.h>

#include <unistd.h>

#include "cli/command.h"
#include "cli/format.h"
#include "hlc/text.h"

namespace strandline::cli {
namespace {

using Json = nlohmann::ordered_json;

struct StatusArguments {
    std::string database;
    bool json = false;
};

Json json_of(const TrafficStatus& traffic) {
    return {{"messages", traffic.messages}, {"bytes", traffic.bytes}, {"rows", traffic.rows}};
}

Json json_of(const ResourceStatus& resource) {
    Json watermarks = Json::array();
    for (const WatermarkStatus& watermark : resource.watermarks) {
        watermarks.push_back({{"origin", to_text(watermark.origin)}, {"hlc", hlc::to_text(watermark.hlc)}});
    }
    Json not_exchanged = Json::array();
    for (const NotExchangedStatus& with : resource.not_exchanged)
        not_exchanged.push_back({{"peer", to_hex(with.peer)}, {"why", with.why}});
    return {{"name", resource.name},         {"ownership", name_of(resource.ownership)},
            {"is_there", resource.is_there}, {"rows", resource.rows},
            {"pending", resource.pending},   {"watermarks", watermarks},
            {"not_exchanged", not_exchanged}};
}

Json json_of(const PeerStatus& peer) {
    return {{"device", to_hex(peer.device)},
            {"name", peer.name},
            {"connected", peer.connected},
            {"heard", peer.heard},
            {"parked", peer.parked},
            {"behind", peer.behind},
            {"rtt_ms", peer.rtt_ms ? Json(*peer.rtt_ms) : Json(nullptr)}};
}

Json json_of(const std::optional<BackfillStatus>& backfill) {
    if (!backfill) return nullptr;
    return {{"peer", to_hex(backfill->peer)},
            {"waiting", backfill->is_waiting},
            {"rows_done", backfill->rows_done},
            {"rows_total", backfill->rows_total},
            {"resources_done", backfill->resources_done},
            {"resource", backfill->resource},
            {"percent", percent(backfill->fraction)},
            {"bytes_done", backfill->bytes_done},
            {"bytes_total", backfill->bytes_total},
            {"rows_per_second", std::llround(backfill->rows_per_second)},
            {"bytes_per_second", std::llround(backfill->bytes_per_second)},
            {"seconds_left", backfill->seconds_left ? Json(*backfill->seconds_left) : Json(nullptr)}};
}

Json json_of(const Status& status, int process) {
    Json resources = Json::array();
    for (const ResourceStatus& resource : status.resources) resources.push_back(json_of(resource));
    Json peers = Json::array();
    for (const PeerStatus& peer : status.peers) peers.push_back(json_of(peer));
    return {{"device", to_hex(status.device)},
            {"name", status.name},
            {"state", name_of(status.state)},
            {"process", process != 0 ? Json(process) : Json(nullptr)},
            {"resources", resources},
            {"peers", peers},
            {"backfill", json_of(status.backfill)},
            {"quarantined", status.quarantined},
            {"conflicts", status.conflicts},
            {"sent", json_of(status.sent)},
            {"received", json_of(status.received)}};
}

std::string name_of_peer(const Status& status, const DeviceId& device) {
    for (const PeerStatus& peer : status.peers) {
        if (peer.device == device && !peer.name.empty()) return peer.name;
    }
    return short_hex(device);
}

void print_heading(const Status& status, int process) {
    const Style style = status.state == DeviceState::ready ? Style::good : Style::warning;
    const std::string name = status.name.empty() ? "device" : name_text(status.name);
    fmt::print("{}  {}  {}, {}\n", styled(Style::strong, name),
               styled(Style::faint, short_hex(status.device)), styled(style, name_of(status.state)),
               process != 0 ? fmt::format("run by process {}", process) : "not running");
}

void print_backfill(const Status& status) {
    if (!status.backfill) return;
    const BackfillStatus& backfill = *status.backfill;
    fmt::print("\n  {} {}\n", styled(Style::good, bar_text(backfill.fraction, kBarColumns)),
               shortened(progress_text(backfill), kWidth - kBarColumns - 3));
    const std::string table = backfill.resource.empty() ? "" : ", now " + name_text(backfill.resource);
    fmt::print("  {}\n",
               shortened("from " + name_text(name_of_peer(status, backfill.peer)) + table, kWidth - 2));
    if (backfill.is_waiting)
        fmt::print("  waiting until {}, or another that has the rest, is connected\n",
                   name_text(name_of_peer(status, backfill.peer)));
}

/// A sentence under a table, within the lines' width wherever they go.
std::string paragraph(const std::string& text) {
    return wrapped(text, columns_at(STDOUT_FILENO), 2);
}

/// Writes of apps that the device has not seen: they count once it does.
void print_pending(const Status& status, int process) {
    const std::string when = process == 0
                                 ? "the device does so when it runs"
                                 : fmt::format("process {}, which runs the device, is to do so", process);
    for (const ResourceStatus& resource : status.resources) {
        if (resource.pending == 0) continue;
        const std::string what = fmt::format("{}: {} by apps not taken up yet; {}", name_text(resource.name),
                                             count_text(resource.pending, "write"), when);
        fmt::print("\n  {}\n", styled(Style::faint, paragraph(what)));
    }
}

/// What to do about tracked tables that the app has dropped, or made again as others.
void print_absent(const Status& status) {
    if (std::ranges::all_of(status.resources, &ResourceStatus::is_there)) return;
    constexpr const char* kWhatToDo =
        "A table that is not there is not exchanged. Make it again, as it was, and its rows come back; "
        "or: strandline untrack DB TABLE";
    fmt::print("\n  {}\n", styled(Style::warning, paragraph(kWhatToDo)));
}

void print_resources(const Status& status, int process) {
    if (status.resources.empty()) {
        fmt::print("\n  No table is tracked yet: strandline track DB TABLE\n");
        return;
    }
    Table table({{"TABLE"}, {"OWNERSHIP"}, {"ROWS", Table::Align::right}, {"NEWEST CHANGE"}});
    for (const ResourceStatus& resource : status.resources) {
        Hlc newest;
        for (const WatermarkStatus& watermark : resource.watermarks) newest = std::max(newest, watermark.hlc);
        table.add({resource.name, resource.ownership == Ownership::shared ? "shared" : "device-owned",
                   resource.is_there ? count_text(resource.rows) : "not there",
                   newest == Hlc{} ? "-" : hlc::to_text(newest)},
                  resource.is_there ? Style::plain : Style::warning);
    }
    fmt::print("\n");
    table.print();
    print_pending(status, process);
    print_absent(status);
}

void print_not_exchanged(const Status& status) {
    for (const ResourceStatus& resource : status.resources) {
        for (const NotExchangedStatus& with : resource.not_exchanged) {
            const std::string why =
                fmt::format("{}, with {}: {}", name_text(resource.name),
                            name_text(name_of_peer(status, with.peer)), printable(with.why));
            fmt::print("\n  {}\n", styled(Style::warning, paragraph(why)));
        }
    }
}

void print_peers(const Status& status) {
    if (status.peers.empty()) {
        fmt::print("\n  No device is let in yet: strandline trust DB DEVICE_ID\n");
        return;
    }
    Table table(
        {{"PEER"}, {"DEVICE"}, {"CONNECTED"}, {"BEHIND", Table::Align::right}, {"RTT", Table::Align::right}});
    for (const PeerStatus& peer : status.peers) {
        table.add({peer.name.empty() ? "-" : peer.name, short_hex(peer.device), peer.connected ? "yes" : "no",
                   peer.heard ? count_text(peer.behind, "row") : "not heard from yet",
                   peer.rtt_ms ? fmt::format("{:.1f} ms", *peer.rtt_ms) : "-"},
                  peer.connected ? Style::plain : Style::faint);
    }
    fmt::print("\n");
    table.print();
}

void print_traffic(const Status& status) {
    const auto line = [](const char* direction, const TrafficStatus& traffic) {
        fmt::print("  {:9} {:>12}  {:>18}  {:>12}\n", direction, count_text(traffic.rows, "row"),
                   count_text(traffic.messages, "message"), bytes_text(traffic.bytes));
    };
    fmt::print("\n");
    line("sent", status.sent);
    line("received", status.received);
    if (status.quarantined != 0 || status.conflicts != 0) {
        fmt::print("\n  {}\n", styled(Style::warning, fmt::format("{} in quarantine, {}",
                                                                  count_text(status.quarantined, "row"),
                                                                  count_text(status.conflicts, "conflict"))));
    }
}

Exit show_status(const StatusArguments& arguments) {
    auto seen = look_at(arguments.database);
    if (!seen) return fail(seen.error());
    auto& [status, process] = *seen;
    if (process == 0 && status.backfill) {
        // As of when it ran: nothing comes now.
        status.backfill->rows_per_second = status.backfill->bytes_per_second = 0;
        status.backfill->seconds_left.reset();
    }
    if (const auto id = device_id_of(arguments.database); !id && id.error().category == Category::auth)
        say(id.error().message);
    if (arguments.json) {
        print_json(json_of(status, process));
        return Exit::done;
    }
    print_heading(status, process);
    print_backfill(status);
    print_resources(status, process);
    print_not_exchanged(status);
    print_peers(status);
    print_traffic(status);
    return Exit::done;
}

}  // namespace

void add_status(CLI::App& app, Action& chosen) {
    auto arguments = std::make_shared<StatusArguments>();
    CLI::App* command = add_command<StatusArguments>(
        app, chosen, "status", "Show tables, peers, progress and traffic; reads only",
        "  strandline status notes.db\n"
        "  strandline status notes.db --json | jq .received.rows\n"
        "Works while another process runs the device, and when none does.",
        arguments, show_status);
    add_database(command, arguments->database);
    add_json(command, arguments->json);
}

}  // namespace strandline::cli
