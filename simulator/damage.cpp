#include "simulator/damage.h"

#include <sqlite3.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "simulator/faults.h"
#include "simulator/tables.h"

namespace strandline::simulator {
namespace {

/// Some row's key, and what it has now.
std::string where_of_row(Sql& sql, const Table& table, Random& random) {
    auto count = sql.ask("SELECT count(*) FROM " + table.name);
    if (!count.step() || count.integer(0) == 0) return {};
    const auto rows = static_cast<std::uint64_t>(count.integer(0));
    std::string key;
    for (std::size_t i = 0; i < table.key_columns; ++i)
        key += (i > 0 ? "||' AND '||" : "") + fmt::format("'{0} = '||quote({0})", table.columns[i]);
    auto read =
        sql.ask(fmt::format("SELECT {} FROM {} LIMIT 1 OFFSET {}", key, table.name, random.below(rows)));
    return read.step() ? read.bytes(0) : std::string();
}

}  // namespace

std::string damage_row(Sql& sql, Random& random) {
    const Table& table = tables()[random.below(tables().size())];
    const std::string where = where_of_row(sql, table, random);
    if (where.empty()) return {};
    const std::size_t column = table.key_columns + random.below(table.columns.size() - table.key_columns);
    const std::string what =
        random.one_in(3) ? fmt::format("DELETE FROM {} WHERE {}", table.name, where)
                         : fmt::format("UPDATE {0} SET {1} = coalesce({1}, 0) + {2} WHERE {3}", table.name,
                                       table.columns[column], 1 + random.below(1'000'000), where);
    const bool is_done =
        sql.run("BEGIN IMMEDIATE") == SQLITE_OK &&
        sql.run("INSERT INTO strandline_applying VALUES (1)") == SQLITE_OK && sql.run(what) == SQLITE_OK &&
        sql.run("DELETE FROM strandline_applying") == SQLITE_OK && sql.run("COMMIT") == SQLITE_OK;
    if (!is_done) sql.run("ROLLBACK");
    return is_done ? what : std::string();
}

/// Later: while apps write, one of them could write to a damaged row, which makes the damage its own.
void Faults::damage() {
    is_damage_due_ = true;
}

void Faults::damage_rows() {
    const auto armed = std::ranges::find_if(
        armed_, [](const Armed& fault) { return std::string_view(fault.kind->name) == "damage"; });
    if (!is_damage_due_ || armed == armed_.end()) return;
    std::vector<Device*> running;
    for (const auto& device : victims_.devices) {
        const bool has_peers = std::ranges::any_of(
            victims_.devices, [&](const auto& other) { return device->has_session(*other); });
        // Two of one key take each other's connections, so when either comes to prove anything is open.
        const bool has_copy = std::ranges::any_of(victims_.devices, [&](const auto& other) {
            return other != device && other->id() == device->id() && other->life() == Device::Life::running;
        });
        if (device->life() == Device::Life::running && has_peers && !has_copy)
            running.push_back(device.get());
    }
    if (running.empty()) return;
    Device& victim = *running[armed->random.below(running.size())];
    if (victim.damage(armed->random) > 0) victims_.chronicle.count_situation(Situation::damaged);
}

}  // namespace strandline::simulator
