// What plays the stories must itself be able to fail.
#include <catch2/catch.hpp>

#include <strandline/message.h>

#include "tests/engine/group.h"
#include "tests/scenarios/names.h"
#include "tests/scenarios/script.h"
#include "tests/scenarios/speech.h"

using namespace strandline;
using namespace strandline::tests::scenarios;

namespace {

const std::string kStory =
    "# A row travels.\n"
    "\n"
    "device a b\n"
    "schema CREATE TABLE notes(id TEXT PRIMARY KEY,\n"
    "   title)\n"
    "track notes\n"
    "a: INSERT INTO notes VALUES ('n', 'x')\n"
    "connect a b\n"
    "carry quietly\n"
    "rows notes\n"
    "----\n"
    "11 messages\n"
    "a b:\n"
    "  'n'|'x'\n";

std::string with(const std::string& what, const std::string& instead) {
    std::string story = kStory;
    return story.replace(story.find(what), what.size(), instead);
}

/// A story about these commands, by devices a and b that track notes.
std::string about(const std::string& commands) {
    return "# Prose.\ndevice a b\nschema CREATE TABLE notes(id TEXT PRIMARY KEY, title)\ntrack notes\n" +
           commands + "\n----\n";
}

std::string fault_of(const std::string& story) {
    try {
        static_cast<void>(performed(story));
    } catch (const std::exception& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST_CASE("a story that says what happens is its own performance, every time") {
    CHECK(performed(kStory) == kStory);
    CHECK(performed(kStory) == kStory);
}

TEST_CASE("a story that says something else is put right, in its said parts alone") {
    CHECK(performed(with("'n'|'x'\n", "'n'|'y'\n")) == kStory);
    CHECK(performed(with("11 messages\n", "")) == kStory);
    CHECK(performed(kStory + "a b: no rows\n") == kStory);
    CHECK(performed(with("'n', 'x'", "'n', 'y'")) != with("'n', 'x'", "'n', 'y'"));
}

TEST_CASE("a story that claims nothing fails") {
    CHECK(fault_of("# Prose.\n\n# And more.\n").find("claims nothing") != std::string::npos);
    CHECK(fault_of("# Prose.\ndevice a b\n").find("without ----") != std::string::npos);
    CHECK(fault_of(kStory + "\nrows notes\n").find("line 16: commands without ----") != std::string::npos);
    CHECK(fault_of("# Prose.\n----\nsomething\n").find("without commands") != std::string::npos);
    CHECK(fault_of("device a\n----\n").find("begins with prose") != std::string::npos);
    CHECK(fault_of("# Prose.\n goes on\n----\n").find("nothing before it") != std::string::npos);
    CHECK_FALSE(fault_of("").empty());
}

TEST_CASE("a command that is none fails, with its line") {
    CHECK(fault_of(with("rows notes", "row notes")) == "line 10: there is no command 'row'");
    CHECK(fault_of(with("connect a b", "connect a z")) == "line 8: there is no device 'z'");
    for (const char* command :
         {"connect a", "connect a a", "disconnect a b", "carry a", "carry a b pages 1", "pass long", "pass 1",
          "clock a", "z: SELECT 1", "start a", "copy a", "stop b\nrows notes\nstop b", "device a",
          "stop a\nrestore a", "rows", "a: SELECT nonsense"}) {
        CAPTURE(command);
        CHECK(fault_of(about("rows notes")).empty());
        CHECK_FALSE(fault_of(about(command)).empty());
    }
}

TEST_CASE("what a device refuses is said, and is no fault of the story") {
    const std::string said = performed(about("track nowhere at a\nb: INSERT INTO notes VALUES (1)"));
    CHECK(said.find("a refuses: ") != std::string::npos);
    CHECK(said.find("b refuses: table notes has 2 columns but 1 values") != std::string::npos);
}

TEST_CASE("spans of time read as they are written") {
    for (const std::int64_t ms : {1, 999, 1'000, 60'000, 3'600'000, 86'400'000})
        CHECK(span_from(shown_span(ms)) == ms);
    CHECK(shown_span(0) == "0");
    CHECK(shown_span(-1'500) == "-1s500ms");
    CHECK(span_from("-3y") == -3 * std::int64_t{365} * 86'400'000);
    CHECK(span_from("+2s") == 2'000);
    for (const char* text : {"", "s", "1", "-s", "1 s", "x1s"}) CHECK_THROWS(span_from(text));
}

TEST_CASE("keys and values read as SQLite writes them, and long ones keep their size") {
    CHECK(shown(Value{}) == "NULL");
    CHECK(shown(Value{std::string("x")}) == "'x'");
    CHECK(shown(Value{Blob{"\x01\xff"}}) == "x'01ff'");
    CHECK(shown(Value{std::string(1'000, 'x')}) == "'xxxxxxxxxxxx... 1000 bytes'");
    CHECK(shown_key("0abc") == "'abc'");
    CHECK(shown_key(std::string("0abc\0", 5)) == "past 'abc'");
    CHECK(shown_key("\xff") == "bytes ff");
}

TEST_CASE("lives of one device have names of their own, and ids give way to names") {
    Names names;
    const DeviceId device{{7}};
    names.add(device, "phone");
    CHECK(names.of(OriginId{device, Incarnation{12}}) == "phone");
    CHECK(names.of(OriginId{device, Incarnation{3}}) == "phone'");
    CHECK(names.of(OriginId{device, Incarnation{12}}) == "phone");
    CHECK(names.told("by " + to_hex(device) + " or " + short_hex(device)) == "by phone or phone");
}

TEST_CASE("every form of an entry is told apart") {
    Names names;
    const DeviceId a{{1}};
    names.add(a, "a");
    const auto at = [](std::int64_t ms) {
        return message::Stamp{{(tests::Group::kStartMs + ms) << 16}, Origin{0}};
    };
    message::Page page{"notes", {"0b", {}}, {}, {"title", "body"}, {}};
    const Value x = std::string("x");
    page.entries.push_back({"0b", {}, {}, at(1), {}, {x, x}});
    page.entries.push_back({"0c", {}, at(1), at(2), {{1, at(3)}}, {x, x}});
    page.entries.push_back({"0d", {}, {}, {}, {{1, at(4)}}, {x}});
    page.entries.push_back({"0e", {}, at(5), {}, {}, {}});
    const auto lines = lines_of(message::Pages{3, 0, false, {{a, Incarnation{1}}}, {page}}, names);
    CHECK(lines == std::vector<std::string>{"Pages of pull 3, more to come", "  notes, from 'b' to {}",
                                            "    'b' by a@1ms: title='x' body='x'",
                                            "    'c' after a@1ms by a@2ms: title='x' body='x' by a@3ms",
                                            "    'd': body='x' by a@4ms", "    'e' deleted by a@5ms"});
}
