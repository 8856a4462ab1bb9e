#include "engine/store/columns.h"

#include <algorithm>

#include "engine/store/rows.h"
#include "engine/store/triggers.h"

namespace strandline::engine::store {
namespace {

/// Rows that are looked at to tell a renamed column of a rebuilt table from a new one: enough to see a habit.
constexpr int kRowsLookedAt = 1'000;

/// The place of a column that is there no more.
constexpr std::int64_t kDropped = -1;

bool has_name(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::any_of(names, [&](const std::string& other) { return same_name(name, other); });
}

}  // namespace

std::vector<Columns::Known> Columns::known(std::int64_t resource) {
    std::vector<Known> known;
    Statement find = connection_.prepare(
        "SELECT id, name, place, type FROM strandline_columns WHERE resource = ? AND NOT is_old ORDER BY id");
    find.bind(1, resource);
    while (find.step()) {
        Known column{static_cast<ColumnId>(find.integer(0)), find.text(1), {}, find.text(3), false};
        if (!find.is_null(2)) column.place = find.integer(2);
        column.is_dropped = column.place == kDropped;
        if (column.is_dropped) column.place.reset();
        known.push_back(std::move(column));
    }
    return known;
}

std::vector<Renamed> Columns::meet(std::int64_t resource, const TableShape& shape) {
    const std::vector<Known> before = known(resource);
    const auto bearer = [&](const std::string& name) {
        return std::ranges::find_if(before,
                                    [&](const Known& column) { return same_name(column.name, name); });
    };
    const NewNames new_names = has_triggers(definitions_, resource, shape.name)
                                   ? renamed_in_triggers(resource, shape, before)
                                   : renamed_in_place(resource, shape, before);
    std::vector<Renamed> renamed;
    for (const auto& [id, name] : new_names) {
        const auto heard = bearer(name);
        const bool was_heard_of = heard != before.end() && !heard->place;
        const auto column = std::ranges::find(before, id, &Known::id);
        renamed.push_back({id, column->name, name, was_heard_of ? std::optional(heard->id) : std::nullopt});
    }
    // All names are let go of before any is taken: one column's new name may be another's old one.
    absent_.erase(resource);
    for (const Renamed& column : renamed) {
        connection_
            .prepare("UPDATE strandline_columns SET is_old = 1, place = NULL WHERE resource = ? AND id = ?")
            .bind(1, resource)
            .bind(2, static_cast<std::int64_t>(column.id))
            .run();
    }
    for (const Known& column : before) {
        if (column.place && !has_name(shape.columns, column.name) && !new_names.contains(column.id))
            put(resource, {column.id, column.name, std::nullopt, column.type, true});
    }
    for (std::size_t i = 0; i < shape.columns.size(); ++i) {
        Known column{{}, shape.columns[i], static_cast<std::int64_t>(i), shape.types[i], false};
        const auto given = std::ranges::find(renamed, column.name, &Renamed::now);
        const auto there = bearer(column.name);
        if (given != renamed.end()) {
            column.id = given->id;
        } else if (there != before.end() && !new_names.contains(there->id)) {
            column.id = there->id;
            if (there->place == column.place && there->type == column.type && there->name == column.name)
                continue;
        } else {
            column.id = next_id(resource);
        }
        put(resource, column);
    }
    return renamed;
}

/// ALTER TABLE RENAME COLUMN puts the new name into our trigger for the column, and that one bears its id.
Columns::NewNames Columns::renamed_in_triggers(std::int64_t resource, const TableShape& shape,
                                               const std::vector<Known>& known) {
    std::map<std::string, std::string> triggers;
    for (const Definition& definition : definitions_.all()) {
        if (definition.type == "trigger" && same_name(definition.table, shape.name))
            triggers.emplace(definition.name, definition.sql);
    }
    NewNames renamed;
    for (const Known& column : known) {
        const auto trigger = triggers.find(column_trigger(resource, column.id));
        if (trigger == triggers.end()) continue;
        for (const std::string& name : shape.columns) {
            const std::string when = "AFTER UPDATE OF " + quoted_name(name) + " ON ";
            if (!same_name(name, column.name) && trigger->second.find(when) != std::string::npos)
                renamed[column.id] = name;
        }
    }
    return renamed;
}

/// A table that was rebuilt has no triggers of ours left, but its columns stand where they stood.
Columns::NewNames Columns::renamed_in_place(std::int64_t resource, const TableShape& shape,
                                            const std::vector<Known>& known) {
    NewNames renamed;
    std::vector<std::string> had;
    for (const Known& column : known) {
        if (column.place) had.push_back(column.name);
    }
    if (had.size() != shape.columns.size()) return renamed;
    for (const Known& column : known) {
        if (!column.place || has_name(shape.columns, column.name)) continue;
        const auto place = static_cast<std::size_t>(*column.place);
        if (has_name(had, shape.columns[place]) || !same_name(column.type, shape.types[place])) continue;
        if (holds_what_it_held(resource, shape, column.id, shape.columns[place]))
            renamed[column.id] = shape.columns[place];
    }
    return renamed;
}

/// As long as at least half of the rows do: some may have been written since.
bool Columns::holds_what_it_held(std::int64_t resource, const TableShape& shape, ColumnId column,
                                 const std::string& new_name) {
    std::string names;
    std::vector<Collation> collations;
    for (const KeyColumn& part : shape.key) {
        names += quoted_name(part.name) + ", ";
        collations.push_back(part.collation);
    }
    Statement rows = connection_.prepare("SELECT " + names + quoted_name(new_name) + " FROM main." +
                                         quoted_name(shape.name) + " LIMIT " + std::to_string(kRowsLookedAt));
    Statement digests = connection_.prepare(
        "SELECT digests FROM strandline_stamps WHERE resource = ? AND key = ? AND slot = 0");
    int same = 0;
    int other = 0;
    while (rows.step()) {
        Values key;
        for (std::size_t i = 0; i < shape.key.size(); ++i) key.push_back(rows.value(static_cast<int>(i)));
        const std::string encoded = encode_key(key, collations);
        const ResetAtEnd reset(digests);
        if (!digests.bind(1, resource).bind_blob(2, encoded).step()) continue;
        const std::string_view held = get_digest(digests.bytes(0), column);
        if (held.empty()) continue;
        const bool is_same = held == digest_of(rows.value(static_cast<int>(shape.key.size())));
        ++(is_same ? same : other);
    }
    return same >= other;
}

void Columns::fill(Resource& resource, const TableShape& shape) {
    const std::vector<Known> named = known(resource.id);
    for (std::size_t i = 0; i < shape.columns.size(); ++i) {
        const auto column = std::ranges::find_if(
            named, [&](const Known& other) { return same_name(other.name, shape.columns[i]); });
        if (column == named.end()) continue;
        resource.columns.push_back(
            {column->id, shape.columns[i], shape.initial[i], shape.types[i], shape.affinities[i]});
    }
    std::ranges::sort(resource.columns, {}, &ValueColumn::id);
}

ColumnId Columns::id(std::int64_t resource, const std::string& name) {
    Statement find = connection_.prepare("SELECT id FROM strandline_columns WHERE resource = ? AND name = ?");
    if (find.bind(1, resource).bind_text(2, name).step()) return static_cast<ColumnId>(find.integer(0));
    const Known heard{next_id(resource), name, std::nullopt, {}, false};
    put(resource, heard);
    return heard.id;
}

const std::vector<std::pair<ColumnId, std::string>>& Columns::absent(std::int64_t resource) {
    const auto [absent, is_new] = absent_.try_emplace(resource);
    if (!is_new) return absent->second;
    for (const Known& column : known(resource)) {
        if (!column.place) absent->second.emplace_back(column.id, column.name);
    }
    return absent->second;
}

std::vector<std::string> Columns::dropped(std::int64_t resource) {
    std::vector<std::string> dropped;
    for (const Known& column : known(resource)) {
        if (column.is_dropped) dropped.push_back(column.name);
    }
    return dropped;
}

void Columns::note_dropped(std::int64_t resource, ColumnId column) {
    absent_.erase(resource);
    connection_
        .prepare(
            "UPDATE strandline_columns SET place = ? WHERE resource = ? AND id = ? AND place IS NULL AND NOT "
            "is_old")
        .bind(1, kDropped)
        .bind(2, resource)
        .bind(3, static_cast<std::int64_t>(column))
        .run();
}

std::string Columns::name(std::int64_t resource, ColumnId column) {
    Statement find = connection_.prepare(
        "SELECT name FROM strandline_columns WHERE resource = ? AND id = ? AND NOT is_old");
    find.bind(1, resource).bind(2, static_cast<std::int64_t>(column));
    return find.step() ? find.text(0) : std::string();
}

/// Ids are never used twice: what is kept under one would become another column's.
ColumnId Columns::next_id(std::int64_t resource) {
    Statement count = connection_.prepare(
        "UPDATE strandline_resources SET columns = columns + 1 WHERE id = ? RETURNING columns - 1");
    count.bind(1, resource).step();
    const auto id = static_cast<ColumnId>(count.integer(0));
    count.run();
    return id;
}

void Columns::put(std::int64_t resource, const Known& column) {
    absent_.erase(resource);
    Statement put = connection_.prepare(
        "INSERT INTO strandline_columns(resource, name, id, is_old, place, type) VALUES (?, ?, ?, 0, ?, ?) "
        "ON CONFLICT DO UPDATE SET name = excluded.name, id = excluded.id, is_old = 0, "
        "place = excluded.place, type = excluded.type");
    put.bind(1, resource).bind_text(2, column.name).bind(3, static_cast<std::int64_t>(column.id));
    if (column.place || column.is_dropped) {
        put.bind(4, column.place.value_or(kDropped));
    } else {
        put.bind_null(4);
    }
    put.bind_text(5, column.type).run();
}

}  // namespace strandline::engine::store
