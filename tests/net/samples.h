#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <strandline/message.h>

/// Messages of every kind and form; tests/golden/messages.txt has the bytes of each under the same name.
namespace strandline::tests {

using namespace message;

struct Sample {
    std::string name;
    Message message;
};

inline OriginId origin_id(std::uint8_t byte, std::uint64_t incarnation) {
    OriginId origin;
    origin.device.bytes.fill(byte);
    origin.incarnation = Incarnation{incarnation};
    return origin;
}

/// An HLC as one is in our days: milliseconds in late 2026 and a counter.
inline Hlc today(std::int64_t milliseconds, std::int64_t counter = 0) {
    return {(std::int64_t{1795000000000} + milliseconds) << 16 | counter};
}

inline Stamp stamp(Hlc hlc, std::uint32_t origin) {
    return {hlc, Origin{origin}};
}

inline std::vector<OriginId> two_origins() {
    return {origin_id(0x11, 1), origin_id(0x22, 0xfedcba9876543210)};
}

/// One value of each storage class, and the ends of each.
inline Values all_values() {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return {std::monostate{},
            std::int64_t{0},
            std::int64_t{-1},
            std::int64_t{127},
            std::int64_t{128},
            std::int64_t{-33},
            std::int64_t{70000},
            std::numeric_limits<std::int64_t>::max(),
            std::numeric_limits<std::int64_t>::min(),
            2.0,
            0.0,
            -0.0,
            -1.5,
            1e300,
            5e-324,
            std::numeric_limits<double>::max(),
            kInfinity,
            -kInfinity,
            std::string(),
            std::string("text"),
            std::string("text"),
            std::string("a\0b", 3),
            std::string("\xff\xfe\xc0 not UTF-8"),
            std::string(40, 'x'),
            Blob{""},
            Blob{"text"},
            Blob{std::string(300, '\0')}};
}

inline Entry whole_row(std::string key, Stamp row, Values values) {
    Entry entry;
    entry.key = std::move(key);
    entry.row = row;
    entry.values = std::move(values);
    return entry;
}

inline Page page_of(std::vector<std::string> columns, std::vector<Entry> entries) {
    Page page;
    page.resource = "notes";
    page.vector = {{Origin{0}, today(0)}, {Origin{1}, today(9000)}};
    page.columns = std::move(columns);
    page.entries = std::move(entries);
    return page;
}

inline Pages pages_of(Page page) {
    Pages pages;
    pages.origins = two_origins();
    pages.pages.push_back(std::move(page));
    return pages;
}

/// Every form of an entry on one page, stamps far apart.
inline Pages all_forms() {
    Entry whole = whole_row("a", stamp(today(5), 0), {std::string("1"), std::int64_t{2}});
    Entry with_cells = whole_row("b", stamp(today(5, 1), 0), {std::string("3"), std::monostate{}});
    with_cells.cells = {{1, stamp(today(3600000), 1)}};
    Entry again = whole_row("b", stamp(today(4), 1), {std::string("held back"), std::int64_t{0}});
    again.era = stamp(today(3), 0);
    again.key_raw = Values{std::string("B"), 1.0};
    Entry cells_only;
    cells_only.key = "c";
    cells_only.era = stamp(today(-1), 1);
    cells_only.cells = {{0, stamp(today(6), 0)}, {1, stamp(today(7), 1)}};
    cells_only.values = {std::string("4"), Blob{"5"}};
    Entry deleted;
    deleted.key = std::string("c\0\xff", 3);
    deleted.era = stamp(today(8), 1);
    return pages_of(page_of({"title", "body"}, {whole, with_cells, again, cells_only, deleted}));
}

/// Values too large to travel, of a whole row and of cells.
inline Pages some_withheld() {
    Entry whole = whole_row("a", stamp(today(5), 0), {std::monostate{}, std::int64_t{2}});
    whole.withheld = {0};
    Entry cells_only;
    cells_only.key = "b";
    cells_only.cells = {{0, stamp(today(6), 0)}, {1, stamp(today(7), 1)}};
    cells_only.values = {std::monostate{}, std::monostate{}};
    cells_only.withheld = {0, 1};
    return pages_of(page_of({"title", "body"}, {whole, cells_only}));
}

/// Values of a column that the sender has dropped, one of them beside one that is too large.
inline Pages some_dropped() {
    Entry whole = whole_row("a", stamp(today(5), 0), {std::monostate{}, std::monostate{}});
    whole.withheld = {0, 1};
    Entry cells_only;
    cells_only.key = "b";
    cells_only.cells = {{1, stamp(today(7), 1)}};
    cells_only.values = {std::monostate{}};
    cells_only.withheld = {0};
    Page page = page_of({"title", "body"}, {whole, cells_only});
    page.dropped = {1};
    return pages_of(page);
}

/// Values that travel in parts: of a whole row, beside one that is withheld, and of a cell of a device-owned table.
inline Pages some_large() {
    Entry whole =
        whole_row("a", stamp(today(5), 0), {std::monostate{}, std::int64_t{2}, std::monostate{}, {}});
    whole.withheld = {0};
    whole.large = {{2, 1, false, 1'048'577, "\x01\x02\x03\x04\x05\x06\x07\x08"},
                   {3, 4'294'967'295, true, 268'435'456, std::string(8, '\xff')}};
    Page row = page_of({"title", "rank", "photo", "body"}, {whole});
    row.range = {"a", std::string("a\0", 2)};
    Entry cells_only;
    cells_only.key = "b";
    cells_only.cells = {{1, stamp(today(7), 1)}};
    cells_only.values = {std::monostate{}};
    cells_only.life = Life{{}, stamp(today(6), 1)};
    cells_only.large = {{0, 3, true, 70'000, std::string(8, '\0')}};
    Page cells = page_of({"title", "body"}, {cells_only});
    cells.range = {"b", std::string("b\0", 2)};
    Pages pages = pages_of(row);
    pages.pages.push_back(cells);
    return pages;
}

/// From who has forgotten deletions: to who knew of them, and, all there is, to who did not.
inline Pages some_forgotten() {
    Page page = page_of({"title"}, {whole_row("a", stamp(today(5), 0), {std::int64_t{1}})});
    page.forgotten = {{Origin{0}, today(3)}, {Origin{1}, today(2)}};
    Page complete = page;
    complete.resource = "photos";
    complete.complete = true;
    complete.dropped = {};
    Pages pages = pages_of(page);
    pages.pages.push_back(complete);
    return pages;
}

/// Of a device-owned table: cells, and deletes of a first and of a later life, with the smallest stamp among their lives'.
inline Pages some_lives() {
    Entry cells_only;
    cells_only.key = "a";
    cells_only.cells = {{0, stamp(today(6), 0)}};
    cells_only.values = {std::monostate{}};
    cells_only.withheld = {0};
    cells_only.life = Life{{}, stamp(today(4), 0)};
    Entry deleted;
    deleted.key = "b";
    deleted.era = stamp(today(8), 1);
    deleted.life = Life{{}, stamp(today(7), 1)};
    Entry deleted_again = deleted;
    deleted_again.key = "c";
    deleted_again.life = Life{stamp(today(-3), 0), stamp(today(-2), 1)};
    return pages_of(page_of({"taken"}, {cells_only, deleted, deleted_again}));
}

inline Have two_holdings() {
    Have have;
    have.complete = true;
    have.origins = two_origins();
    Holding notes;
    notes.resource = "notes";
    notes.rows = 100000;
    notes.pieces = {{{"", "k"}, {{Origin{0}, today(1)}, {Origin{1}, today(2)}}},
                    {{"k", "m"}, {}},
                    {{"m", std::nullopt}, {{Origin{1}, Hlc{0}}}}};
    Holding photos;
    photos.resource = "photos; \"of\" Ünal";
    photos.device_owned = true;
    photos.pieces = {{{"", std::nullopt}, {}}};
    have.holdings = {notes, photos};
    return have;
}

/// A holding that says what its key is: two columns, one of which was renamed.
inline Have holding_with_key() {
    Have have = two_holdings();
    have.holdings.resize(1);
    have.holdings[0].key = {{"TEXT", "NOCASE", {"number", "id"}}, {"NUMERIC", "BINARY", {"part"}}};
    return have;
}

/// A device of a group of two.
inline Have holding_with_members() {
    Have have = holding_with_key();
    have.members = {origin_id(7, 0).device, origin_id(8, 0).device};
    return have;
}

/// A device that was ahead, and whose clock was put right.
inline Have have_with_ceiling() {
    Have have = holding_with_members();
    have.ceilings = {{Origin{0}, today(3)}};
    return have;
}

/// A device where changes of a table wait for their time.
inline Have holding_with_held() {
    Have have = holding_with_key();
    have.holdings[0].waits = true;
    have.holdings[0].forgotten = {{Origin{1}, today(2)}};
    return have;
}

/// A device that has dropped columns of a table.
inline Have holding_with_dropped() {
    Have have = holding_with_key();
    have.holdings[0].dropped = {"body", "Ünal"};
    return have;
}

inline Pull two_wanted() {
    Pull pull;
    pull.number = 4294967295;
    pull.origins = two_origins();
    pull.wanted = {{"notes", {{{"a", "b"}, {{Origin{0}, today(1)}}}, {{"c", std::nullopt}, {}}}},
                   {"photos", {}}};
    return pull;
}

inline Have holding_with_cuts() {
    Have have{false, two_origins(), {}};
    have.holdings.push_back({"notes", false, 100000, {{{"", std::nullopt}, {{Origin{0}, today(1)}}}}});
    have.holdings.back().cuts = {"g", std::string("m\0", 2), "t"};
    return have;
}

inline Pages push_of_two_pages() {
    Page part = page_of({"id"}, {});
    part.range = {"low", "lower"};
    part.vector = {};
    Page other = page_of({}, {});
    other.resource = "photos";
    Pages pages = pages_of(part);
    pages.basis = 3;
    pages.last = true;
    pages.pages.push_back(other);
    return pages;
}

/// One stretch of every form, and a resource of which nothing differs.
inline Compare some_compared() {
    using Form = Stretch::Form;
    const auto digests = [](std::size_t count) {
        std::string bytes;
        for (std::size_t i = 0; i < 8 * count; ++i) bytes += static_cast<char>(0xf0 + i);
        return bytes;
    };
    Compare compare;
    compare.number = 3;
    Comparison notes{"notes", digests(1), digests(2), {}};
    notes.stretches = {{Form::sums, {"", std::nullopt}, {}, digests(2)},
                       {Form::sums, {"a", "d"}, {"b", std::string("c\0", 2)}, digests(6)},
                       {Form::listed, {"d", "e"}, {}, digests(2), digests(1)},
                       {Form::listed, {"e", "f"}, {}, {}},
                       {Form::wanted, {"f", std::nullopt}, {}, {}}};
    compare.comparisons = {notes, {"photos", digests(1), digests(2), {}}};
    return compare;
}

inline std::vector<Sample> samples() {
    std::vector<std::string> many_columns;
    for (std::size_t i = 0; i < all_values().size(); ++i) many_columns.push_back("c" + std::to_string(i));
    Pages answer = pages_of(page_of(many_columns, {whole_row("key", stamp(today(0), 1), all_values())}));
    answer.pull = 7;
    const Hello hello{"Anna's phone", Incarnation{0xfedcba9876543210}, WallMs{1795000000123}};
    return {{"hello", hello},
            {"hello_without_a_name_before_1970", Hello{"", Incarnation{0}, WallMs{-5}}},
            {"hello_with_features", Hello{"", Incarnation{1}, WallMs{0}, 0x8000000000000003}},
            {"have_complete", two_holdings()},
            {"have_with_key", holding_with_key()},
            {"have_with_dropped", holding_with_dropped()},
            {"have_with_cuts", holding_with_cuts()},
            {"have_with_held_changes", holding_with_held()},
            {"have_with_members", holding_with_members()},
            {"have_with_ceiling", have_with_ceiling()},
            {"have_nothing", Have{}},
            {"pull", two_wanted()},
            {"pages_of_every_value", answer},
            {"pages_of_every_form", all_forms()},
            {"pages_with_withheld_values", some_withheld()},
            {"pages_with_dropped_values", some_dropped()},
            {"pages_with_large_values", some_large()},
            {"pages_with_forgotten_deletions", some_forgotten()},
            {"pages_of_a_device_owned_table", some_lives()},
            {"pages_pushed", push_of_two_pages()},
            {"pages_none", Pages{}},
            {"ping", Ping{0}},
            {"pong", Pong{0xffffffffffffffff}},
            {"bye", Bye{"the device is paused"}},
            {"waive", Waive{7, "notes", {"k", "z"}}},
            {"waive_to_the_end", Waive{4294967295, "notes", {"", std::nullopt}}},
            {"compare", some_compared()},
            {"compare_nothing", Compare{1, true, {}}},
            {"fetch", Fetch{3, 524'288, 524'288}},
            {"fetch_no_more", Fetch{4'294'967'295, 268'435'456, 0}},
            {"part", Part{3, 65'536, "some bytes"}},
            {"part_of_what_is_gone", Part{3, 0, std::nullopt}}};
}

}  // namespace strandline::tests
