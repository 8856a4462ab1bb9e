#include "engine/merge.h"

#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <random>

using namespace strandline;
using namespace strandline::engine;

namespace {

constexpr std::uint32_t kColumns = 4;

std::vector<OriginId> three_devices() {
    std::vector<OriginId> ids(4);
    // Small numbers and full ids order differently, and one device has two incarnations.
    for (std::size_t i = 0; i < 3; ++i) ids[i].device.bytes[0] = static_cast<std::uint8_t>(9 - i);
    ids[3] = ids[0];
    ids[3].incarnation = Incarnation{7};
    return ids;
}

const std::vector<OriginId> kIds = three_devices();
const Ceilings kNoCeilings;
const StampOrder kOrder(kIds, kNoCeilings);

std::vector<ColumnId> all_columns() {
    std::vector<ColumnId> columns;
    for (std::uint32_t i = 0; i < kColumns; ++i) columns.push_back(ColumnId{i});
    return columns;
}

/// The naive twin: DESIGN 3 word by word, without any economy. Stamps are (hlc, full id).
struct Twin {
    using Full = std::pair<Hlc, OriginId>;
    std::optional<Full> era;
    bool is_alive = false;
    std::optional<Full> row;
    std::map<std::uint32_t, Full> columns;  ///< every column of a living row
    friend bool operator==(const Twin&, const Twin&) = default;

    static std::optional<Full> full(const std::optional<Stamp>& stamp) {
        if (!stamp) return std::nullopt;
        return Full{stamp->hlc, kIds[static_cast<std::size_t>(stamp->origin)]};
    }
    static Twin of(const Record& record) {
        Twin twin{full(record.era), record.is_alive(), full(record.row), {}};
        for (std::uint32_t i = 0; record.row && i < kColumns; ++i) twin.columns[i] = *twin.row;
        for (const CellStamp& cell : record.cells)
            twin.columns[static_cast<std::uint32_t>(cell.column)] = *full(cell.stamp);
        return twin;
    }
    static Twin joined(const Twin& a, const Twin& b) {
        if (a.era != b.era) return a.era > b.era ? a : b;
        if (a.is_alive != b.is_alive) return a.is_alive ? a : b;
        Twin out = a;
        if (b.row > out.row) out.row = b.row;
        for (const auto& [column, stamp] : b.columns)
            out.columns[column] = std::max(out.columns[column], stamp);
        return out;
    }
};

class Records {
public:
    explicit Records(std::uint32_t seed) : random_(seed) {}
    /// Few distinct stamps, so that equal ones and near ones meet often.
    Stamp stamp() {
        return {Hlc{1 + static_cast<std::int64_t>(draw(12))}, Origin{static_cast<std::uint32_t>(draw(4))}};
    }
    Record record() {
        Record record;
        const auto kind = draw(8);
        if (kind == 0) return record;
        if (kind < 5)
            record.era = Stamp{Hlc{1 + static_cast<std::int64_t>(draw(3))},
                               Origin{static_cast<std::uint32_t>(draw(4))}};
        if (kind == 1) return record;
        record.row = stamp();
        for (std::uint32_t i = 0; i < kColumns; ++i) {
            const Stamp cell = stamp();
            if (draw(2) == 0 && kOrder.less(*record.row, cell)) record.cells.push_back({ColumnId{i}, cell});
        }
        return record;
    }
    std::size_t draw(std::size_t below) { return random_() % below; }

private:
    std::mt19937 random_;
};

Merge shared(const Record& local, const Record& incoming) {
    return merge(local, incoming, all_columns(), kOrder, Ownership::shared);
}

Stamp at(std::int64_t hlc, std::uint32_t origin) {
    return {Hlc{hlc}, Origin{origin}};
}
Record row(Stamp stamp, std::vector<CellStamp> cells = {}, std::optional<Stamp> era = {}) {
    return {era, stamp, std::move(cells)};
}
Record deleted(Stamp era) {
    return {era, {}, {}};
}

}  // namespace

TEST_CASE("the join says what its naive twin says") {
    Records records(1);
    for (int i = 0; i < 50'000; ++i) {
        const Record a = records.record();
        const Record b = records.record();
        const Merge merged = shared(a, b);
        REQUIRE(Twin::of(merged.record) == Twin::joined(Twin::of(a), Twin::of(b)));
        REQUIRE(merged.refusal == Refusal::no);
        for (const CellStamp& cell : merged.record.cells)
            REQUIRE(kOrder.less(*merged.record.row, cell.stamp));
    }
}

TEST_CASE("the join is commutative, associative and idempotent") {
    Records records(2);
    for (int i = 0; i < 50'000; ++i) {
        const Record a = records.record();
        const Record b = records.record();
        const Record c = records.record();
        REQUIRE(shared(a, a).record == a);
        REQUIRE_FALSE(shared(a, a).changes(a));
        REQUIRE(shared(a, b).record == shared(b, a).record);
        REQUIRE(shared(shared(a, b).record, c).record == shared(a, shared(b, c).record).record);
        REQUIRE(shared(shared(a, b).record, b).action == RowAction::none);
    }
}

TEST_CASE("the row follows its record: each column has the value of its stamp") {
    Records records(3);
    for (int i = 0; i < 50'000; ++i) {
        const Record a = records.record();
        const Record b = records.record();
        const Merge merged = shared(a, b);
        REQUIRE(merged.takes.size() == kColumns);
        bool takes_any = false;
        for (std::uint32_t c = 0; c < kColumns; ++c) {
            const ColumnId column{c};
            takes_any = takes_any || merged.takes[c];
            if (!merged.record.is_alive()) continue;
            REQUIRE(effective(merged.takes[c] ? b : a, column) == effective(merged.record, column));
        }
        const bool lived = a.is_alive();
        const bool lives = merged.record.is_alive();
        const RowAction wanted = lived && !lives                                      ? RowAction::remove
                                 : !lived && lives                                    ? RowAction::insert
                                 : lives && (takes_any || merged.record.row != a.row) ? RowAction::update
                                                                                      : RowAction::none;
        REQUIRE(merged.action == wanted);
    }
}

TEST_CASE("cells alone do what their whole row would do, at who holds the rest of it") {
    Records records(4);
    int tried = 0;
    while (tried < 20'000) {
        const Record whole = records.record();
        if (whole.cells.empty()) continue;
        ++tried;
        Record base = whole;
        Record part;
        part.era = whole.era;
        base.cells.clear();
        for (const CellStamp& cell : whole.cells) (records.draw(2) == 0 ? base : part).cells.push_back(cell);
        if (part.cells.empty()) continue;
        const Record holder = shared(records.record(), base).record;
        std::vector<ColumnId> columns;
        for (const CellStamp& cell : part.cells) columns.push_back(cell.column);
        const Merge merged = merge(holder, part, columns, kOrder, Ownership::shared);
        REQUIRE(merged.refusal == Refusal::no);
        REQUIRE(merged.record == shared(holder, whole).record);
        for (std::size_t i = 0; i < columns.size(); ++i) {
            if (!merged.record.is_alive()) continue;
            REQUIRE(effective(merged.takes[i] ? part : holder, columns[i]) ==
                    effective(merged.record, columns[i]));
        }
    }
}

TEST_CASE("cells of a row that was never here are refused, and change nothing") {
    const Record part{{}, {}, {{ColumnId{1}, at(5, 1)}}};
    const Merge merged = merge({}, part, {ColumnId{1}}, kOrder, Ownership::shared);
    CHECK(merged.refusal == Refusal::row_missing);
    CHECK(merged.record.is_none());
    CHECK(merged.action == RowAction::none);
    CHECK(merge(deleted(at(9, 2)), part, {ColumnId{1}}, kOrder, Ownership::shared).refusal == Refusal::no);
}

TEST_CASE("stamps of one time order by the origin's full id, not by its small number") {
    // Origin 2 has the smallest device id here, origin 0 the largest.
    CHECK(shared(row(at(5, 2)), row(at(5, 0))).record.row == at(5, 0));
    CHECK(shared(row(at(5, 0)), row(at(5, 2))).record.row == at(5, 0));
    CHECK(shared(row(at(5, 0)), row(at(5, 3))).record.row == at(5, 3));
}
