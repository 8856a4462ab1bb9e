// Random writes, links that come and go, messages that are lost on their way, engines that stop: in the
// end everybody holds the same.
#include <catch2/catch.hpp>

#include <random>

#include "tests/engine/group.h"
#include "tests/times.h"

using namespace strandline;
using namespace strandline::tests;

namespace {

constexpr const char* kSchema =
    "CREATE TABLE word(id TEXT COLLATE NOCASE PRIMARY KEY, a, b, c);"
    "CREATE TABLE pair(x, y, v COLLATE NOCASE, w DEFAULT 5, PRIMARY KEY (x, y)) WITHOUT ROWID";

class Run {
public:
    Run(std::uint32_t seed, Ownership ownership)
        : random_(seed), ownership_(ownership), group_(3, kSchema, {"word", "pair"}, ownership) {}

    void go(int steps) {
        for (int i = 0; i < steps; ++i) step();
        for (std::size_t i = 0; i < group_.size(); ++i) group_.engine(i).database_changed(group_.now(i));
        group_.connect_all();
        group_.converge();
    }

    void check() {
        for (const char* table : {"word", "pair"}) {
            for (std::size_t i = 1; i < group_.size(); ++i)
                CHECK(group_.table(i, table) == group_.table(0, table));
        }
        // An origin that everybody heard of stands at the same watermark everywhere, and nobody has two ranges.
        const auto first = group_.engine(0).status();
        for (std::size_t i = 0; i < group_.size(); ++i) {
            const auto status = group_.engine(i).status();
            for (std::size_t r = 0; r < 2; ++r) {
                CHECK(status.resources[r].ranges.size() == 1);
                CHECK(marks(status.resources[r]) == marks(first.resources[r]));
                CHECK(status.resources[r].rows == first.resources[r].rows);
                CHECK(std::to_string(status.resources[r].rows) ==
                      group_.app(i).ask("SELECT count(*) FROM " + status.resources[r].name));
            }
            if (ownership_ == Ownership::shared) CHECK(status.quarantined == 0);
            CHECK_FALSE(group_.engine(i).failure());
            for (std::size_t j = 0; j < group_.size(); ++j) {
                if (i != j) CHECK(group_.engine(i).is_in_step(group_.id(j)));
            }
        }
    }

private:
    using Marks = std::map<OriginId, Hlc>;
    static Marks marks(const ResourceStatus& resource) {
        Marks marks;
        for (const auto& mark : resource.watermarks) marks[mark.origin] = mark.hlc;
        return marks;
    }

    std::size_t draw(std::size_t below) { return random_() % below; }
    std::string one_of(std::initializer_list<const char*> choices) {
        return choices.begin()[draw(choices.size())];
    }

    void step() {
        const std::size_t i = draw(3);
        const std::size_t j = (i + 1 + draw(2)) % 3;
        switch (draw(12)) {
            case 0:
            case 1:
            case 2:
            case 3:
                if (!group_.app(i).refusal(statement(i)).empty()) (void)group_.app(i).refusal("ROLLBACK");
                if (draw(3) > 0) group_.engine(i).database_changed(group_.now(i));
                break;
            case 4:
                group_.connect(i, j);
                break;
            case 5:
                if (draw(2) == 0) group_.disconnect(i, j);
                break;
            case 6:
            case 7:
                for (std::size_t n = draw(6); n > 0; --n) group_.carry(i, j);
                break;
            case 8:
                for (std::size_t n = draw(4); n > 0; --n) group_.send(i, j);
                break;
            case 9:
                let_time_pass(i, static_cast<std::int64_t>(draw(4) * draw(500)));
                break;
            case 10:
                group_.settle();
                break;
            default:
                if (draw(8) > 0) break;
                group_.stop(i);
                group_.start(i);
        }
    }

    void let_time_pass(std::size_t i, std::int64_t ms) {
        // One clock runs on alone, so that stamps of all devices mix.
        group_.shift_clock(i, ms);
        group_.engine(i).advance(group_.now(i));
    }

    std::string statement(std::size_t i) {
        return ownership_ == Ownership::shared ? shared_statement() : owned_statement(i);
    }

    std::string owned_statement(std::size_t i) {
        const std::string value = "'v" + std::to_string(++values_) + "'";
        const std::string own = "'own" + std::to_string(i) + "'";
        const std::string id = draw(2) == 0 ? own : one_of({"'a'", "'A'", "'b'", "'c'"});
        switch (draw(8)) {
            case 0:
                return "INSERT INTO word VALUES (" + id + ", " + value + ", 1, 2)";
            case 1:
                return "INSERT INTO pair(x, y, v) VALUES (" + one_of({"1", "2"}) + ", " + own + ", " + value +
                       ") ON CONFLICT DO UPDATE SET v = excluded.v";
            case 2:
                return "DELETE FROM word WHERE id = " + own + "; DELETE FROM pair WHERE y = " + own +
                       " AND x = 1";
            case 3:
                return "INSERT OR REPLACE INTO word VALUES (" + id + ", 0, " + value + ", 2)";
            case 4:
                return "DELETE FROM word WHERE id = " + id;
            case 5:
                return "UPDATE word SET id = " + one_of({"upper(id)", "lower(id)"}) + " WHERE id = " + id;
            case 6:
                return "INSERT INTO word VALUES (" + id + ", " + value +
                       ", 3, 4); DELETE FROM word WHERE id = " + id;
            default:
                return "UPDATE word SET " + one_of({"a", "b", "c"}) + " = " + value + " WHERE id = " + id;
        }
    }

    std::string shared_statement() {
        const std::string value = "'v" + std::to_string(++values_) + "'";
        const std::string id = one_of({"'a'", "'A'", "'b'", "'B'", "'c'"});
        const std::string column = one_of({"a", "b", "c"});
        const std::string key = "x = " + one_of({"1", "1.0", "'1'"}) + " AND y = " + one_of({"'p'", "'q'"});
        switch (draw(11)) {
            case 0:
                return "INSERT INTO word VALUES (" + id + ", " + value + ", 1, 2)";
            case 1:
                return "INSERT OR REPLACE INTO word VALUES (" + id + ", 0, " + value + ", 2)";
            case 2:
            case 3:
                return "UPDATE word SET " + column + " = " + value + " WHERE id = " + id;
            case 4:
                return "DELETE FROM word WHERE id = " + id;
            case 5:
                return "BEGIN; DELETE FROM word WHERE id = " + id + "; INSERT INTO word(id, a) VALUES (" +
                       id + ", " + value + "); DELETE FROM pair WHERE " + key + "; COMMIT";
            case 6:
                return "INSERT INTO pair(x, y, v) VALUES (" + one_of({"1", "1.0", "'1'"}) + ", " +
                       one_of({"'p'", "'q'"}) + ", " + value +
                       ") ON CONFLICT DO UPDATE SET v = excluded.v, w = w";
            case 7:
                return "UPDATE pair SET v = " + one_of({"upper(v)", "lower(v)", "v", "2", "2.0"}) +
                       " WHERE " + key;
            case 8:
                return "DELETE FROM pair WHERE " + key;
            case 9:
                return "UPDATE OR IGNORE pair SET x = " + one_of({"1", "1.0", "'1'"}) + " WHERE " + key;
            default:
                return "UPDATE OR REPLACE word SET id = " + one_of({"'a'", "'A'", "'b'"}) +
                       " WHERE id = " + id;
        }
    }

    std::mt19937 random_;
    Ownership ownership_;
    Group group_;
    int values_ = 0;
};

}  // namespace

TEST_CASE("three devices that write, part, lose messages and meet again are the same in the end") {
    for (std::uint32_t seed = 1; seed <= times(250); ++seed) {
        CAPTURE(seed);
        Run run(seed, Ownership::shared);
        run.go(60);
        run.check();
    }
}

TEST_CASE("so are devices that have a long history") {
    for (std::uint32_t seed = 1'001; seed <= 1'000 + times(6); ++seed) {
        CAPTURE(seed);
        Run run(seed, Ownership::shared);
        run.go(1'000);
        run.check();
    }
}

TEST_CASE("so are tables whose rows belong to devices") {
    for (std::uint32_t seed = 2'001; seed <= 2'000 + times(50); ++seed) {
        CAPTURE(seed);
        Run run(seed, Ownership::device_owned);
        run.go(60);
        run.check();
    }
}
