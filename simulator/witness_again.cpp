#include <algorithm>
#include <utility>

#include "simulator/laws.h"
#include "simulator/tables.h"
#include "simulator/witness.h"

// Witness, continued: what a device writes once more, after a complete page.
namespace strandline::simulator {

bool Witness::take_again(Sql& sql) {
    if (!learn_ceilings(sql)) return false;
    std::map<Key, std::map<std::int64_t, Stamp>> stamps;
    auto read = sql.ask(
        "SELECT r.name, s.key, s.slot, s.hlc, o.incarnation, c.name FROM strandline_stamps AS s "
        "JOIN strandline_resources AS r ON r.id = s.resource JOIN strandline_origins AS o ON o.id = s.origin "
        "JOIN strandline_device AS d ON d.device = o.device "
        "LEFT JOIN strandline_columns AS c ON c.resource = s.resource AND c.id = s.slot - 2");
    while (read.step()) {
        const Key key{index_of_table(read.bytes(0)), read.bytes(1)};
        std::int64_t slot = read.integer(2);
        if (slot >= 2) {
            const auto& columns = tables()[key.first].columns;
            slot = 2 + (std::ranges::find(columns, read.bytes(5)) - columns.begin());
        }
        stamps[key][slot] = {Hlc{read.integer(3)}, {device_, static_cast<Incarnation>(read.integer(4))}};
    }
    if (!read.is_done()) return false;
    for (std::size_t table = 0; table < tables().size(); ++table) {
        auto rows = read_rows(sql, tables()[table]);
        if (!rows || !overlay_refused(sql, table, *rows)) return false;
        for (auto& [where, slots] : stamps) {
            if (where.first == table && !add_again(sql, where, slots, (*rows)[where.second])) return false;
        }
    }
    return true;
}

/// A value that the database would not take has its stamp, and waits elsewhere.
bool Witness::overlay_refused(Sql& sql, std::size_t table, std::map<std::string, Values>& rows) {
    const Table& shape = tables()[table];
    auto read = sql.ask(
        "SELECT q.key, v.name, v.value FROM strandline_quarantine AS q JOIN strandline_quarantine_values AS "
        "v "
        "USING (id) WHERE q.kind = 'refused' AND NOT v.is_key AND q.resource = (SELECT id FROM "
        "strandline_resources WHERE name = ?) ORDER BY q.id");
    read.bind(1, shape.name);
    while (read.step()) {
        const auto row = rows.find(read.bytes(0));
        const auto column = std::ranges::find(shape.columns, read.bytes(1));
        if (row != rows.end() && column != shape.columns.end())
            row->second[static_cast<std::size_t>(column - shape.columns.begin())] = read.value(2);
    }
    return read.is_done();
}

bool Witness::add_again(Sql& sql, const Key& where, const std::map<std::int64_t, Stamp>& slots,
                        const Values& values) {
    const std::size_t table = where.first;
    const std::string& key = where.second;
    const Table& shape = tables()[table];
    const bool is_owned = shape.ownership == Ownership::device_owned;
    const auto is_new = [&](std::int64_t slot) {
        return slots.contains(slot) && !model_.knows(table, key, slots.at(slot));
    };
    const auto in_slot = [&](std::int64_t slot) {
        return slots.contains(slot) ? std::optional(slots.at(slot)) : std::nullopt;
    };
    Write write;
    if (is_new(1) && !slots.contains(0)) {
        write.era = write.last = slots.at(1);
        if (!make_whole(sql, where, std::nullopt, write.after)) return false;
        if (is_owned && slots.contains(-1)) write.life = Life{in_slot(-2), slots.at(-1)};
        model_.add(table, key, std::move(write));
        return true;
    }
    if (values.empty()) return true;
    std::map<std::int64_t, Stamp> all;
    auto read = sql.ask(
        "SELECT s.slot, s.hlc, o.device, o.incarnation FROM strandline_stamps AS s JOIN strandline_origins "
        "AS o ON o.id = s.origin WHERE s.resource = (SELECT id FROM strandline_resources WHERE name = ?) "
        "AND s.key = ? AND s.slot <= 1");
    read.bind(1, shape.name).bind(2, Blob{key});
    while (read.step())
        all[read.integer(0)] = {Hlc{read.integer(1)}, origin_from(read.bytes(2), read.integer(3))};
    if (!read.is_done()) return false;
    if (!all.contains(0)) return true;
    const auto known_era = all.contains(1) ? std::optional(all.at(1)) : std::nullopt;
    const bool sets_row = is_new(0);
    if (is_new(1)) {
        write.era = slots.at(1);
        if (!make_whole(sql, where, std::nullopt, write.after)) return false;
    } else {
        write.era = known_era;
        if (!make_whole(sql, where, sets_row ? std::nullopt : std::optional(all.at(0)), write.era))
            return false;
    }
    if (is_owned) write.life = Life{write.era, all.at(0)};
    if (sets_row) {
        write.row = write.last = all.at(0);
        write.key.assign(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(shape.key_columns));
    }
    for (std::size_t i = shape.key_columns; i < shape.columns.size(); ++i) {
        const auto slot = static_cast<std::int64_t>(2 + i);
        if (is_new(slot)) {
            write.values[i] = {slots.at(slot), values[i]};
            write.last = std::max(write.last, slots.at(slot));
        } else if (sets_row && !slots.contains(slot)) {
            write.values[i] = {*write.row, values[i]};
        }
    }
    if (write.row || !write.values.empty()) model_.add(table, key, std::move(write));
    return true;
}

}  // namespace strandline::simulator
