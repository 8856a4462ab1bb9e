// A peer that says what it must not: its session ends with a reason, and the engine lives.
#include <catch2/catch.hpp>

#include <functional>

#include "engine/key.h"
#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;
using message::Message;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, title, body)";

std::string key(const std::string& id) {
    return engine::encode_key({id}, {engine::Collation::binary});
}

/// A device with a row, connected to one that does exactly what the test makes it say.
struct Stage {
    explicit Stage(Ownership ownership = Ownership::shared) : group(2, kNotes, {"notes"}, ownership) {
        group.write(0, "INSERT INTO notes VALUES ('a', 'title', 'body')");
        stranger.bytes.fill(0xee);
        is_owned = ownership == Ownership::device_owned;
        group.engine(0).peer_up(stranger, group.now(0));
    }
    void say(Message message) { group.engine(0).receive(stranger, std::move(message), group.now(0)); }
    void greet() {
        say(message::Hello{"stranger", Incarnation{1}, group.now(0).wall});
        say(have());
        while (group.engine(0).next_message(stranger, group.now(0))) {
        }
    }
    [[nodiscard]] message::Have have() const {
        return {true, {origin()}, {{"notes", is_owned, 1, {{{"", {}}, {{Origin{0}, now()}}}}}}};
    }
    [[nodiscard]] OriginId origin() const { return {stranger, Incarnation{1}}; }
    [[nodiscard]] static Hlc now() { return Hlc{Group::kStartMs << 16}; }
    /// A page of one row, pushed.
    [[nodiscard]] message::Pages pages(const std::string& id, const std::string& title) const {
        message::Entry entry{
            key(id), {}, {}, message::Stamp{now(), Origin{0}}, {}, {title, std::string("body")}};
        message::Page page{"notes", {"", {}}, {{Origin{0}, now()}}, {"title", "body"}, {entry}};
        return {0, 1, true, {origin()}, {page}};
    }
    /// Says it, and demands that the session ends with a reason while everything else goes on.
    void check_refused(Message message) {
        say(std::move(message));
        std::string reason;
        while (auto out = group.engine(0).next_message(stranger, group.now(0))) {
            if (const auto* bye = std::get_if<message::Bye>(&*out)) reason = bye->reason;
        }
        CHECK_FALSE(reason.empty());
        CHECK(group.engine(0).is_closed(stranger));
        CHECK_FALSE(group.engine(0).failure());
        group.engine(0).peer_down(stranger, "closed", group.now(0));
        group.connect(0, 1);
        group.write(1, "INSERT INTO notes VALUES ('alive', 1, 2)");
        group.converge();
        CHECK(group.app(0).ask("SELECT id FROM notes ORDER BY id") == "'a'\n'alive'");
        CHECK(group.is_same("notes"));
    }

    Group group;
    DeviceId stranger;
    bool is_owned = false;
};

}  // namespace

TEST_CASE("a peer that plays by the rules is taken, from a script too") {
    Stage stage;
    stage.greet();
    stage.say(stage.pages("b", "pushed"));
    CHECK(stage.group.app(0).ask("SELECT title FROM notes WHERE id = 'b'") == "'pushed'");
    CHECK_FALSE(stage.group.engine(0).is_closed(stage.stranger));
}

namespace {

constexpr std::uint64_t kLargeBytes = 4 * 1024 * 1024;

/// As `pages`, but of the value only that it is large.
message::Pages referring(const Stage& stage, std::uint32_t number, const std::string& hash) {
    message::Pages pages = stage.pages("b" + std::to_string(number), "large");
    message::Page& page = pages.pages[0];
    message::Entry& entry = page.entries[0];
    entry.values[1] = Value{};
    entry.large = {{1, number, false, kLargeBytes, hash}};
    page.range = {entry.key, entry.key + '\0'};
    return pages;
}

message::Part part(std::uint32_t number, std::uint64_t offset, std::size_t bytes) {
    return {number, offset, std::string(bytes, 'x')};
}

}  // namespace

TEST_CASE("parts of a large value that nobody asked for, or that do not fit, end the session") {
    Stage stage;
    stage.greet();
    stage.say(referring(stage, 1, std::string(8, 'h')));
    std::vector<message::Fetch> fetches;
    while (auto out = stage.group.engine(0).next_message(stage.stranger, stage.group.now(0))) {
        if (const auto* fetch = std::get_if<message::Fetch>(&*out)) fetches.push_back(*fetch);
    }
    REQUIRE(fetches.size() == 4);
    REQUIRE(fetches[1].offset == message::kPartBytesMax);
    constexpr std::size_t kPart = message::kPartBytesMax;
    const auto staged = [&] { return stage.group.app(0).ask("SELECT count(*) FROM strandline_parts"); };
    SECTION("of another value") {
        stage.check_refused(part(2, 0, kPart));
    }
    SECTION("behind what was asked for first") {
        stage.check_refused(part(1, kPart, kPart));
    }
    SECTION("shorter than asked for") {
        stage.check_refused(part(1, 0, kPart - 1));
    }
    SECTION("of no bytes") {
        stage.check_refused(part(1, 0, 0));
    }
    SECTION("twice") {
        stage.say(part(1, 0, kPart));
        stage.check_refused(part(1, 0, kPart));
        CHECK(staged() == "1");
    }
    SECTION("more than were asked for") {
        for (std::uint64_t i = 0; i < 4; ++i) stage.say(part(1, i * kPart, kPart));
        stage.check_refused(part(1, 4 * kPart, kPart));
    }
    SECTION("all of it, but it is not what it was said to be: nothing is kept") {
        for (std::uint64_t i = 0; i < 7; ++i) {
            stage.say(part(1, i * kPart, kPart));
            while (stage.group.engine(0).next_message(stage.stranger, stage.group.now(0))) {
            }
        }
        CHECK(staged() == "7");
        stage.check_refused(part(1, 7 * kPart, kPart));
        CHECK(staged() == "0");
    }
    SECTION("not given at all: after a while others are asked") {
        stage.group.pass_alone(15'000);
        CHECK(stage.group.engine(0).is_closed(stage.stranger));
    }
    CHECK(stage.group.app(0).ask("SELECT count(*) FROM notes WHERE id GLOB 'b*'") == "0");
}

TEST_CASE(
    "a peer that tells of more large values than may wait, or asks for more than there is, is refused") {
    Stage stage;
    stage.greet();
    SECTION("an endless row of them") {
        for (std::uint32_t i = 1; i <= 32; ++i) stage.say(referring(stage, i, std::string(8, 'h')));
        CHECK_FALSE(stage.group.engine(0).is_closed(stage.stranger));
        stage.check_refused(referring(stage, 33, std::string(8, 'h')));
    }
    SECTION("a value that it was not told of") {
        stage.check_refused(message::Fetch{7, 0, 1'000});
    }
}

TEST_CASE("messages out of their order end the session") {
    Stage stage;
    SECTION("a Have before the Hello") {
        stage.check_refused(stage.have());
    }
    SECTION("a Pull before the Have") {
        stage.say(message::Hello{});
        stage.check_refused(message::Pull{1, {}, {}});
    }
    SECTION("Pages before the Have") {
        stage.say(message::Hello{});
        stage.check_refused(stage.pages("b", "early"));
    }
    SECTION("a second Hello") {
        stage.greet();
        stage.check_refused(message::Hello{});
    }
    SECTION("a partial Have first") {
        stage.say(message::Hello{});
        message::Have partial = stage.have();
        partial.complete = false;
        stage.check_refused(partial);
    }
    SECTION("a second Pull of one number") {
        stage.greet();
        const message::Pull pull{1, {}, {{"notes", {{{"", {}}, {}}}}}};
        stage.say(pull);
        stage.check_refused(pull);
    }
    SECTION("a third Pull before one of two was answered") {
        stage.greet();
        message::Pull pull{1, {}, {{"notes", {{{"", {}}, {}}}}}};
        stage.say(pull);
        pull.number = 2;
        stage.say(pull);
        pull.number = 3;
        stage.check_refused(pull);
    }
}

TEST_CASE("Pages that nobody asked for end the session") {
    Stage stage;
    stage.greet();
    message::Pages pages = stage.pages("b", "unasked");
    SECTION("of a pull that never was") {
        pages.pull = 7;
    }
    SECTION("of a table that is not tracked") {
        pages.pages.front().resource = "strandline_device";
    }
    SECTION("of a table that is not there") {
        pages.pages.front().resource = "nowhere";
    }
    stage.check_refused(pages);
}

TEST_CASE("a key that is none of the table's ends the session, and nothing of its message is applied") {
    Stage stage;
    stage.greet();
    message::Pages pages = stage.pages("b", "bad");
    message::Entry& entry = pages.pages.front().entries.front();
    message::Page& page = pages.pages.front();
    SECTION("no key at all") {
        entry.key = "\x01";
    }
    SECTION("cut off") {
        entry.key = std::string("\x21\x01", 2);
    }
    SECTION("of two columns") {
        entry.key = key("b") + key("c");
        entry.key[0] = '\x14';
    }
    SECTION("outside its page's range") {
        page.range.low = key("c");
    }
    SECTION("spelled as another key") {
        entry.key_raw = Values{std::string("other")};
    }
    SECTION("spelled with too many values") {
        entry.key_raw = Values{std::string("b"), std::string("b")};
    }
    SECTION("an integer of more bytes than it needs") {
        entry.key = std::string("\x16\x00\x01", 3);
    }
    SECTION("not a number, which SQLite would make NULL") {
        entry.key = std::string("\x21\xff\xf8\0\0\0\0\0\0", 9);
    }
    SECTION("behind a good one") {
        page.entries.push_back(entry);
        page.entries.back().key = std::string("\x7f");
    }
    stage.check_refused(pages);
}

TEST_CASE("a Pull of a table that is not tracked ends the session") {
    Stage stage;
    stage.greet();
    stage.check_refused(message::Pull{1, {}, {{"nowhere", {{{"", {}}, {}}}}}});
}

TEST_CASE("a complete Have with gaps ends the session") {
    Stage stage;
    stage.say(message::Hello{});
    message::Have have = stage.have();
    have.holdings.front().pieces.front().range.high = key("m");
    stage.check_refused(have);
}

TEST_CASE("a Have of a table that the complete one did not name ends the session") {
    Stage stage;
    stage.greet();
    message::Have have = stage.have();
    have.complete = false;
    have.holdings.front().resource = "other";
    stage.check_refused(have);
}

TEST_CASE("a push that crossed a complete Have is dropped, without harm to its session") {
    Stage stage;
    stage.greet();
    message::Pages pages = stage.pages("b", "late");
    pages.basis = 0;
    stage.say(pages);
    CHECK(stage.group.app(0).ask("SELECT count(*) FROM notes") == "1");
    CHECK_FALSE(stage.group.engine(0).is_closed(stage.stranger));
}

TEST_CASE("values that no column can take, and entries of nothing, do no harm") {
    Stage stage;
    stage.greet();
    message::Pages pages = stage.pages("b", "odd");
    message::Entry& entry = pages.pages.front().entries.front();
    SECTION("cells of a row that is not there") {
        entry.row.reset();
        entry.cells = {{0, {Stage::now(), Origin{0}}}};
        entry.values.resize(1);
    }
    SECTION("a delete of a row that is not there") {
        entry.row.reset();
        entry.era = message::Stamp{Stage::now(), Origin{0}};
        entry.values.clear();
    }
    SECTION("columns that are not there") {
        pages.pages.front().columns = {"x; DROP TABLE notes", "\"y"};
    }
    stage.say(pages);
    CHECK(stage.group.app(0).ask("SELECT id FROM notes") == "'a'");
    CHECK_FALSE(stage.group.engine(0).failure());
    CHECK_FALSE(stage.group.engine(0).is_closed(stage.stranger));
}

TEST_CASE("cells that came before the row which was inserted again are joined as soon as it is here") {
    Stage stage;
    stage.greet();
    stage.say(stage.pages("b", "first life"));
    const auto at = [](std::int64_t tick) {
        return message::Stamp{Hlc{Stage::now().value + tick}, Origin{0}};
    };
    message::Pages cells = stage.pages("b", "edited");
    message::Entry& edit = cells.pages.front().entries.front();
    edit.row.reset();
    edit.era = at(1);
    edit.cells = {{0, at(3)}};
    edit.values.resize(1);
    stage.say(cells);
    CHECK(stage.group.app(0).ask("SELECT title FROM notes WHERE id = 'b'") == "'first life'");
    CHECK(stage.group.engine(0).status().quarantined == 1);
    message::Pages again = stage.pages("b", "second life");
    again.pages.front().entries.front().era = at(1);
    again.pages.front().entries.front().row = at(2);
    stage.say(again);
    CHECK(stage.group.app(0).ask("SELECT title FROM notes WHERE id = 'b'") == "'edited'");
    CHECK(stage.group.engine(0).status().quarantined == 0);
}

TEST_CASE("cells of a row that is here no more, and is inserted again here, wait a minute at most") {
    Stage stage;
    stage.greet();
    App& app = stage.group.app(0);
    stage.group.write(0, "DELETE FROM notes");
    const std::int64_t deleted = std::stoll(app.ask("SELECT hlc FROM strandline_stamps WHERE slot = 1"));
    const std::int64_t incarnation = std::stoll(app.ask("SELECT incarnation FROM strandline_device"));
    message::Pages cells = stage.pages("a", "edited");
    cells.origins.push_back({stage.group.id(0), Incarnation{static_cast<std::uint64_t>(incarnation)}});
    message::Entry& edit = cells.pages.front().entries.front();
    edit.row.reset();
    edit.era = message::Stamp{Hlc{deleted}, Origin{1}};
    edit.cells = {{0, {Hlc{deleted + (60'000LL << 16)}, Origin{0}}}};
    edit.values.resize(1);
    stage.say(cells);
    CHECK(stage.group.engine(0).status().quarantined == 1);
    stage.group.write(0, "INSERT INTO notes VALUES ('a', 'again', 'body')");
    SECTION("they are joined") {
        stage.group.pass(60'000);
        CHECK(app.ask("SELECT title FROM notes") == "'edited'");
    }
    SECTION("and deleted with it, if it is") {
        app.run("DELETE FROM notes");
        stage.group.pass(60'000);
        CHECK(app.ask("SELECT title FROM notes").empty());
    }
    CHECK(stage.group.engine(0).status().quarantined == 0);
}

TEST_CASE("a clock that stands far off is told") {
    Stage stage;
    stage.say(message::Hello{"stranger", Incarnation{1}, WallMs{Group::kStartMs + 900'000}});
    CHECK(stage.group.was_told(0, EventKind::clock_skew));
}

TEST_CASE("a change that its device had no right to make is refused by who receives it, kept and told") {
    Stage stage(Ownership::device_owned);
    stage.greet();
    message::Pages pages = stage.pages("a", "stolen");
    message::Entry& entry = pages.pages.front().entries.front();
    const message::Stamp late{Hlc{(Group::kStartMs + 5) << 16}, Origin{0}};
    SECTION("a row") {
        entry.row = late;
    }
    SECTION("cells") {
        entry.row.reset();
        entry.cells = {{0, late}};
        entry.values.resize(1);
    }
    SECTION("a delete") {
        entry.row.reset();
        entry.era = late;
        entry.values.clear();
    }
    stage.say(pages);
    CHECK(stage.group.table(0, "notes") == "'a'|'title'|'body'");
    CHECK(stage.group.engine(0).status().quarantined == 1);
    CHECK(stage.group.was_told(0, EventKind::refused));
    CHECK_FALSE(stage.group.engine(0).is_closed(stage.stranger));
}

TEST_CASE("a peer cannot make a device keep more origins or members than it could tell others of") {
    Stage stage;
    stage.greet();
    SECTION("origins") {
        const auto pull = [&](std::uint64_t part) {
            message::Pull half{static_cast<std::uint32_t>(part), {}, {}};
            for (std::uint64_t i = 0; i < message::kOriginsMax / 2; ++i)
                half.origins.push_back({stage.stranger, Incarnation{part << 32 | i}});
            return half;
        };
        stage.say(pull(1));
        REQUIRE_FALSE(stage.group.engine(0).is_closed(stage.stranger));
        stage.check_refused(pull(2));
    }
    const auto members = [&](std::size_t count) {
        message::Have have{false, {}, {}, {}};
        for (std::size_t i = 0; i < count; ++i)
            have.members.push_back(
                {{99, static_cast<std::uint8_t>(i % 256), static_cast<std::uint8_t>(i / 256)}});
        return have;
    };
    SECTION("members") {
        stage.check_refused(members(message::kMembersMax));
    }
    SECTION("members, one less: they are all told") {
        stage.say(members(message::kMembersMax - 1));
        REQUIRE_FALSE(stage.group.engine(0).is_closed(stage.stranger));
        DeviceId one_more;
        CHECK_FALSE(stage.group.engine(0).trust(one_more, "", stage.group.now(0)));
        std::size_t told = 0;
        stage.group.on_send = [&](std::size_t from, std::size_t, const Message& message) {
            if (const auto* said = std::get_if<message::Have>(&message); said != nullptr && from == 0)
                told = std::max(told, said->members.size());
        };
        stage.group.connect(0, 1);
        stage.group.converge();
        CHECK(told == message::kMembersMax);
    }
}

TEST_CASE("a peer that asks on and on without hearing answers is left") {
    Stage stage;
    stage.greet();
    for (std::uint32_t i = 1; i < 1'000 && !stage.group.engine(0).is_closed(stage.stranger); ++i)
        stage.say(message::Compare{i, true, {{"notes", std::string(8, 'c'), std::string(16, 'h'), {}}}});
    stage.check_refused(message::Compare{1'000, true, {}});
}
