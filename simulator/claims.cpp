#include "simulator/claims.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "simulator/check.h"
#include "simulator/tables.h"

namespace strandline::simulator {
namespace {

constexpr std::int64_t kSlotLifeEra = -2;
constexpr std::int64_t kSlotLifeRow = -1;
constexpr std::int64_t kSlotRow = 0;
constexpr std::int64_t kSlotEra = 1;
constexpr std::int64_t kSlotCells = 2;

/// What a device knows of one key: docs/schema.md, Stamps.
struct Known {
    std::optional<Stamp> era;
    std::optional<Stamp> row;
    std::optional<Stamp> life_era;  ///< of a deleted row of a device-owned table, as the next
    std::optional<Stamp> life_row;
    std::map<std::size_t, Stamp> cells;  ///< by column's index in the table

    [[nodiscard]] std::string text() const {
        const auto text_of = [](const std::optional<Stamp>& stamp) {
            return stamp ? fmt::format("{}@{}", stamp->hlc.value, short_hex(stamp->origin.device)) : "none";
        };
        return "era " + text_of(era) + ", row " + text_of(row) + fmt::format(", {} cells", cells.size());
    }
    /// Whether nothing in the write is news here. `its_era` and `its_life` are the write's, but for what was forgotten.
    [[nodiscard]] bool dominates(const Write& write, const std::optional<Stamp>& its_era,
                                 const std::optional<Life>& its_life, const StampOrder& order) const {
        if (its_life && (row || life_row)) {
            const Life life = row ? Life{era, *row} : Life{life_era, *life_row};
            if (*its_life != life) return its_life->gives_way_to(life, order);
            if (!row || write.is_deletion()) return !row && (!write.is_deletion() || its_era <= era);
        }
        if (its_era != era) return its_era < era;
        if (write.is_deletion()) return true;
        if (!row || (write.row && *row < *write.row)) return false;
        return std::ranges::all_of(write.values, [&](const auto& value) {
            const auto cell = cells.find(value.first);
            return value.second.first <= (cell != cells.end() ? std::max(cell->second, *row) : *row);
        });
    }
};
using Place = std::pair<std::size_t, std::string>;
/// By table and key.
using AllKnown = std::vector<std::unordered_map<std::string, Known>>;

/// Deletions that were forgotten: what they ended is gone, and nobody can tell any more.
class Forgotten {
public:
    Forgotten(const Coverage& forgotten, const StampOrder& order) : order_(order) {
        for (const Table& table : tables()) pieces_of_.push_back(&forgotten.at(table.name));
    }

    void drop(std::optional<Stamp>& era, std::size_t table, const std::string& key) const {
        if (covers(era, table, key)) era.reset();
    }
    /// `writes`: all to that key. A life is ended by a deletion, or by a row that was inserted after one.
    [[nodiscard]] bool has_ended(const Write& write, const std::vector<Write>& writes, std::size_t table,
                                 const std::string& key) const {
        return std::ranges::any_of(writes, [&](const Write& end) {
            if (!covers(end.era, table, key)) return false;
            if (write.life && end.life)
                return (end.is_deletion() && write.life == end.life) ||
                       write.life->gives_way_to(*end.life, order_);
            if (write.is_deletion() && write.era == end.era) return true;
            return is_earlier_era(write.era, end.era, writes, order_);
        });
    }

private:
    [[nodiscard]] bool covers(const std::optional<Stamp>& stamp, std::size_t table,
                              const std::string& key) const {
        return stamp && is_covered(stamp, vector_at(*pieces_of_[table], key));
    }

    std::vector<const std::vector<Piece>*> pieces_of_;  ///< by table
    const StampOrder& order_;
};

/// Empty: the disk fails underneath.
std::optional<AllKnown> read_known(Sql& sql) {
    AllKnown known(tables().size());
    std::map<std::int64_t, std::size_t> table_of;
    std::map<std::int64_t, OriginId> origins;
    std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> column_of;
    // One snapshot, and no join, which would look up the same few names for every stamp.
    auto read = sql.ask(
        "SELECT 0, id, 0, name, 0, 0 FROM strandline_resources UNION ALL "
        "SELECT 1, id, 0, device, incarnation, 0 FROM strandline_origins UNION ALL "
        "SELECT 2, resource, id, name, 0, 0 FROM strandline_columns UNION ALL "
        "SELECT 3, resource, slot, key, hlc, origin FROM strandline_stamps");
    while (read.step()) {
        const std::int64_t what = read.integer(0);
        if (what == 0) {
            table_of[read.integer(1)] = index_of_table(read.bytes(3));
            continue;
        }
        if (what == 1) {
            origins[read.integer(1)] = origin_from(read.bytes(3), read.integer(4));
            continue;
        }
        const std::size_t table = table_of.at(read.integer(1));
        if (what == 2) {
            const auto& columns = tables()[table].columns;
            const auto at = std::ranges::find(columns, read.bytes(3));
            column_of[{read.integer(1), read.integer(2)}] = static_cast<std::size_t>(at - columns.begin());
            continue;
        }
        Known& key = known[table][read.bytes(3)];
        const Stamp stamp{Hlc{read.integer(4)}, origins.at(read.integer(5))};
        const std::int64_t slot = read.integer(2);
        if (slot == kSlotRow) {
            key.row = stamp;
        } else if (slot == kSlotEra) {
            key.era = stamp;
        } else if (slot == kSlotLifeEra) {
            key.life_era = stamp;
        } else if (slot == kSlotLifeRow) {
            key.life_row = stamp;
        } else {
            key.cells[column_of.at({read.integer(1), slot - kSlotCells})] = stamp;
        }
    }
    if (!read.is_done()) return std::nullopt;
    return known;
}

/// Held changes count as held, and are not in the state yet.
std::optional<std::set<Place>> read_held(Sql& sql) {
    std::set<Place> held;
    auto read = sql.ask(
        "SELECT r.name, q.key FROM strandline_quarantine AS q JOIN strandline_resources AS r ON r.id = "
        "q.resource WHERE q.kind = 'held'");
    while (read.step()) held.emplace(index_of_table(read.bytes(0)), read.bytes(1));
    if (!read.is_done()) return std::nullopt;
    return held;
}

}  // namespace

void demand_claims(Sql& sql, const Model& model) {
    const auto coverage = read_coverage(sql);
    auto known = read_known(sql);
    const auto held = read_held(sql);
    const auto what_is_forgotten = read_coverage(sql, "strandline_forgotten");
    if (!coverage || !known || !held || !what_is_forgotten) return;
    const Forgotten forgotten(*what_is_forgotten, model.order());
    for (std::size_t table = 0; table < known->size(); ++table) {
        for (auto& [key, record] : (*known)[table]) {
            forgotten.drop(record.era, table, key);
            forgotten.drop(record.life_era, table, key);
        }
    }
    std::vector<const std::vector<Piece>*> pieces_of;
    for (const Table& table : tables()) pieces_of.push_back(&coverage->at(table.name));
    model.for_each_key([&](std::size_t table, const std::string& key, const std::vector<Write>& writes) {
        // What a stamp of a future hides counts as held until who let it in has written it once more.
        if (model.has_above_ceiling(writes)) return;
        const Vector& vector = vector_at(*pieces_of[table], key);
        const auto there = (*known)[table].find(key);
        for (const Write& write : writes) {
            if (vector.at(write.writer) < write.last.hlc) continue;
            std::optional<Stamp> era = write.era;
            std::optional<Life> life = write.life;
            forgotten.drop(era, table, key);
            if (life) forgotten.drop(life->era, table, key);
            if (there != (*known)[table].end() && there->second.dominates(write, era, life, model.order()))
                continue;
            if (held->contains({table, key}) || model.is_suspect(table, key)) return;
            if (forgotten.has_ended(write, writes, table, key)) continue;
            throw LawBroken(1, fmt::format("a write to {} {}, {} of device {}, is claimed and is not there, "
                                           "but {}; written to it:{}",
                                           tables()[table].name, printable(key), write.last.hlc.value,
                                           short_hex(write.last.origin.device),
                                           there != (*known)[table].end() ? there->second.text() : "nothing",
                                           model.history(table, key)));
        }
    });
}

void demand_contents(const message::Pages& pages, const Model& model) {
    const auto stamp_of = [&](const message::Stamp& stamp) {
        return Stamp{stamp.hlc, pages.origins[static_cast<std::size_t>(stamp.origin)]};
    };
    for (const message::Page& page : pages.pages) {
        const std::size_t table = index_of_table(page.resource);
        std::vector<std::size_t> columns;
        for (const std::string& name : page.columns)
            columns.push_back(static_cast<std::size_t>(std::ranges::find(tables()[table].columns, name) -
                                                       tables()[table].columns.begin()));
        for (const message::Entry& entry : page.entries) {
            // A whole row has a value for each column of the page, else each cell has one.
            std::map<std::size_t, Stamp> stamps;
            for (const message::Cell& cell : entry.cells) stamps[cell.column] = stamp_of(cell.stamp);
            for (std::size_t i = 0; entry.row && i < columns.size(); ++i)
                stamps.try_emplace(i, stamp_of(*entry.row));
            std::size_t value = 0;
            for (const auto& [column, stamp] : stamps) {
                const auto large = std::ranges::find(entry.large, value, &message::LargeValue::place);
                const bool is_withheld = std::ranges::find(entry.withheld, value) != entry.withheld.end();
                if (!is_withheld && !model.is_suspect(table, entry.key)) {
                    if (large != entry.large.end()) {
                        model.demand_large(table, entry.key, columns[column], stamp, *large);
                    } else {
                        model.demand_content(table, entry.key, columns[column], stamp, entry.values[value]);
                    }
                }
                ++value;
            }
        }
    }
}

}  // namespace strandline::simulator
