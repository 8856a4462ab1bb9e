#include <algorithm>
#include <utility>

#include "simulator/check.h"
#include "simulator/tables.h"
#include "simulator/witness.h"

// Witness, continued: what an engine stamps anew, because a clock was put right. Nobody wrote it again, but to the model it
// is a write, of the record that the key has now.
namespace strandline::simulator {
namespace {

constexpr std::int64_t kSlotLifeEra = -2;
constexpr std::int64_t kSlotLifeRow = -1;
constexpr std::int64_t kSlotRow = 0;
constexpr std::int64_t kSlotEra = 1;
constexpr std::int64_t kSlotCells = 2;

std::optional<Stamp> in_slot(const std::map<std::int64_t, Stamp>& slots, std::int64_t slot) {
    const auto at = slots.find(slot);
    return at != slots.end() ? std::optional(at->second) : std::nullopt;
}

OriginId origin_of(const std::string& device, std::int64_t incarnation) {
    OriginId origin;
    std::ranges::copy(device, origin.device.bytes.begin());
    origin.incarnation = static_cast<Incarnation>(incarnation);
    return origin;
}

}  // namespace

std::optional<Witness::Ended> Witness::just_ended(Sql& sql) {
    auto read = sql.ask(
        "SELECT v.of, o.incarnation, v.above FROM strandline_voids AS v JOIN strandline_origins AS o ON o.id "
        "= v.of "
        "JOIN strandline_origins AS b ON b.id = v.by JOIN strandline_device AS d ON d.device = b.device AND "
        "d.incarnation = b.incarnation");
    Ended ended;
    while (read.step()) {
        const OriginId origin{device_, static_cast<Incarnation>(read.integer(1))};
        if (!model_.knows_void(origin)) ended = {read.integer(0), origin, Hlc{read.integer(2)}};
    }
    if (!read.is_done()) return std::nullopt;
    return ended;
}

bool Witness::stamped_anew(Sql& sql, std::optional<Hlc>& put_right) {
    if (table_of_.empty()) learn_numbers(sql);
    const auto ended = just_ended(sql);
    if (!ended) return false;
    std::map<Key, std::map<std::int64_t, Stamp>> records;
    auto read = sql.ask(
        "SELECT s.resource, s.key, s.slot, s.hlc, o.device, o.incarnation FROM strandline_stamps AS s JOIN "
        "strandline_origins AS o ON o.id = s.origin");
    while (read.step())
        records[{table_of_.at(read.integer(0)), read.bytes(1)}][read.integer(2)] =
            Stamp{Hlc{read.integer(3)}, origin_of(read.bytes(4), read.integer(5))};
    if (!read.is_done()) return false;
    std::vector<std::pair<Key, Write>> writes;
    for (const auto& [where, slots] : records) {
        const auto is_news = [&](const auto& slot) {
            return slot.second.origin.device == device_ &&
                   !model_.knows(where.first, where.second, slot.second);
        };
        if (std::ranges::none_of(slots, is_news)) continue;
        auto write = record_of(sql, where, slots);
        if (!write) return false;
        writes.emplace_back(where, std::move(*write));
    }
    if (ended->number >= 0) {
        model_.add_void(ended->origin, ended->above);
        put_right = ended->above;
        last_seen_ = 0;  // Its clock went back.
    }
    for (auto& [where, write] : writes) model_.add(where.first, where.second, std::move(write));
    return true;
}

/// All that a key has, as if it were written at once.
std::optional<Write> Witness::record_of(Sql& sql, const Key& where,
                                        const std::map<std::int64_t, Stamp>& slots) {
    const auto& [table, key] = where;
    const Table& shape = tables()[table];
    Write write;
    write.era = in_slot(slots, kSlotEra);
    write.row = in_slot(slots, kSlotRow);
    if (shape.ownership == Ownership::device_owned) {
        if (write.row) write.life = Life{write.era, *write.row};
        if (const auto row = in_slot(slots, kSlotLifeRow))
            write.life = Life{in_slot(slots, kSlotLifeEra), *row};
    }
    for (const auto& [slot, stamp] : slots) {
        if (stamp.origin.device == device_ && write.last < stamp) write.last = stamp;
    }
    if (!write.row) return write;
    const auto row = row_of(sql, where);
    if (!row) return std::nullopt;
    write.key.assign(row->begin(), row->begin() + static_cast<std::ptrdiff_t>(shape.key_columns));
    for (std::size_t i = shape.key_columns; i < shape.columns.size(); ++i)
        write.values[i] = {*write.row, (*row)[i]};
    for (const auto& [slot, stamp] : slots) {
        if (slot >= kSlotCells) write.values.at(column_of_.at({table, slot - kSlotCells})).first = stamp;
    }
    return write;
}

/// As it was when its stamps were: before what is not folded yet. Of a row that waits in quarantine the table may still have
/// what it had before.
std::optional<Values> Witness::row_of(Sql& sql, const Key& where) {
    const Table& shape = tables()[where.first];
    for (const Commit& commit : pending_) {
        for (const Change& change : commit.changes) {
            if (change.table == where.first && change.key == where.second && change.before)
                return change.before;
        }
    }
    auto parts = sql.ask(
        "SELECT v.name, v.value FROM strandline_quarantine AS q JOIN strandline_quarantine_values AS v ON "
        "v.id = "
        "q.id JOIN strandline_resources AS r ON r.id = q.resource "
        "WHERE q.kind = 'refused' AND r.name = ? AND q.key = ? AND v.is_key = 0");
    parts.bind(1, shape.name).bind(2, Blob{where.second});
    std::map<std::string, Value> values;
    while (parts.step()) values[parts.bytes(0)] = parts.value(1);
    if (!parts.is_done()) return std::nullopt;
    if (!values.empty()) {
        // Tables whose rows a constraint can refuse have keys of one text, spelled as they are.
        Values row{where.second.substr(1)};
        for (std::size_t i = 1; i < shape.columns.size(); ++i) row.push_back(values[shape.columns[i]]);
        return row;
    }
    std::string columns;
    for (const std::string& column : shape.columns) columns += (columns.empty() ? "" : ", ") + column;
    auto rows = sql.ask("SELECT " + columns + " FROM " + shape.name);
    while (rows.step()) {
        Values row;
        for (std::size_t i = 0; i < shape.columns.size(); ++i) row.push_back(rows.value(static_cast<int>(i)));
        if (encoded_key(shape, row) == where.second) return row;
    }
    return std::nullopt;
}

}  // namespace strandline::simulator
