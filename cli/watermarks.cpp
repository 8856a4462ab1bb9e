#include <map>

#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <strandline/status.h>

#include "cli/command.h"
#include "cli/format.h"
#include "hlc/text.h"

namespace strandline::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kKeyBytesShown = 10;

struct WatermarksArguments {
    std::string database;
    bool json = false;
};

Json json_of(const RangeStatus& range) {
    Json watermarks = Json::array();
    for (const WatermarkStatus& watermark : range.watermarks) {
        watermarks.push_back({{"origin", to_text(watermark.origin)}, {"hlc", hlc::to_text(watermark.hlc)}});
    }
    return {{"low", hex_text(range.low)},
            {"high", range.high ? Json(hex_text(*range.high)) : Json(nullptr)},
            {"watermarks", watermarks}};
}

Json json_of(const Status& status) {
    Json resources = Json::array();
    for (const ResourceStatus& resource : status.resources) {
        Json ranges = Json::array();
        for (const RangeStatus& range : resource.ranges) ranges.push_back(json_of(range));
        resources.push_back({{"name", resource.name}, {"ranges", ranges}});
    }
    return {{"device", to_hex(status.device)}, {"resources", resources}};
}

/// An encoded key as a hex dump shows bytes: the digits, and what is text in them.
std::string key_text(const std::string& key) {
    const std::string shown = key.substr(0, kKeyBytesShown);
    std::string text;
    for (const char c : shown) text += c >= ' ' && c <= '~' ? c : '.';
    return fmt::format("{} |{}|{}", hex_text(shown), text, key.size() > kKeyBytesShown ? "…" : "");
}

/// Device names as people gave them; short ids for the rest.
std::map<DeviceId, std::string> names_in(const Status& status) {
    std::map<DeviceId, std::string> names;
    for (const PeerStatus& peer : status.peers) names[peer.device] = peer.name;
    names[status.device] = status.name;
    return names;
}

void print_resource(const ResourceStatus& resource, std::map<DeviceId, std::string>& names) {
    fmt::print("{}  {}, {}\n", styled(Style::strong, shortened(printable(resource.name), kWidth / 2)),
               count_text(resource.rows, "row"),
               resource.ranges.size() == 1
                   ? "all keys in one range"
                   : count_text(static_cast<std::int64_t>(resource.ranges.size()), "range"));
    for (const RangeStatus& range : resource.ranges) {
        if (resource.ranges.size() > 1) {
            fmt::print("  from {} to {}\n", range.low.empty() ? "the first key" : key_text(range.low),
                       range.high ? key_text(*range.high) : "the end");
        }
        if (range.watermarks.empty()) fmt::print("  {}\n", styled(Style::faint, "nothing held yet"));
        Table table({{"ORIGIN"}, {"DEVICE/INCARNATION"}, {"HELD UP TO"}});
        for (const WatermarkStatus& watermark : range.watermarks) {
            const std::string& name = names[watermark.origin.device];
            const std::string id = to_text(watermark.origin);
            table.add({name.empty() ? "-" : name,
                       short_hex(watermark.origin.device) + id.substr(id.find('/')),
                       hlc::to_text(watermark.hlc)});
        }
        table.print();
    }
}

Exit show_watermarks(const WatermarksArguments& arguments) {
    const auto seen = look_at(arguments.database);
    if (!seen) return fail(seen.error());
    const Status& status = seen->status;
    if (arguments.json) {
        print_json(json_of(status));
        return Exit::done;
    }
    auto names = names_in(status);
    for (const ResourceStatus& resource : status.resources) print_resource(resource, names);
    if (status.resources.empty()) fmt::print("No table is tracked yet: strandline track DB TABLE\n");
    return Exit::done;
}

}  // namespace

void add_watermarks(CLI::App& app, Action& chosen) {
    auto arguments = std::make_shared<WatermarksArguments>();
    CLI::App* command = add_command<WatermarksArguments>(
        app, chosen, "watermarks", "Show what is held of every table: key ranges and watermarks",
        "  strandline watermarks notes.db\n"
        "  strandline watermarks notes.db --json | jq '.resources[0].ranges | length'\n"
        "Normally a table is one range; more than one is the checkpoint of a backfill under way.",
        arguments, show_watermarks);
    add_database(command, arguments->database);
    add_json(command, arguments->json);
}

}  // namespace strandline::cli
