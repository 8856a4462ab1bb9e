// The join of device-owned resources, over every small history of one key: three devices, two inserts of each that
// do not know of each other, their cells and deletes, and inserts by anybody after those deletes.
#include "engine/merge.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <tuple>

using namespace strandline;
using namespace strandline::engine;

namespace {

constexpr std::uint32_t kDevices = 3;
const std::vector<ColumnId> kColumns{ColumnId{0}, ColumnId{1}};

std::vector<OriginId> three_devices() {
    std::vector<OriginId> ids(4);
    // Small numbers and full ids order differently, and one device has two incarnations.
    for (std::size_t i = 0; i < kDevices; ++i) ids[i].device.bytes[0] = static_cast<std::uint8_t>(9 - i);
    ids[3] = ids[0];
    ids[3].incarnation = Incarnation{7};
    return ids;
}

const std::vector<OriginId> kIds = three_devices();
const Ceilings kNoCeilings;
const StampOrder kOrder(kIds, kNoCeilings);

Stamp at(std::int64_t hlc, std::uint32_t origin) {
    return {Hlc{hlc}, Origin{origin}};
}
Record row(const Life& life, std::vector<CellStamp> cells = {}) {
    return {life.era, life.row, std::move(cells)};
}
Record part(const Life& life, std::vector<CellStamp> cells) {
    return {life.era, {}, std::move(cells), life};
}
Record deleted(const Life& life, Stamp stamp) {
    return {stamp, {}, {}, life};
}
Merge owned(const Record& local, const Record& incoming) {
    return merge(local, incoming, kColumns, kOrder, Ownership::device_owned);
}
Record join(const Record& a, const Record& b) {
    return owned(a, b).record;
}

/// Whatever one life may come to, as records of it.
void add_life(const Life& life, std::int64_t hlc, std::vector<Record>& records) {
    const auto device = static_cast<std::uint32_t>(life.row.origin);
    records.push_back(row(life));
    records.push_back(row(life, {{ColumnId{0}, at(hlc, device)}}));
    records.push_back(row(life, {{ColumnId{0}, at(hlc + 1, device)}, {ColumnId{1}, at(hlc, device)}}));
    records.push_back(deleted(life, at(hlc + 2, device)));
    // The same device in another life of its database, which knew of less.
    if (device == 0) records.push_back(deleted(life, at(hlc + 3, 3)));
}

std::vector<Record> all_records() {
    std::vector<Record> records{{}};
    std::vector<std::optional<Stamp>> deletes;
    for (std::uint32_t device = 0; device < kDevices; ++device) {
        // Of two devices' inserts at one time the full id decides.
        for (const std::int64_t hlc : {1, 2}) add_life({{}, at(hlc, device)}, 3, records);
    }
    std::ranges::for_each(records, [&](const Record& record) {
        if (record.life) deletes.push_back(record.era);
    });
    for (const auto& era : deletes) {
        for (std::uint32_t device = 0; device < kDevices; ++device) {
            records.push_back(row({era, at(10, device)}));
            records.push_back(row({era, at(10, device)}, {{ColumnId{1}, at(11, device)}}));
            records.push_back(deleted({era, at(10, device)}, at(12, device)));
        }
    }
    return records;
}

/// The naive twin: a record is a set of things that happened, to join is to know of both, and only then is it asked
/// what is so.
struct Twin {
    using Full = std::pair<Hlc, OriginId>;
    using LifeId = std::pair<std::optional<Full>, Full>;  ///< era and insert
    static constexpr int kDelete = -1;
    std::set<std::tuple<LifeId, int, Full>> happened;  ///< in a life: a delete, or the writing of a column

    static Full full(const Stamp& stamp) { return {stamp.hlc, kIds[static_cast<std::size_t>(stamp.origin)]}; }
    void know(const Record& record) {
        const auto known = record.known_life();
        if (!known) return;
        const LifeId life{known->era ? std::optional(full(*known->era)) : std::nullopt, full(known->row)};
        if (record.is_alive()) {
            for (const ColumnId column : kColumns)
                happened.emplace(life, static_cast<int>(column), life.second);
        } else if (record.cells.empty()) {
            happened.emplace(life, kDelete, full(*record.era));
        }
        for (const CellStamp& cell : record.cells)
            happened.emplace(life, static_cast<int>(cell.column), full(cell.stamp));
    }
    /// What is so: the life, and of a dead one its delete, of a living one the stamp of each column.
    [[nodiscard]] std::pair<std::optional<LifeId>, std::map<int, Full>> judge() const {
        std::optional<LifeId> life;
        for (const auto& [other, what, stamp] : happened) {
            const bool is_later = !life || other.first > life->first ||
                                  (other.first == life->first && other.second < life->second);
            if (is_later) life = other;
        }
        std::map<int, Full> last;
        for (const auto& [other, what, stamp] : happened) {
            if (other == life) last[what] = std::max(last[what], stamp);
        }
        if (last.contains(kDelete)) last = {*last.begin()};
        return {life, last};
    }
    static auto of(std::initializer_list<const Record*> records) {
        Twin twin;
        for (const Record* record : records) twin.know(*record);
        return twin.judge();
    }
};

}  // namespace

TEST_CASE("in device-owned resources the join says what its naive twin says, in either order") {
    const std::vector<Record> records = all_records();
    for (const Record& a : records) {
        REQUIRE_FALSE(owned(a, a).changes(a));
        for (const Record& b : records) {
            const Merge merged = owned(a, b);
            REQUIRE(Twin::of({&merged.record}) == Twin::of({&a, &b}));
            REQUIRE(merged.record == join(b, a));
            REQUIRE_FALSE(owned(merged.record, b).changes(merged.record));
            REQUIRE_FALSE(owned(merged.record, a).changes(merged.record));
        }
    }
}

TEST_CASE("in device-owned resources the join is associative") {
    const std::vector<Record> records = all_records();
    std::vector<std::vector<Record>> joined(records.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
        for (const Record& b : records) joined[i].push_back(join(records[i], b));
    }
    int different = 0;
    for (std::size_t a = 0; a < records.size(); ++a) {
        for (std::size_t b = 0; b < records.size(); ++b) {
            for (std::size_t c = 0; c < records.size(); ++c)
                different += join(joined[a][b], records[c]) == join(records[a], joined[b][c]) ? 0 : 1;
        }
    }
    CHECK(different == 0);
}

TEST_CASE("in device-owned resources the row follows its record") {
    for (const Record& a : all_records()) {
        for (const Record& b : all_records()) {
            const Merge merged = owned(a, b);
            const bool lived = a.is_alive();
            const bool lives = merged.record.is_alive();
            bool takes_any = false;
            for (std::size_t i = 0; i < kColumns.size(); ++i) {
                takes_any = takes_any || merged.takes[i];
                if (lives)
                    REQUIRE(effective(merged.takes[i] ? b : a, kColumns[i]) ==
                            effective(merged.record, kColumns[i]));
            }
            REQUIRE(merged.action == (lived && !lives      ? RowAction::remove
                                      : !lived && lives    ? RowAction::insert
                                      : lives && takes_any ? RowAction::update
                                                           : RowAction::none));
        }
    }
}

TEST_CASE("cells alone do what their whole row would do, at who has heard of that row") {
    for (const Record& whole : all_records()) {
        if (whole.cells.empty()) continue;
        const Record base = row(*whole.known_life());
        const Record cells = part(*whole.known_life(), whole.cells);
        for (const Record& record : all_records()) {
            const Record holder = join(record, base);
            const Merge merged = merge(holder, cells, kColumns, kOrder, Ownership::device_owned);
            REQUIRE(merged.refusal != Refusal::row_missing);
            REQUIRE(merged.record == join(holder, whole));
        }
    }
}

TEST_CASE("cells of a life that is still to come wait for it, whatever is known of earlier ones") {
    const Life first{{}, at(1, 0)};
    const Life second{at(5, 0), at(6, 1)};
    const Record cells = part(second, {{ColumnId{0}, at(7, 1)}});
    for (const Record& record : {Record{}, row(first), deleted(first, at(5, 0))})
        CHECK(owned(record, cells).refusal == Refusal::row_missing);
    CHECK(owned(row(second), cells).refusal == Refusal::no);
}

TEST_CASE("what one life says is said by one device, in any of its incarnations") {
    const Life life{{}, at(5, 0)};
    const Record mine = row(life);
    const Merge edited = owned(mine, row(life, {{ColumnId{1}, at(9, 3)}}));
    CHECK(edited.refusal == Refusal::no);
    CHECK(edited.takes == std::vector<bool>{false, true});
    CHECK(owned(mine, deleted(life, at(9, 3))).action == RowAction::remove);
    CHECK(owned(mine, part(life, {{ColumnId{1}, at(9, 3)}})).action == RowAction::update);
    for (const Record& stolen : {row(life, {{ColumnId{1}, at(9, 1)}}), part(life, {{ColumnId{1}, at(9, 1)}}),
                                 deleted(life, at(9, 1))}) {
        CHECK(owned(mine, stolen).refusal == Refusal::not_owner);
        CHECK(owned(mine, stolen).record == mine);
        CHECK(owned({}, stolen).refusal == Refusal::not_owner);
    }
}

TEST_CASE("what does not say of which life it is, is refused: anybody might have deleted anything") {
    const Record mine = row({{}, at(5, 0)});
    CHECK(owned(mine, {at(9, 0), {}, {}}).refusal == Refusal::not_owner);
    CHECK(owned(mine, {{}, {}, {{ColumnId{0}, at(9, 0)}}}).refusal == Refusal::not_owner);
    CHECK(owned(mine, row({{}, at(6, 1)})).refusal == Refusal::not_owner);
}

TEST_CASE("the first insert owns the key, in either order, and deletes for itself alone") {
    const Life first{{}, at(5, 0)};
    const Life second{{}, at(6, 1)};
    CHECK(owned(row(first), row(second)).refusal == Refusal::not_owner);
    CHECK(owned(row(second), row(first)).action == RowAction::update);
    // The second's device deletes its row: the first stays. Today's loser may be known to nobody else.
    CHECK(owned(row(first), deleted(second, at(9, 1))).record == row(first));
    CHECK(owned(row(first), deleted(second, at(9, 1))).refusal == Refusal::no);
    CHECK(owned(deleted(second, at(9, 1)), row(first)).action == RowAction::insert);
    // The first's device deletes: the second does not come back.
    CHECK(owned(row(second), deleted(first, at(9, 0))).action == RowAction::remove);
    CHECK(owned(deleted(first, at(9, 0)), row(second)).refusal == Refusal::not_owner);
}

TEST_CASE("a row gives way when another device's life ends it, and not when its own device has") {
    const Life first{{}, at(5, 0)};
    const Life second{{}, at(6, 1)};
    const Life third{at(9, 0), at(12, 2)};
    CHECK(gives_way(row(second), row(first), kOrder));
    CHECK(gives_way(row(second), deleted(first, at(9, 0)), kOrder));
    CHECK(gives_way(row(second), row(third), kOrder));
    CHECK_FALSE(gives_way(row(first), row(first, {{ColumnId{0}, at(7, 0)}}), kOrder));
    CHECK_FALSE(gives_way(row(first), deleted(first, at(9, 0)), kOrder));
    CHECK_FALSE(gives_way(row(first), row(third), kOrder));
    CHECK_FALSE(gives_way(deleted(second, at(9, 1)), row(first), kOrder));
    CHECK(owned(row(third), row(first)).refusal == Refusal::no);
    CHECK(owned(row(third), row(second)).refusal == Refusal::not_owner);
}
