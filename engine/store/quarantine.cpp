#include "engine/store/quarantine.h"

#include <algorithm>

#include "engine/store/slots.h"

namespace strandline::engine::store {
namespace {

constexpr const char* kKinds[] = {"refused", "held", "not_owner"};
constexpr const char* kColumns =
    "SELECT id, resource, key, kind, due, reason, since FROM strandline_quarantine ";

QuarantineKind quarantine_kind_named(std::string_view name) {
    for (int i = 0; i < 3; ++i) {
        if (name == kKinds[i]) return static_cast<QuarantineKind>(i);
    }
    return QuarantineKind::refused;
}

void write_stamps(Connection& connection, std::int64_t id, const Record& record) {
    Statement put = connection.prepare(
        "INSERT INTO strandline_quarantine_stamps(id, slot, hlc, origin) VALUES (?, ?, ?, ?)");
    const auto write = [&](std::int64_t slot, const Stamp& stamp) {
        put.bind(1, id)
            .bind(2, slot)
            .bind(3, stamp.hlc.value)
            .bind(4, static_cast<std::int64_t>(stamp.origin))
            .run();
    };
    if (record.row) write(kSlotRow, *record.row);
    if (record.era) write(kSlotEra, *record.era);
    for (const CellStamp& cell : record.cells)
        write(kSlotCells + static_cast<std::int64_t>(cell.column), cell.stamp);
    if (record.life && record.life->era) write(kSlotLifeEra, *record.life->era);
    if (record.life) write(kSlotLifeRow, record.life->row);
}

Record read_stamps(Connection& connection, std::int64_t id) {
    Record record;
    Statement read = connection.prepare(
        "SELECT slot, hlc, origin FROM strandline_quarantine_stamps WHERE id = ? ORDER BY slot");
    read.bind(1, id);
    while (read.step())
        take_slot(record, read.integer(0), {Hlc{read.integer(1)}, static_cast<Origin>(read.integer(2))});
    return record;
}

void write_values(Connection& connection, const Quarantined& entry, std::int64_t id) {
    Statement put = connection.prepare(
        "INSERT INTO strandline_quarantine_values(id, name, is_key, value, is_withheld) VALUES (?, ?, ?, ?, "
        "?)");
    for (std::size_t i = 0; i < entry.key_raw.size(); ++i) {
        const std::string name = std::to_string(i + 1'000);  // Sorts as the key's columns do.
        put.bind(1, id).bind_text(2, name).bind(3, std::int64_t{1}).bind(4, entry.key_raw[i]);
        put.bind(5, std::int64_t{0}).run();
    }
    for (const NamedValue& value : entry.values) {
        put.bind(1, id).bind_text(2, value.name).bind(3, std::int64_t{0}).bind(4, value.value);
        put.bind(5, static_cast<std::int64_t>(value.withheld)).run();
    }
}

}  // namespace

void Quarantine::put(const Quarantined& entry) {
    if (entry.kind == QuarantineKind::refused) drop_refused(entry.resource, entry.key);
    any_[entry.resource] = true;
    Statement insert = connection_.prepare(
        "INSERT INTO strandline_quarantine(resource, key, kind, due, reason, since) VALUES (?, ?, ?, ?, ?, "
        "?) RETURNING id");
    insert.bind(1, entry.resource).bind_blob(2, entry.key).bind_text(3, kKinds[static_cast<int>(entry.kind)]);
    insert.bind(4, entry.due.value).bind_text(5, entry.reason).bind(6, entry.since.value).step();
    const std::int64_t id = insert.integer(0);
    insert.run();
    write_stamps(connection_, id, entry.record);
    write_values(connection_, entry, id);
}

std::vector<Quarantined> Quarantine::read(Statement& statement) {
    std::vector<Quarantined> found;
    while (statement.step()) {
        Quarantined entry;
        entry.id = statement.integer(0);
        entry.resource = statement.integer(1);
        entry.key = statement.text(2);
        entry.kind = quarantine_kind_named(statement.bytes(3));
        entry.due = WallMs{statement.integer(4)};
        entry.reason = statement.text(5);
        entry.since = WallMs{statement.integer(6)};
        found.push_back(std::move(entry));
    }
    for (Quarantined& entry : found) {
        entry.record = read_stamps(connection_, entry.id);
        read_values(entry);
    }
    return found;
}

std::optional<Quarantined> Quarantine::refused(std::int64_t resource, const std::string& key) {
    Statement statement =
        connection_.prepare(std::string(kColumns) + "WHERE resource = ? AND key = ? AND kind = 'refused'");
    statement.bind(1, resource).bind_blob(2, key);
    auto found = read(statement);
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

std::vector<Quarantined> Quarantine::refused_after(std::int64_t resource, std::int64_t id, std::size_t most) {
    Statement statement = connection_.prepare(
        std::string(kColumns) + "WHERE resource = ? AND kind = 'refused' AND id > ? ORDER BY id LIMIT ?");
    return read(statement.bind(1, resource).bind(2, id).bind(3, static_cast<std::int64_t>(most)));
}

std::vector<Quarantined> Quarantine::after(std::int64_t resource, std::int64_t id, std::size_t most) {
    Statement statement =
        connection_.prepare(std::string(kColumns) + "WHERE resource = ? AND id > ? ORDER BY id LIMIT ?");
    return read(statement.bind(1, resource).bind(2, id).bind(3, static_cast<std::int64_t>(most)));
}

void Quarantine::change(const Quarantined& entry) {
    for (const char* table : {"strandline_quarantine_stamps", "strandline_quarantine_values"})
        connection_.prepare("DELETE FROM " + std::string(table) + " WHERE id = ?").bind(1, entry.id).run();
    write_stamps(connection_, entry.id, entry.record);
    write_values(connection_, entry, entry.id);
}

std::vector<std::string> Quarantine::held_since(std::int64_t resource, const watermarks::Vector& vector,
                                                std::size_t origins) {
    Statement since = connection_.prepare(
        "SELECT q.key FROM strandline_quarantine_stamps s CROSS JOIN strandline_quarantine q ON q.id = s.id "
        "WHERE s.origin = ? AND s.hlc > ? AND s.slot >= 0 AND q.resource = ? AND q.kind = 'held'");
    std::set<std::string> keys;
    for (std::size_t i = 0; i < origins; ++i) {
        const ResetAtEnd reset(since);
        since.bind(1, static_cast<std::int64_t>(i)).bind(2, vector.at(static_cast<Origin>(i)).value);
        since.bind(3, resource);
        while (since.step()) keys.insert(since.text(0));
    }
    return {keys.begin(), keys.end()};
}

std::set<std::string> Quarantine::keys(std::int64_t resource, QuarantineKind kind) {
    Statement find =
        connection_.prepare("SELECT key FROM strandline_quarantine WHERE resource = ? AND kind = ?");
    find.bind(1, resource).bind_text(2, kKinds[static_cast<int>(kind)]);
    std::set<std::string> keys;
    while (find.step()) keys.insert(find.text(0));
    return keys;
}

std::vector<Quarantined> Quarantine::held(std::int64_t resource, const std::string& key) {
    Statement statement = connection_.prepare(
        "SELECT q.id, s.slot, s.hlc, s.origin FROM strandline_quarantine q CROSS JOIN "
        "strandline_quarantine_stamps s ON s.id = q.id WHERE q.resource = ? AND q.key = ? AND q.kind = "
        "'held' "
        "ORDER BY q.id, s.slot");
    statement.bind(1, resource).bind_blob(2, key);
    std::vector<Quarantined> found;
    while (statement.step()) {
        if (found.empty() || found.back().id != statement.integer(0)) {
            found.emplace_back();
            found.back().id = statement.integer(0);
            found.back().resource = resource;
            found.back().key = key;
            found.back().kind = QuarantineKind::held;
        }
        take_slot(found.back().record, statement.integer(1),
                  {Hlc{statement.integer(2)}, static_cast<Origin>(statement.integer(3))});
    }
    return found;
}

void Quarantine::read_values(Quarantined& entry) {
    Statement read = connection_.prepare(
        "SELECT name, is_key, value, is_withheld FROM strandline_quarantine_values WHERE id = ? "
        "ORDER BY is_key, name");
    read.bind(1, entry.id);
    while (read.step()) {
        if (read.integer(1) == 1) {
            entry.key_raw.push_back(read.value(2));
        } else {
            entry.values.push_back({read.text(0), read.value(2), static_cast<Withheld>(read.integer(3))});
        }
    }
}

std::set<std::pair<std::int64_t, std::string>> Quarantine::due(WallMs now) {
    Statement statement = connection_.prepare(
        "SELECT resource, key FROM strandline_quarantine WHERE kind = 'held' AND due <= ?");
    statement.bind(1, now.value);
    std::set<std::pair<std::int64_t, std::string>> due;
    while (statement.step()) due.emplace(statement.integer(0), statement.text(1));
    return due;
}

std::optional<WallMs> Quarantine::next_due() {
    Statement statement =
        connection_.prepare("SELECT min(due) FROM strandline_quarantine WHERE kind = 'held'");
    if (!statement.step() || statement.is_null(0)) return std::nullopt;
    return WallMs{statement.integer(0)};
}

void Quarantine::make_due(std::int64_t resource, const std::string& key) {
    Statement statement = connection_.prepare(
        "UPDATE strandline_quarantine SET due = 0 WHERE resource = ? AND key = ? AND kind = 'held'");
    statement.bind(1, resource).bind_blob(2, key).run();
}

void Quarantine::set_reason(std::int64_t id, const std::string& reason) {
    connection_.prepare("UPDATE strandline_quarantine SET reason = ?1 WHERE id = ?2 AND reason <> ?1")
        .bind_text(1, reason)
        .bind(2, id)
        .run();
}

void Quarantine::drop(std::int64_t id) {
    any_.clear();
    for (const char* table :
         {"strandline_quarantine_stamps", "strandline_quarantine_values", "strandline_quarantine"}) {
        connection_.prepare("DELETE FROM " + std::string(table) + " WHERE id = ?").bind(1, id).run();
    }
}

void Quarantine::drop_refused(std::int64_t resource, const std::string& key) {
    if (const auto there = refused(resource, key)) drop(there->id);
}

Quarantine::Dropped Quarantine::dropped(std::int64_t resource) {
    Statement find = connection_.prepare(
        "SELECT v.name, min(q.key), max(q.key) FROM strandline_quarantine_values v "
        "CROSS JOIN strandline_quarantine q ON q.id = v.id "
        "WHERE v.is_withheld = 2 AND q.resource = ? AND q.kind = 'refused' GROUP BY v.name ORDER BY v.name");
    find.bind(1, resource);
    Dropped dropped;
    while (find.step()) {
        const bool is_first = dropped.columns.empty();
        dropped.first = is_first ? find.text(1) : std::min(dropped.first, find.text(1));
        dropped.last = std::max(dropped.last, find.text(2));
        dropped.columns.push_back(find.text(0));
    }
    return dropped;
}

bool Quarantine::has_held(std::int64_t resource) {
    Statement statement = connection_.prepare(
        "SELECT 1 FROM strandline_quarantine WHERE resource = ? AND kind = 'held' LIMIT 1");
    const ResetAtEnd reset(statement);
    return statement.bind(1, resource).step();
}

bool Quarantine::has_dropped(std::int64_t resource) {
    Statement find = connection_.prepare(
        "SELECT 1 FROM strandline_quarantine_values v CROSS JOIN strandline_quarantine q ON q.id = v.id "
        "WHERE v.is_withheld = 2 AND q.resource = ? AND q.kind = 'refused' LIMIT 1");
    return find.bind(1, resource).step();
}

bool Quarantine::give_up(std::int64_t resource, const std::string& column) {
    Statement lose = connection_.prepare(
        "UPDATE strandline_quarantine_values SET value = NULL, is_withheld = 2 WHERE name = ?2 COLLATE "
        "NOCASE "
        "AND NOT is_key AND is_withheld <> 2 AND id IN "
        "(SELECT id FROM strandline_quarantine WHERE resource = ?1 AND kind = 'refused')");
    lose.bind(1, resource).bind_text(2, column).run();
    return connection_.changes() > 0;
}

std::int64_t Quarantine::count() {
    return connection_.ask_integer("SELECT count(*) FROM strandline_quarantine");
}

bool Quarantine::has_any(std::int64_t resource) {
    if (rollbacks_ != connection_.rollbacks()) {
        any_.clear();
        rollbacks_ = connection_.rollbacks();
    }
    const auto [known, is_new] = any_.try_emplace(resource);
    if (is_new) {
        Statement find =
            connection_.prepare("SELECT 1 FROM strandline_quarantine WHERE resource = ? LIMIT 1");
        known->second = find.bind(1, resource).step();
    }
    return known->second;
}

}  // namespace strandline::engine::store
