// Another process asks the one that runs a device for a proof, and names the peer that it wants it with.
#include <catch2/catch.hpp>

#include "tests/engine/group.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kNotes = "CREATE TABLE notes(id TEXT PRIMARY KEY, body)";

/// Device 0 in the middle, asked by others.
struct Star : Group {
    Star() : Group(3, kNotes, {"notes"}) {
        write(0, "INSERT INTO notes VALUES ('a', 1), ('b', 2)");
        connect(0, 1);
        connect(0, 2);
        converge();
    }
    std::int64_t ask(const std::string& how, std::size_t with) {
        const auto number = leave_request(path(0), {"verify", {how, to_hex(id(with))}});
        REQUIRE(number);
        engine(0).database_changed(now(0));
        return *number;
    }
    /// Until it is answered, or for a second.
    Result<bool> answer(std::int64_t number) {
        for (int i = 0; i < 100; ++i) {
            auto answered = request_answered(path(0), number);
            if (!answered || *answered) return answered;
            pass(10);
        }
        return false;
    }
    /// With whom device 0 was compared since the last time, oldest first.
    std::vector<std::string> proved_with() {
        std::vector<std::string> peers;
        for (const Event& event : events(0)) {
            if (event.kind == EventKind::verified) peers.push_back(event.peer);
        }
        return peers;
    }
};

}  // namespace

TEST_CASE("a proof is with the peer that is named, whoever else is connected") {
    Star star;
    for (const std::size_t peer : {std::size_t{2}, std::size_t{1}}) {
        for (const char* how : {"shallow", "deep"}) {
            const auto number = star.ask(how, peer);
            const auto answered = star.answer(number);
            REQUIRE(answered);
            CHECK(*answered);
            CHECK(star.proved_with() == std::vector{to_hex(star.id(peer))});
        }
    }
}

TEST_CASE("proofs that are asked for at once are each with their peer") {
    Star star;
    const auto with_2 = star.ask("deep", 2);
    const auto with_1 = star.ask("deep", 1);
    CHECK(star.answer(with_1).value_or(false));
    CHECK(star.answer(with_2).value_or(false));
    auto proved = star.proved_with();
    std::ranges::sort(proved);
    CHECK(proved == std::vector{to_hex(star.id(1)), to_hex(star.id(2))});
    CHECK(star.app(0).ask("SELECT owed FROM strandline_device") == "''");
}

TEST_CASE("a proof with a peer that is not connected is refused at once, and one that goes away ends it") {
    Star star;
    star.disconnect(0, 2);
    const auto absent = star.answer(star.ask("shallow", 2));
    REQUIRE_FALSE(absent);
    CHECK(absent.error().category == Category::network);
    CHECK_THAT(absent.error().message, Catch::Contains("not connected to device " + short_hex(star.id(2))));
    CHECK(star.proved_with().empty());

    star.connect(0, 2);
    star.converge();
    const auto number = star.ask("shallow", 2);
    star.disconnect(0, 2);
    const auto lost = star.answer(number);
    REQUIRE_FALSE(lost);
    CHECK_THAT(lost.error().message, Catch::Contains("not connected to device " + short_hex(star.id(2))));
    // Others are proved with as before.
    CHECK(star.answer(star.ask("shallow", 1)).value_or(false));
    CHECK(star.proved_with() == std::vector{to_hex(star.id(1))});
}
