#include "simulator/report.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "simulator/novelty.h"
#include "simulator/world.h"
#include "tests/simulator/held.h"

using namespace strandline;
using namespace strandline::simulator;
namespace {

Options asked(std::uint64_t seed, std::size_t devices, const std::string& faults) {
    Options options;
    options.seed = seed;
    options.devices = devices;
    options.minutes = 0.2;
    options.faults = faults;
    options.report = "asked for";
    return options;
}

Outcome outcome_of(const Options& options) {
    World world(options);
    return world.run();
}

/// What the page's script draws.
nlohmann::json story_in(const std::string& page) {
    const std::string open = "<script type=\"application/json\" id=\"story\">";
    const std::size_t begin = page.find(open) + open.size();
    return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

DeviceId device_of(std::uint8_t number) {
    DeviceId device;
    device.bytes.fill(number);
    return device;
}

/// One row of the table "notes", written by the first of the origins.
Message push_of(const std::string& key, std::int64_t hlc, const OriginId& origin) {
    message::Entry entry;
    entry.key = key;
    entry.row = message::Stamp{Hlc{hlc}, Origin{0}};
    entry.values = {Value{std::int64_t{7}}};
    message::Page page;
    page.resource = "notes";
    page.columns = {"body"};
    page.entries = {entry};
    message::Pages pages;
    pages.origins = {origin};
    pages.pages = {page};
    return pages;
}

TEST_CASE("a report names the seed, the options and the result, and the command that makes the run again") {
    const Options options = asked(11, 3, "none");
    const Outcome outcome = outcome_of(options);
    CHECK_THAT(outcome.report, Catch::Contains("<h1>Seed 11</h1>") && Catch::Contains(to_text(options)));
    CHECK_THAT(outcome.report, Catch::Contains("strandline-sim --seed 11 " + to_text(options)));
    CHECK_THAT(outcome.report, Catch::Contains("class=\"result clean\""));
    CHECK_THAT(outcome.report, !Catch::Contains("{{"));
    CHECK_THAT(outcome.report, !Catch::Contains("http"));
}

TEST_CASE("a report has a lane for every device, and each holds all that was written in the end") {
    for (const std::size_t devices : {3U, 12U}) {
        const auto story = story_in(outcome_of(asked(12, devices, "late-join,stop")).report);
        REQUIRE(story["lanes"].size() == devices);
        for (const auto& lane : story["lanes"]) CHECK(lane["turns"].back()[1] == "running");
        const auto& last = story["samples"].back();
        CHECK(last[0] == story["ended"]);
        CHECK(last[1] > 0);
        for (const auto& held : last[2]) CHECK(held == last[1]);
    }
}

TEST_CASE("a report tells of a device's stops, and of when it was let in") {
    const auto story = story_in(outcome_of(asked(13, 3, "stop,late-join")).report);
    std::size_t stops = 0;
    for (const auto& lane : story["lanes"]) {
        for (const auto& turn : lane["turns"]) stops += turn[1] == "stopped" ? 1U : 0U;
    }
    CHECK(stops > 0);
    CHECK(story["lanes"][2]["turns"][0][0] > 0);
    CHECK(story["strikes"].size() ==
          story["faults"]["stop"].get<std::size_t>() + story["faults"]["late-join"].get<std::size_t>());
}

TEST_CASE("the same seed gives the same report, byte for byte") {
    CHECK(outcome_of(asked(14, 4, "all")).report == outcome_of(asked(14, 4, "all")).report);
}

TEST_CASE("a report changes nothing in the run that it tells of") {
    for (const std::uint64_t seed : {15U, 16U, 17U}) {
        Options options = asked(seed, 4, "all");
        const Outcome told = outcome_of(options);
        options.report.clear();
        const Outcome untold = outcome_of(options);
        CHECK(told.hash == untold.hash);
        CHECK(untold.report.empty());
    }
}

TEST_CASE("text of any content is shown in a report, and never run") {
    const Schedule schedule;
    Chronicle chronicle(schedule, 0);
    Recorder recorder(schedule, 2);
    chronicle.attach(&recorder);
    const std::string wicked = "</script><script>alert(\"{{seed}}\")</script>";
    chronicle.count_fault(wicked, {1, 0});
    const Options options;
    const Network::Ways ways;
    Ran ran{options, chronicle, ways, recorder, Moment{1}};
    ran.finding = wicked;
    ran.armed = wicked;
    const std::string shown = page(ran);
    CHECK_THAT(shown, !Catch::Contains("<script>alert"));
    CHECK_THAT(shown, Catch::Contains("&lt;script&gt;alert(&quot;{{seed}}&quot;)"));
    CHECK_THAT(shown, Catch::Contains("class=\"result failed\""));
    CHECK(story_in(shown)["strikes"][0] == nlohmann::json::array({0, wicked, 1, 0}));
}

TEST_CASE("of too many messages a recorder keeps an even part, and knows how many there were") {
    const Schedule schedule;
    Recorder recorder(schedule, 2);
    const Message message = message::Have();
    const std::size_t count = 2 * Recorder::kMessagesMost + 1;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string frame = std::to_string(i);
        recorder.said(0, 1, message, frame);
        if (i != 4) recorder.heard(0, 1, message, frame);
    }
    const Recorder::Kind& kind = recorder.kind(Saying::have);
    CHECK(kind.count == count);
    CHECK(kind.every == 4);
    REQUIRE(kind.kept.size() == Recorder::kMessagesMost / 2 + 1);
    for (std::size_t i = 0; i < kind.kept.size(); ++i) {
        CHECK(kind.kept[i].number == 4 * i);
        CHECK(kind.kept[i].heard_at.has_value() == (i != 1));
    }
}

TEST_CASE("what a receiver had already is not part of the least possible") {
    const OriginId other{device_of(2), Incarnation{1}};
    Novelty novelty(device_of(1));
    const auto first = novelty.in(push_of("a", 10, other), 100);
    CHECK(first.messages == 1);
    CHECK(first.bytes == 100);
    novelty.keep(first);
    CHECK(novelty.in(push_of("a", 10, other), 100).messages == 0);
    CHECK(novelty.in(push_of("a", 9, other), 100).messages == 0);
    CHECK(novelty.in(push_of("a", 11, other), 100).messages == 1);

    Message both = push_of("a", 10, other);
    auto& page = std::get<message::Pages>(both).pages[0];
    page.entries.push_back(std::get<message::Pages>(push_of("b", 10, other)).pages[0].entries[0]);
    const auto half = novelty.in(both, 10'000);
    CHECK(half.messages == 1);
    CHECK(half.bytes < 100);

    const OriginId own{device_of(1), Incarnation{1}};
    CHECK(novelty.in(push_of("c", 10, own), 100).messages == 0);
    novelty.restored();
    CHECK(novelty.in(push_of("c", 10, own), 100).messages == 1);
}

TEST_CASE("what a coverage holds of all that was written is counted, piece by piece") {
    const OriginId a{device_of(1), Incarnation{1}};
    const OriginId b{device_of(2), Incarnation{1}};
    Written written;
    for (const std::int64_t hlc : {30, 10, 20})
        written.add("notes", "k" + std::to_string(hlc), {Hlc{hlc}, a});
    written.add("notes", "k30", {Hlc{30}, a});
    written.add("notes", "z", {Hlc{5}, b});
    CHECK(written.count_in(Coverage{{"notes", {{"", held({{a, Hlc{20}}})}}}}) == 2);
    const Coverage in_pieces{
        {"notes", {{"", held({{a, Hlc{30}}})}, {"k20", held({{a, Hlc{10}}})}, {"z", held({{b, Hlc{5}}})}}}};
    CHECK(written.count_in(in_pieces) == 2);
    Written::Highest highest;
    Written::raise(highest, in_pieces);
    CHECK(written.count_in(highest) == 4);
}

}  // namespace
