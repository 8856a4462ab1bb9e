#include <algorithm>
#include <limits>
#include <utility>

#include "net/codec.h"
#include "net/demands.h"
#include "net/fields.h"
#include "net/limits.h"
#include "net/packing.h"

namespace strandline::net {
namespace {

using namespace message;

constexpr std::int64_t kWallMsMax = (std::int64_t{1} << 47) - 1;  // What an HLC has room for.

template <typename T>
std::string_view resource_of(const T& item) {
    return item.resource;
}

/// As SQLite compares names: ASCII letters alone lose their case.
std::string lower_case(std::string name) {
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return name;
}

/// Reads each part of a message; encode.cpp writes them in the same order, under the same names.
class Decoder : private Fields {
public:
    explicit Decoder(std::string_view bytes) : Fields(bytes) {}

    Message message() {
        const std::size_t count = cursor.array("it", kFrameBytesMax);
        demand(count > 0, "it is an empty list");
        fields_left_ = count - 1;
        Message message = body(cursor.number("its number", std::numeric_limits<std::uint64_t>::max()));
        for (; fields_left_ > 0; --fields_left_) cursor.skip();
        demand(cursor.at_end(), "bytes follow behind its end");
        return message;
    }

private:
    Message body(std::uint64_t kind) {
        switch (kind) {
            case static_cast<std::uint64_t>(Kind::hello):
                return hello();
            case static_cast<std::uint64_t>(Kind::have):
                return have();
            case static_cast<std::uint64_t>(Kind::pull):
                return pull();
            case static_cast<std::uint64_t>(Kind::pages):
                return pages();
            case static_cast<std::uint64_t>(Kind::ping):
                expect_fields(1);
                return Ping{nonce()};
            case static_cast<std::uint64_t>(Kind::pong):
                expect_fields(1);
                return Pong{nonce()};
            case static_cast<std::uint64_t>(Kind::bye):
                expect_fields(1);
                return Bye{std::string(cursor.text("the reason", kReasonBytesMax))};
            case static_cast<std::uint64_t>(Kind::waive):
                return waive();
            case static_cast<std::uint64_t>(Kind::compare):
                return compare();
            case static_cast<std::uint64_t>(Kind::fetch):
                return fetch();
            case static_cast<std::uint64_t>(Kind::part):
                return part();
            default:
                throw Malformed("a message of number " + std::to_string(kind) + " is not known here");
        }
    }

    Hello hello() {
        expect_fields(3);
        Hello hello;
        hello.name = cursor.text("the device's name", kNameBytesMax);
        hello.incarnation =
            Incarnation{cursor.number("the incarnation", std::numeric_limits<std::uint64_t>::max())};
        hello.wall.value = cursor.signed_number("the wall clock");
        demand(-kWallMsMax <= hello.wall.value && hello.wall.value <= kWallMsMax,
               "its wall clock is out of range");
        if (fields_left_ == 0) return hello;
        --fields_left_;
        hello.features = cursor.number("the features", std::numeric_limits<std::uint64_t>::max());
        return hello;
    }

    Have have() {
        expect_fields(3);
        Have have;
        have.complete = cursor.boolean("`complete`");
        have.origins = origins();
        have.holdings = list<Holding>("the holdings", kResourcesMax, [this] { return holding(); });
        demand_no_doubles(have.holdings, resource_of<Holding>, "it names a resource twice");
        if (have.complete) std::ranges::for_each(have.holdings, demand_whole);
        if (fields_left_ == 0) return have;
        --fields_left_;
        have.members = list<DeviceId>("the members", kMembersMax, [this] { return device_id(); });
        if (fields_left_ == 0) return have;
        --fields_left_;
        have.ceilings = vector();
        demand(have.complete || have.ceilings.empty(), "it names ceilings and is not complete");
        return have;
    }

    Pull pull() {
        expect_fields(3);
        Pull pull;
        pull.number = number32("the pull's number");
        demand(pull.number != 0, "a pull has the number 0, which means a push");
        pull.origins = origins();
        pull.wanted = list<Wanted>("what is wanted", kResourcesMax, [this] { return wanted(); });
        demand_no_doubles(pull.wanted, resource_of<Wanted>, "it names a resource twice");
        return pull;
    }

    Waive waive() {
        expect_fields(4);
        Waive waive;
        waive.pull = number32("the pull's number");
        waive.resource = resource();
        waive.range = range();
        return waive;
    }

    Fetch fetch() {
        expect_fields(3);
        Fetch fetch;
        fetch.number = number32("the value's number");
        fetch.offset = cursor.number("the offset", kLargeValueBytesMax);
        fetch.bytes = static_cast<std::uint32_t>(cursor.number("the part's length", kPartBytesMax));
        return fetch;
    }

    Part part() {
        expect_fields(3);
        Part part;
        part.number = number32("the value's number");
        part.offset = cursor.number("the offset", kLargeValueBytesMax);
        if (!cursor.take_nil()) part.bytes = cursor.binary("the part", kPartBytesMax);
        return part;
    }

    Pages pages() {
        expect_fields(5);
        Pages pages;
        pages.pull = number32("the pull's number");
        pages.basis = number32("the basis");
        pages.last = cursor.boolean("`last`");
        pages.origins = origins();
        pages.pages = cursor.is_at_binary() ? packed_pages() : page_list();
        return pages;
    }

    std::vector<Page> page_list() {
        return list<Page>("the pages", kPagesMax, [this] { return page(); });
    }

    std::vector<Page> packed_pages() {
        const std::string bytes = unpack(cursor.binary("what is packed", kFrameBytesMax));
        const Cursor message = std::exchange(cursor, Cursor(bytes));
        std::vector<Page> pages = page_list();
        demand(cursor.at_end(), "bytes follow behind the packed pages");
        cursor = message;
        return pages;
    }

    Compare compare() {
        expect_fields(3);
        Compare compare;
        compare.number = number32("the comparison's number");
        compare.asks = cursor.boolean("`asks`");
        spans_left_ = kSpansMax;
        compare.comparisons =
            list<Comparison>("the comparisons", kResourcesMax, [this] { return comparison(); });
        demand_no_doubles(compare.comparisons, resource_of<Comparison>, "it names a resource twice");
        return compare;
    }

    Comparison comparison() {
        return record<Comparison>("a comparison", 4, [this](Comparison& comparison) {
            comparison.resource = resource();
            comparison.columns = cursor.binary("the columns' digest", kShortDigestBytes);
            comparison.forgotten = cursor.binary("the digest of what is forgotten", kLongDigestBytes);
            demand(comparison.columns.size() == kShortDigestBytes &&
                       comparison.forgotten.size() == kLongDigestBytes,
                   "a digest is cut off");
            comparison.stretches = list<Stretch>("the stretches", spans_left_, [this] { return stretch(); });
        });
    }

    Stretch stretch() {
        const auto read = [this](Stretch& stretch) {
            stretch.form = static_cast<Stretch::Form>(cursor.number("a stretch's form", 2));
            stretch.range = range();
            demand(spans_left_ > 0, "it compares more than a message may");
            --spans_left_;
            stretch.bounds = list<std::string>("the bounds", spans_left_, [this] {
                return std::string(cursor.binary("a bound", kBoundBytesMax));
            });
            spans_left_ -= stretch.bounds.size();
            stretch.digests = cursor.binary("the digests", kDigestsBytesMax);
            demand_spans(stretch);
        };
        return record<Stretch>("a stretch", 5, read, [this](Stretch& stretch) {
            stretch.unsettled = cursor.binary("what cannot be compared", kDigestsBytesMax);
            demand(stretch.unsettled.size() % kShortDigestBytes == 0, "a digest is cut off");
        });
    }

    std::uint64_t nonce() { return cursor.number("the nonce", std::numeric_limits<std::uint64_t>::max()); }

    Holding holding() {
        const auto read = [this](Holding& holding) {
            holding.resource = resource();
            holding.device_owned = cursor.boolean("`device_owned`");
            holding.rows = cursor.number("the number of rows", kHlcMax);
            holding.pieces = pieces();
            demand(!holding.pieces.empty(), "a holding is empty");
        };
        return record<Holding>(
            "a holding", 4, read,
            [this](Holding& holding) {
                holding.key =
                    list<KeyColumn>("the key's columns", kColumnsMax, [this] { return key_column(); });
            },
            [this](Holding& holding) { holding.dropped = columns("what was dropped"); },
            [this](Holding& holding) { holding.cuts = cuts(); },
            [this](Holding& holding) { holding.waits = cursor.boolean("`waits`"); },
            [this](Holding& holding) { holding.forgotten = vector(); });
    }

    std::vector<std::string> cuts() {
        auto cuts = list<std::string>("where it can be cut", kPiecesMax,
                                      [this] { return std::string(cursor.binary("a cut", kBoundBytesMax)); });
        for (std::size_t i = 1; i < cuts.size(); ++i) demand(cuts[i - 1] < cuts[i], "cuts are not in order");
        return cuts;
    }

    KeyColumn key_column() {
        return record<KeyColumn>("a key's column", 3, [this](KeyColumn& column) {
            column.type = cursor.text("a key's type", kNameBytesMax);
            column.collation = cursor.text("a key's collation", kNameBytesMax);
            column.names = list<std::string>("a key's names", kColumnsMax, [this] {
                return std::string(cursor.text("a key's name", kNameBytesMax));
            });
        });
    }

    Wanted wanted() {
        return record<Wanted>("what is wanted", 2, [this](Wanted& wanted) {
            wanted.resource = resource();
            wanted.pieces = pieces();
        });
    }

    std::vector<Piece> pieces() {
        auto pieces = list<Piece>("the pieces", kPiecesMax, [this] { return piece(); });
        for (std::size_t i = 1; i < pieces.size(); ++i) {
            const auto& high = pieces[i - 1].range.high;
            demand(high && *high <= pieces[i].range.low, "the pieces are not in key order, or overlap");
        }
        return pieces;
    }

    Piece piece() {
        return record<Piece>("a piece", 3, [this](Piece& piece) {
            piece.range = range();
            piece.vector = vector();
        });
    }

    Page page() {
        const auto read = [this](Page& page) {
            page.resource = resource();
            page.range = range();
            page.vector = vector();
            page.columns = columns("the columns");
            demand_no_doubles(page.columns, lower_case, "a page names a column twice");
            base_ = cursor.number("a page's base", kHlcMax);
            columns_count_ = page.columns.size();
            page.entries = list<Entry>("the entries", kEntriesPerPageMax, [this] { return entry(); });
            demand_keys_fit(page);
        };
        return record<Page>(
            "a page", 7, read, [this](Page& page) { page.dropped = dropped(page); },
            [this](Page& page) { page.forgotten = vector(); },
            [this](Page& page) {
                page.complete = cursor.boolean("`complete`");
                demand(!page.complete ||
                           std::ranges::all_of(page.entries,
                                               [](const Entry& entry) { return entry.large.empty(); }),
                       "a complete page has large values");
                demand(!page.complete || !page.forgotten.empty(),
                       "a complete page of one who forgot nothing");
            });
    }

    std::vector<std::string> columns(const char* what) {
        return list<std::string>(what, kColumnsMax,
                                 [this] { return std::string(cursor.text("a column", kNameBytesMax)); });
    }

    std::vector<std::uint32_t> dropped(const Page& page) {
        auto dropped = list<std::uint32_t>("what was dropped", page.columns.size(),
                                           [this] { return number32("an index of what was dropped"); });
        for (std::size_t i = 0; i < dropped.size(); ++i) {
            demand(i == 0 || dropped[i - 1] < dropped[i], "what was dropped is not in order");
            demand(dropped[i] < page.columns.size(), "what was dropped is not one of the page's columns");
        }
        return dropped;
    }

    Entry entry() {
        const auto read = [this](Entry& entry) {
            entry.key = cursor.binary("a key", kKeyBytesMax);
            demand(!entry.key.empty(), "a key is empty");
            if (!cursor.take_nil()) entry.key_raw = values("a key's values", 1);
            if (!cursor.take_nil()) entry.era = stamp();
            if (!cursor.take_nil()) entry.row = stamp();
            entry.cells = cells();
            entry.values = values("the values", 0);
            demand_form(entry);
        };
        return record<Entry>(
            "an entry", 6, read, [this](Entry& entry) { entry.withheld = withheld(entry); },
            [this](Entry& entry) {
                if (!cursor.take_nil()) entry.life = life(entry);
            },
            [this](Entry& entry) { entry.large = large(entry); });
    }

    std::vector<LargeValue> large(const Entry& entry) {
        auto large =
            list<LargeValue>("the large values", entry.values.size(), [this] { return large_value(); });
        demand_places(large, entry);
        return large;
    }

    LargeValue large_value() {
        return record<LargeValue>("a large value", 5, [this](LargeValue& large) {
            large.place = number32("a large value's place");
            large.number = number32("a large value's number");
            demand(large.number != 0, "a large value has the number 0");
            large.is_text = cursor.boolean("`is_text`");
            large.bytes = cursor.number("a large value's length", kLargeValueBytesMax);
            demand(large.bytes > 0, "a large value is empty");
            large.hash = cursor.binary("a large value's hash", kLargeHashBytes);
            demand(large.hash.size() == kLargeHashBytes, "a large value's hash is cut off");
        });
    }

    Life life(const Entry& entry) {
        demand(!entry.row, "a whole row names another life than its own");
        return record<Life>("a life", 2, [this](Life& life) {
            if (!cursor.take_nil()) life.era = stamp();
            life.row = stamp();
        });
    }

    std::vector<std::uint32_t> withheld(const Entry& entry) {
        auto withheld = list<std::uint32_t>("what is withheld", entry.values.size(),
                                            [this] { return number32("an index of what is withheld"); });
        for (std::size_t i = 0; i < withheld.size(); ++i) {
            demand(i == 0 || withheld[i - 1] < withheld[i], "what is withheld is not in order");
            demand(withheld[i] < entry.values.size() && entry.values[withheld[i]] == Value{},
                   "what is withheld is there, or has no place");
        }
        return withheld;
    }

    /// The three forms of <strandline/message.h>.
    void demand_form(const Entry& entry) const {
        if (entry.row) {
            demand(entry.values.size() == columns_count_, "a whole row has not one value for each column");
        } else if (!entry.cells.empty()) {
            demand(entry.values.size() == entry.cells.size(), "an entry has not one value for each cell");
        } else {
            demand(entry.era && entry.values.empty(), "an entry is no row, no cells and no deletion");
        }
    }

    Stamp stamp() {
        return record<Stamp>("a stamp", 2, [this](Stamp& stamp) { stamp = hlc_and_origin(); });
    }

    Stamp hlc_and_origin() {
        Stamp stamp;
        stamp.hlc.value = static_cast<std::int64_t>(base_ + cursor.number("a stamp's HLC", kHlcMax - base_));
        stamp.origin = origin();
        return stamp;
    }

    std::vector<Cell> cells() {
        const std::size_t count = cursor.array("the cells", 3 * columns_count_);
        demand(count % 3 == 0, "the cells are not in threes");
        std::vector<Cell> cells = reserved<Cell>(count / 3);
        while (cells.size() < count / 3) {
            Cell cell;
            cell.column = number32("a cell's column");
            demand(cell.column < columns_count_, "a cell's column is not one of the page's");
            demand(cells.empty() || cells.back().column < cell.column,
                   "the cells are not in order of columns");
            cell.stamp = hlc_and_origin();
            cells.push_back(cell);
        }
        return cells;
    }

    void expect_fields(std::size_t count) {
        demand(fields_left_ >= count, "it has too few fields");
        fields_left_ -= count;
    }

    std::size_t fields_left_ = 0;
    std::size_t spans_left_ = 0;
    std::size_t columns_count_ = 0;
    std::uint64_t base_ = 0;
};

}  // namespace

Result<Message> decode(std::string_view bytes) {
    try {
        demand(bytes.size() <= kFrameBytesMax, "it is too long");
        return Decoder(bytes).message();
    } catch (const Malformed& malformed) {
        return failure(Category::protocol, std::string("the peer sent a message that cannot be read: ") +
                                               malformed.what() +
                                               "; it may run another version of Strandline");
    }
}

}  // namespace strandline::net
