#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "net/codec.h"
#include "net/limits.h"
#include "tests/net/hex.h"
#include "tests/net/samples.h"

/// What decode refuses, and the sentence that it says. Most bad messages come from encode itself, which
/// trusts its caller.
using namespace strandline;
using namespace strandline::net;
namespace {

using namespace message;
using namespace tests;

void check_refused(std::string_view bytes, const std::string& sentence) {
    const auto decoded = decode(bytes);
    INFO(sentence);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().category == Category::protocol);
    CHECK_THAT(decoded.error().message, Catch::Contains(sentence));
}

/// The sample of this type, changed, must be refused; unchanged, it must not.
template <typename T, typename Change>
void check_refused_when(T message, const std::string& sentence, Change change) {
    REQUIRE(decode(encode(message)));
    change(message);
    check_refused(encode(message), sentence);
}

TEST_CASE("bytes that are no message are refused") {
    check_refused("", "cut short");
    check_refused(from_hex("01"), "is not a list");
    check_refused(from_hex("90"), "an empty list");
    check_refused(from_hex("c1"), "not MessagePack");
    check_refused(from_hex("91a101"), "its number is not a number");
    check_refused(from_hex("9100"), "number 0 is not known");
    check_refused(from_hex("910c"), "number 12 is not known");
    check_refused(from_hex("91cfffffffffffffffff"), "number 18446744073709551615 is not known");
    check_refused(from_hex("9105"), "too few fields");
    check_refused(from_hex("92050500"), "bytes follow behind its end");
    check_refused(from_hex("9205ff"), "is not a number from 0 on");
    check_refused(std::string(kFrameBytesMax + 1, '\x90'), "too long");
}

TEST_CASE("a record with too few fields does not borrow from what follows it") {
    CHECK(decode(from_hex("940301909192a17490")));
    check_refused(from_hex("940301909191a17490"), "what is wanted has too few fields");
}

TEST_CASE("a flat list that ends within a group is refused") {
    const std::string origins = from_hex("91c428") + std::string(40, '\1');
    check_refused(from_hex("940301") + origins + from_hex("9192a1749193c400c09100"),
                  "a vector is not in pairs");
    check_refused(
        from_hex("96040000c2") + origins + from_hex("9197a174c400c09091a163009196c4016bc0c0c092000090"),
        "the cells are not in threes");
}

TEST_CASE("texts of the wrong type or size are refused") {
    check_refused(from_hex("9207c40161"), "the reason is not text");
    check_refused_when(Bye{}, "the reason is too long",
                       [](Bye& b) { b.reason.assign(kReasonBytesMax + 1, 'x'); });
    check_refused_when(Hello{}, "name is too long", [](Hello& h) { h.name.assign(kNameBytesMax + 1, 'x'); });
    check_refused_when(two_wanted(), "a resource has no name", [](Pull& p) { p.wanted[0].resource.clear(); });
    check_refused_when(two_wanted(), "name is too long",
                       [](Pull& p) { p.wanted[0].resource.assign(kNameBytesMax + 1, 'x'); });
    check_refused_when(all_forms(), "a column is too long",
                       [](Pages& p) { p.pages[0].columns[0].assign(kNameBytesMax + 1, 'x'); });
    CHECK(decode(encode(Bye{std::string(kReasonBytesMax, 'x')})));
    CHECK(decode(encode(Hello{std::string(kNameBytesMax, 'x'), {}, {}})));
}

TEST_CASE("a wall clock that no HLC has room for is refused") {
    for (const std::int64_t wall :
         {std::int64_t{1} << 47, -(std::int64_t{1} << 47), std::numeric_limits<std::int64_t>::max(),
          std::numeric_limits<std::int64_t>::min()}) {
        check_refused_when(Hello{}, "wall clock", [wall](Hello& h) { h.wall.value = wall; });
    }
    check_refused(from_hex("9401a000cfffffffffffffffff"), "the wall clock is not a number of 64 bits");
    CHECK(decode(encode(Hello{"", {}, {(std::int64_t{1} << 47) - 1}})));
}

TEST_CASE("origins that are named twice, malformed or not listed are refused") {
    check_refused_when(two_holdings(), "names an origin twice", [](Have& h) { h.origins[1] = h.origins[0]; });
    check_refused(from_hex("9402c291c42700"), "cut short");
    check_refused(from_hex("9402c291c401ff90"), "has not 40 bytes");
    check_refused_when(have_with_ceiling(), "names ceilings and is not complete", [](Have& h) {
        h.complete = false;
        h.members.clear();
    });
    check_refused_when(have_with_ceiling(), "index is not in its list",
                       [](Have& h) { h.ceilings[0].first = Origin{2}; });
    check_refused(from_hex("9502c3909091c40107"), "a device's id has not 32 bytes");
    check_refused_when(holding_with_cuts(), "cuts are not in order",
                       [](Have& h) { h.holdings[0].cuts[1] = h.holdings[0].cuts[0]; });
    check_refused_when(Waive{1, "notes", {"a", "b"}}, "ends before it begins",
                       [](Waive& w) { w.range.high = "a"; });
    check_refused_when(two_holdings(), "index is not in its list",
                       [](Have& h) { h.holdings[0].pieces[0].vector[1].first = Origin{2}; });
    check_refused_when(all_forms(), "index is not in its list",
                       [](Pages& p) { p.pages[0].entries[0].row->origin = Origin{2}; });
    check_refused_when(all_forms(), "index is not in its list",
                       [](Pages& p) { p.pages[0].entries[1].cells[0].stamp.origin = Origin{2}; });
    check_refused_when(all_forms(), "index is not in its list",
                       [](Pages& p) { p.pages[0].entries[4].era->origin = Origin{0xffffffff}; });
}

TEST_CASE("large values that have no place, or are not alone on their page, are refused") {
    const auto entry = [](Pages& p) -> Entry& { return p.pages[0].entries[0]; };
    check_refused_when(some_large(), "the large values are not in order",
                       [&](Pages& p) { std::swap(entry(p).large[0], entry(p).large[1]); });
    check_refused_when(some_large(), "is there, or has no place",
                       [&](Pages& p) { entry(p).large[0].place = 1; });
    check_refused_when(some_large(), "is there, or has no place",
                       [&](Pages& p) { entry(p).large[1].place = 4; });
    check_refused_when(some_large(), "is there, or has no place", [&](Pages& p) {
        entry(p).withheld = {0, 2};
    });
    check_refused_when(some_large(), "has the number 0", [&](Pages& p) { entry(p).large[0].number = 0; });
    check_refused_when(some_large(), "length is too large",
                       [&](Pages& p) { entry(p).large[0].bytes = kLargeValueBytesMax + 1; });
    check_refused_when(some_large(), "value is empty", [&](Pages& p) { entry(p).large[0].bytes = 0; });
    check_refused_when(some_large(), "hash is cut off", [&](Pages& p) { entry(p).large[0].hash.pop_back(); });
    check_refused_when(some_large(), "not alone on its page", [&](Pages& p) { p.pages[0].range.high = "b"; });
    check_refused_when(some_large(), "not alone on its page",
                       [&](Pages& p) { p.pages[0].entries.push_back(p.pages[0].entries[0]); });
    check_refused_when(Fetch{1, 0, 1}, "length", [](Fetch& f) { f.bytes = kPartBytesMax + 1; });
    check_refused_when(Fetch{1, 0, 1}, "offset", [](Fetch& f) { f.offset = kLargeValueBytesMax + 1; });
    check_refused_when(Part{1, 0, "x"}, "the part is too long",
                       [](Part& p) { p.bytes = std::string(kPartBytesMax + 1, 'x'); });
}

TEST_CASE("a vector that is not sorted, or names an origin twice, is refused") {
    const auto vector_of = [](Have& h) -> Vector& { return h.holdings[0].pieces[0].vector; };
    check_refused_when(two_holdings(), "vector's origins are not in order",
                       [&](Have& h) { std::swap(vector_of(h)[0], vector_of(h)[1]); });
    check_refused_when(two_holdings(), "vector's origins are not in order",
                       [&](Have& h) { vector_of(h)[1].first = Origin{0}; });
    check_refused_when(two_holdings(), "a vector is too long a list",
                       [&](Have& h) { vector_of(h).emplace_back(Origin{1}, Hlc{1}); });
    check_refused_when(two_holdings(), "an HLC is too large",
                       [&](Have& h) { vector_of(h)[0].second = Hlc{-1}; });
}

TEST_CASE("ranges that are empty, turned round, overlapping or with gaps are refused") {
    const auto piece_of = [](Have& h, std::size_t i) -> Piece& { return h.holdings[0].pieces[i]; };
    check_refused_when(two_holdings(), "ends before it begins", [&](Have& h) {
        piece_of(h, 1).range = {"k", "k"};
    });
    check_refused_when(two_holdings(), "ends before it begins", [&](Have& h) {
        piece_of(h, 1).range = {"k", "a"};
    });
    check_refused_when(two_holdings(), "not in key order, or overlap",
                       [&](Have& h) { piece_of(h, 1).range.low = "j"; });
    check_refused_when(two_holdings(), "has a gap", [&](Have& h) { piece_of(h, 1).range.low = "kk"; });
    check_refused_when(two_holdings(), "not in key order, or overlap",
                       [&](Have& h) { piece_of(h, 0).range.high.reset(); });
    check_refused_when(two_holdings(), "does not reach", [&](Have& h) { piece_of(h, 0).range.low = "a"; });
    check_refused_when(two_holdings(), "does not reach", [&](Have& h) { piece_of(h, 2).range.high = "z"; });
    check_refused_when(two_holdings(), "a holding is empty", [](Have& h) { h.holdings[0].pieces.clear(); });
    Have partial = two_holdings();
    partial.complete = false;
    partial.holdings[0].pieces.erase(partial.holdings[0].pieces.begin());
    partial.holdings[0].pieces.back().range = {"n", "z"};
    CHECK(decode(encode(partial)));
    check_refused_when(partial, "not in key order, or overlap",
                       [&](Have& h) { piece_of(h, 1).range.low = "l"; });
    check_refused_when(partial, "a holding is empty", [](Have& h) { h.holdings[0].pieces.clear(); });
    check_refused_when(two_wanted(), "not in key order, or overlap",
                       [](Pull& p) { std::swap(p.wanted[0].pieces[0], p.wanted[0].pieces[1]); });
    check_refused_when(two_wanted(), "range's end is too long", [](Pull& p) {
        p.wanted[0].pieces[0].range.high = std::string(kBoundBytesMax + 1, 'b');
    });
    check_refused_when(two_wanted(), "range's beginning is too long", [](Pull& p) {
        p.wanted[0].pieces[1].range.low = std::string(kBoundBytesMax + 1, 'd');
    });
}

TEST_CASE("a resource or a column that is named twice is refused") {
    check_refused_when(two_holdings(), "names a resource twice",
                       [](Have& h) { h.holdings[1].resource = h.holdings[0].resource; });
    check_refused_when(two_wanted(), "names a resource twice",
                       [](Pull& p) { p.wanted[1].resource = p.wanted[0].resource; });
    check_refused_when(all_forms(), "names a column twice",
                       [](Pages& p) { p.pages[0].columns[1] = p.pages[0].columns[0]; });
    check_refused_when(all_forms(), "names a column twice",
                       [](Pages& p) { p.pages[0].columns[1] = "TITLE"; });
}

TEST_CASE("a pull without a number is refused, as its answer would be a push") {
    check_refused_when(two_wanted(), "has the number 0", [](Pull& p) { p.number = 0; });
}

TEST_CASE("a comparison whose parts do not fit each other is refused") {
    const auto stretch_of = [](Compare& c, std::size_t i) -> Stretch& {
        return c.comparisons[0].stretches[i];
    };
    check_refused_when(some_compared(), "names a resource twice",
                       [](Compare& c) { c.comparisons[1].resource = "notes"; });
    check_refused_when(some_compared(), "a digest is cut off",
                       [](Compare& c) { c.comparisons[0].columns.pop_back(); });
    check_refused_when(some_compared(), "a digest is cut off",
                       [](Compare& c) { c.comparisons[1].forgotten.pop_back(); });
    check_refused_when(some_compared(), "not one sum for each span",
                       [&](Compare& c) { stretch_of(c, 1).digests.pop_back(); });
    check_refused_when(some_compared(), "not one sum for each span",
                       [&](Compare& c) { stretch_of(c, 0).digests.clear(); });
    check_refused_when(some_compared(), "bounds are not in order",
                       [&](Compare& c) { stretch_of(c, 1).bounds[1] = "b"; });
    check_refused_when(some_compared(), "bounds are not in order",
                       [&](Compare& c) { stretch_of(c, 1).bounds[0] = "a"; });
    check_refused_when(some_compared(), "a bound lies behind the range",
                       [&](Compare& c) { stretch_of(c, 1).bounds[1] = "d"; });
    check_refused_when(some_compared(), "listed with bounds, or a digest is cut off",
                       [&](Compare& c) { stretch_of(c, 2).bounds = {"dd"}; });
    check_refused_when(some_compared(), "listed with bounds, or a digest is cut off",
                       [&](Compare& c) { stretch_of(c, 2).digests.pop_back(); });
    check_refused_when(some_compared(), "a digest is cut off",
                       [&](Compare& c) { stretch_of(c, 2).unsettled.pop_back(); });
    check_refused_when(some_compared(), "a stretch's form",
                       [&](Compare& c) { stretch_of(c, 0).form = static_cast<Stretch::Form>(3); });
    check_refused_when(some_compared(), "the stretches is too long", [&](Compare& c) {
        for (std::size_t i = 0; i < kSpansMax; ++i) c.comparisons[1].stretches.push_back(stretch_of(c, 3));
    });
    check_refused_when(some_compared(), "more than a message may", [&](Compare& c) {
        Stretch& sums = stretch_of(c, 1);
        for (std::size_t i = 2; i < kSpansMax - 2; ++i) sums.bounds.push_back(sums.bounds.back() + '\0');
        sums.digests.assign(kLongDigestBytes * (sums.bounds.size() + 1), 'x');
    });
    check_refused_when(some_compared(), "the bounds is too long", [&](Compare& c) {
        for (std::size_t i = 0; i < kSpansMax; ++i) stretch_of(c, 1).bounds.push_back("c");
    });
}

TEST_CASE("keys that are empty, too long, out of order or out of the page's range are refused") {
    const auto entry_of = [](Pages& p, std::size_t i) -> Entry& { return p.pages[0].entries[i]; };
    check_refused_when(all_forms(), "a key is empty", [&](Pages& p) { entry_of(p, 0).key.clear(); });
    check_refused_when(all_forms(), "a key is too long",
                       [&](Pages& p) { entry_of(p, 4).key.assign(kKeyBytesMax + 1, 'd'); });
    check_refused_when(all_forms(), "keys are not in order", [&](Pages& p) { entry_of(p, 0).key = "bb"; });
    check_refused_when(all_forms(), "begin before its range", [&](Pages& p) { p.pages[0].range.low = "aa"; });
    check_refused_when(all_forms(), "keys behind its range",
                       [&](Pages& p) { p.pages[0].range.high = entry_of(p, 4).key; });
    check_refused_when(all_forms(), "a key has no values",
                       [&](Pages& p) { entry_of(p, 2).key_raw = Values{}; });
    Pages in_range = all_forms();
    in_range.pages[0].range = {"a", entry_of(in_range, 4).key + '\0'};
    CHECK(decode(encode(in_range)));
    entry_of(in_range, 4).key.assign(kKeyBytesMax, 'c');
    in_range.pages[0].range.high = "d";
    CHECK(decode(encode(in_range)));
}

TEST_CASE("an entry that is not exactly one of the three forms is refused") {
    const auto entry_of = [](Pages& p, std::size_t i) -> Entry& { return p.pages[0].entries[i]; };
    check_refused_when(all_forms(), "one value for each column",
                       [&](Pages& p) { entry_of(p, 0).values.pop_back(); });
    check_refused_when(all_forms(), "one value for each column",
                       [&](Pages& p) { entry_of(p, 1).values.emplace_back(); });
    check_refused_when(all_forms(), "one value for each cell",
                       [&](Pages& p) { entry_of(p, 3).values.pop_back(); });
    check_refused_when(all_forms(), "one value for each cell",
                       [&](Pages& p) { entry_of(p, 3).cells.pop_back(); });
    check_refused_when(all_forms(), "no row, no cells and no deletion",
                       [&](Pages& p) { entry_of(p, 4).era.reset(); });
    check_refused_when(all_forms(), "no row, no cells and no deletion",
                       [&](Pages& p) { entry_of(p, 4).values.emplace_back(); });
    check_refused_when(all_forms(), "no row, no cells and no deletion",
                       [&](Pages& p) { entry_of(p, 0).row.reset(); });
}

TEST_CASE("what is withheld is in order, and NULL stands in its place") {
    const auto cells_of = [](Pages& p) -> Entry& { return p.pages[0].entries[1]; };
    check_refused_when(some_withheld(), "not in order", [&](Pages& p) { cells_of(p).withheld = {1, 0}; });
    check_refused_when(some_withheld(), "not in order", [&](Pages& p) { cells_of(p).withheld = {1, 1}; });
    check_refused_when(some_withheld(), "has no place", [&](Pages& p) { cells_of(p).withheld = {2}; });
    check_refused_when(some_withheld(), "too long a list", [&](Pages& p) {
        cells_of(p).withheld = {0, 1, 2};
    });
    check_refused_when(some_withheld(), "is there", [&](Pages& p) { cells_of(p).values[0] = 1.0; });
}

TEST_CASE("what was dropped is in order, and of the page's columns") {
    check_refused_when(some_dropped(), "not in order", [](Pages& p) { p.pages[0].dropped = {1, 0}; });
    check_refused_when(some_dropped(), "not in order", [](Pages& p) { p.pages[0].dropped = {1, 1}; });
    check_refused_when(some_dropped(), "not one of the page's columns",
                       [](Pages& p) { p.pages[0].dropped = {2}; });
    check_refused_when(some_dropped(), "too long a list", [](Pages& p) { p.pages[0].dropped = {0, 1, 2}; });
}

TEST_CASE("a whole row has its own life, and a life is an insert's") {
    check_refused_when(all_forms(), "names another life",
                       [](Pages& p) { p.pages[0].entries[0].life.emplace(); });
    std::string bytes = encode(some_lives());
    const auto life = bytes.rfind(from_hex("9292"));
    bytes[life] = '\x91';
    check_refused(bytes, "a life has too few fields");
}

TEST_CASE("cells out of order, doubled or of no column are refused") {
    const auto cells_of = [](Pages& p) -> std::vector<Cell>& { return p.pages[0].entries[3].cells; };
    check_refused_when(all_forms(), "not in order of columns",
                       [&](Pages& p) { std::swap(cells_of(p)[0].column, cells_of(p)[1].column); });
    check_refused_when(all_forms(), "not in order of columns", [&](Pages& p) { cells_of(p)[1].column = 0; });
    check_refused_when(all_forms(), "not one of the page's", [&](Pages& p) { cells_of(p)[1].column = 2; });
    check_refused_when(all_forms(), "the cells is too long a list",
                       [&](Pages& p) { cells_of(p).push_back({}); });
}

TEST_CASE("a stamp that runs over the range of an HLC is refused") {
    Pages pages =
        pages_of(page_of({}, {whole_row("k", stamp(Hlc{std::numeric_limits<std::int64_t>::max()}, 0), {})}));
    std::string bytes = encode(pages);
    REQUIRE(decode(bytes));
    const auto delta = bytes.rfind(from_hex("920000"));
    bytes[delta + 1] = 1;
    check_refused(bytes, "a stamp's HLC is too large");
    pages.pages[0].entries[0].row->hlc.value = -1;
    check_refused(encode(pages), "a page's base is too large");
}

TEST_CASE("values that SQLite does not have are refused") {
    const std::string sound =
        encode(pages_of(page_of({"c"}, {whole_row("k", stamp(Hlc{1}, 0), {std::int64_t{5}})})));
    REQUIRE(decode(sound));
    const auto refuse = [&](const char* value, const char* sentence) {
        check_refused(sound.substr(0, sound.size() - 1) + from_hex(value), sentence);
    };
    refuse("c2", "no type that SQLite has");
    refuse("80", "no type that SQLite has");
    refuse("90", "no type that SQLite has");
    refuse("ca3f800000", "no type that SQLite has");
    refuse("d40000", "no type that SQLite has");
    refuse("cf8000000000000000", "an INTEGER has more than 64 bits");
    refuse("cb7ff8000000000000", "a REAL is not a number");
    refuse("cbfff0000000000001", "a REAL is not a number");
    refuse("c1", "not MessagePack");
}

TEST_CASE("numbers are read whatever their size on the wire") {
    for (const char* ping :
         {"920505", "9205cc05", "9205cd0005", "9205ce00000005", "9205cf0000000000000005", "9205d005",
          "9205d10005", "9205d200000005", "9205d30000000000000005", "dc00020505", "dd000000020505"}) {
        const auto decoded = decode(from_hex(ping));
        REQUIRE(decoded);
        CHECK(std::get<Ping>(*decoded).nonce == 5);
    }
}

TEST_CASE("lists up to their limits are taken, and not one item more") {
    Have have;
    for (std::uint64_t i = 0; i < kOriginsMax; ++i) have.origins.push_back(origin_id(1, i));
    check_refused_when(have, "list of origins is too long",
                       [](Have& h) { h.origins.push_back(origin_id(2, 0)); });

    Pull pull;
    pull.number = 1;
    for (std::size_t i = 0; i < kResourcesMax; ++i) pull.wanted.push_back({std::to_string(i), {}});
    check_refused_when(pull, "what is wanted is too long", [](Pull& p) { p.wanted.push_back({"x", {}}); });

    Have holdings;
    for (std::size_t i = 0; i < kResourcesMax; ++i) {
        holdings.holdings.push_back({std::to_string(i), false, 0, {{{"", {}}, {}}}});
    }
    check_refused_when(holdings, "the holdings is too long", [](Have& h) {
        h.holdings.push_back({"x", false, 0, {{{"", {}}, {}}}});
    });

    Pages raw_key = pages_of(page_of({}, {whole_row("k", stamp(Hlc{1}, 0), {})}));
    raw_key.pages[0].entries[0].key_raw = Values(kColumnsMax);
    check_refused_when(raw_key, "a key's values is too long",
                       [](Pages& p) { p.pages[0].entries[0].key_raw->emplace_back(); });

    pull.wanted.resize(1);
    for (std::size_t i = 0; i < kPiecesMax; ++i) {
        const std::string low = std::to_string(10000 + i);
        pull.wanted[0].pieces.push_back({{low, low + "x"}, {}});
    }
    check_refused_when(pull, "the pieces is too long", [](Pull& p) {
        p.wanted[0].pieces.push_back({{"2", {}}, {}});
    });

    std::vector<std::string> columns;
    for (std::size_t i = 0; i < kColumnsMax; ++i) columns.push_back(std::to_string(i));
    check_refused_when(pages_of(page_of(columns, {})), "the columns is too long",
                       [](Pages& p) { p.pages[0].columns.emplace_back("x"); });

    Pages pages = pages_of(page_of({}, {}));
    pages.pages.resize(kPagesMax, pages.pages[0]);
    check_refused_when(pages, "the pages is too long", [](Pages& p) { p.pages.push_back(p.pages[0]); });
}

TEST_CASE("a message that would take more memory than its bytes justify is refused") {
    // Each NULL is one byte on the wire and forty in memory.
    std::vector<std::string> columns;
    for (std::size_t i = 0; i < kColumnsMax; ++i) columns.push_back(std::to_string(i));
    const std::size_t rows = kListBytesMax / (kColumnsMax * sizeof(Value)) + 1;
    const Pages pages =
        pages_of(page_of(columns, {rows, whole_row("k", stamp(Hlc{1}, 0), Values(kColumnsMax))}));
    const std::string bytes = encode(pages);
    REQUIRE(bytes.size() < kFrameBytesMax);
    check_refused(bytes, "more than a message may");
}

}  // namespace
