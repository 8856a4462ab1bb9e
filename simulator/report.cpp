#include "simulator/report.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "simulator/page/page.h"

namespace strandline::simulator {
namespace {

using Json = nlohmann::ordered_json;

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

template <typename T>
Json maybe(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

Json maybe(const std::optional<Moment>& moment) {
    return moment ? Json(moment->us) : Json();
}

Json lanes_of(const Recorder& recorder) {
    Json lanes = Json::array();
    for (const Recorder::Lane& lane : recorder.lanes()) {
        Json turns = Json::array();
        for (const Recorder::Turn& turn : lane.turns) turns.push_back({turn.at.us, turn.life});
        Json backfills = Json::array();
        for (const Recorder::Backfill& backfill : lane.backfills)
            backfills.push_back({backfill.from.us, maybe(backfill.to)});
        lanes.push_back({{"turns", std::move(turns)}, {"backfills", std::move(backfills)}});
    }
    return lanes;
}

Json messages_of(const Recorder& recorder) {
    Json kinds = Json::array();
    for (std::size_t i = 0; i < kSayings; ++i) {
        const auto saying = static_cast<Saying>(i);
        const Recorder::Kind& kind = recorder.kind(saying);
        Json said = Json::array();
        for (const Recorder::Said& one : kind.kept) {
            // Until it was heard, which many are within a moment: a small number, and none if it never was.
            const Json took = one.heard_at ? Json(one.heard_at->us - one.at.us) : Json();
            said.push_back({one.at.us, took, one.from, one.to, one.bytes, one.rows});
        }
        kinds.push_back({{"name", name_of(saying)},
                         {"count", kind.count},
                         {"bytes", kind.bytes},
                         {"every", kind.every},
                         {"said", std::move(said)}});
    }
    return kinds;
}

Json strikes_of(const Recorder& recorder) {
    Json strikes = Json::array();
    for (const Recorder::Strike& strike : recorder.strikes())
        strikes.push_back({strike.at.us, strike.fault, maybe(strike.place.device), maybe(strike.place.peer)});
    return strikes;
}

Json samples_of(const Recorder& recorder) {
    Json samples = Json::array();
    for (const Recorder::Sample& sample : recorder.samples()) {
        Json held = Json::array();
        for (const auto& count : sample.held) held.push_back(maybe(count));
        samples.push_back({sample.at.us, sample.written, std::move(held)});
    }
    return samples;
}

Json links_of(const Network::Ways& ways) {
    Json links = Json::array();
    for (const auto& [way, traffic] : ways)
        links.push_back({way.first, way.second, traffic.messages, traffic.messages_least, traffic.bytes,
                         traffic.bytes_least});
    return links;
}

/// All that the script draws. Times are microseconds since the world began.
std::string story(const Ran& ran) {
    const Recorder& recorder = ran.recorder;
    const Json story{{"ended", ran.ended_at.us},
                     {"healed", maybe(ran.healed_at)},
                     {"converged", maybe(ran.converged_at)},
                     {"failed", !ran.finding.empty()},
                     {"changes", ran.changes},
                     {"amplification", ran.amplification},
                     {"lanes", lanes_of(recorder)},
                     {"lanesEnd", maybe(recorder.turns_end())},
                     {"messages", messages_of(recorder)},
                     {"strikes", strikes_of(recorder)},
                     {"strikesEnd", maybe(recorder.strikes_end())},
                     {"samples", samples_of(recorder)},
                     {"links", links_of(ran.ways)},
                     {"faults", ran.chronicle.faults()},
                     {"sometimes", ran.chronicle.situations()}};
    const std::string text = story.dump(-1, ' ', false, Json::error_handler_t::replace);
    std::string out;
    // Within a script's text "<" could end it.
    for (const char c : text) out += c == '<' ? std::string("\\u003c") : std::string(1, c);
    return out;
}

/// Puts a text for each {{name}}, once: what is put in is not looked at again.
std::string filled(std::string_view form, const std::map<std::string_view, std::string>& texts) {
    std::string out;
    for (std::size_t at = 0; at < form.size();) {
        const std::size_t open = form.find("{{", at);
        if (open == std::string_view::npos) return out.append(form.substr(at));
        const std::size_t close = form.find("}}", open);
        out.append(form.substr(at, open - at)).append(texts.at(form.substr(open + 2, close - open - 2)));
        at = close + 2;
    }
    return out;
}

}  // namespace

std::string page(const Ran& ran) {
    const std::string options = to_text(ran.options);
    const std::string seed = std::to_string(ran.options.seed);
    return filled(kPageHtml,
                  {{"style", kPageCss},
                   {"script", kPageJs},
                   {"story", story(ran)},
                   {"seed", seed},
                   {"version", STRANDLINE_VERSION},
                   {"options", escaped(options)},
                   {"command", escaped("strandline-sim --seed " + seed + " " + options)},
                   {"armed", escaped(ran.armed)},
                   {"class", ran.finding.empty() ? "clean" : "failed"},
                   {"result", ran.finding.empty() ? "Clean: no law was broken, and the devices converged."
                                                  : escaped(ran.finding)},
                   {"hash", fmt::format("{:016x}", ran.chronicle.hash())}});
}

std::string objection_to_file(const std::string& path) {
    const bool was_there = std::filesystem::exists(path);
    if (std::ofstream(path, std::ios::app)) {
        if (!was_there) std::filesystem::remove(path);
        return {};
    }
    return "the report cannot be written to '" + path + "'";
}

void write_file(const std::string& path, const std::string& content) {
    std::ofstream file(path, std::ios::binary);
    file << content;
    file.close();
    if (!file) throw std::runtime_error("the report cannot be written to '" + path + "'");
}

}  // namespace strandline::simulator
