#include "engine/store/triggers.h"

#include <algorithm>
#include <map>

namespace strandline::engine::store {
namespace {

/// A missing flag table row means: capture.
constexpr const char* kNotApplying = "NOT EXISTS (SELECT 1 FROM strandline_applying)";

/// What all capture triggers write to: a view of the journal, whose own trigger has the clock and asks for the flag. Each
/// connection reads all triggers as it opens, and each statement of an app has those of its table compiled in:
/// so what they have in common stands here once.
constexpr const char* kCapture = "strandline_capture";

/// The clock in SQL (DESIGN 5): one more than the newest reading, or the wall clock if that is later.
/// A julian day has some 50 us of precision, so the milliseconds are rounded, not cut.
/// 'now' is frozen within a statement; the journal's newest row is what keeps readings apart. The floor
/// moves only when the journal is empty, or to the end of what was folded, so it counts only then.
constexpr const char* kNextHlc =
    "max(ifnull((SELECT max(hlc) FROM strandline_journal), ifnull((SELECT floor FROM strandline_clock), 0)) "
    "+ 1, "
    "min(CAST((julianday('now') - 2440587.5) * 86400000.0 + 0.5 AS INTEGER), 140737488355327) << 16)";

std::string joined(const std::vector<std::string>& parts, const std::string& between) {
    std::string out;
    for (const std::string& part : parts) out += (out.empty() ? "" : between) + part;
    return out;
}

std::string prefix_of(std::int64_t resource) {
    return "strandline_" + std::to_string(resource) + "_";
}

/// k1, k2 ... as far as this key goes.
std::string journal_key(const Resource& resource) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < resource.key.size(); ++i) names.push_back("k" + std::to_string(i + 1));
    return joined(names, ", ");
}

std::string key_of(const Resource& resource, const std::string& row) {
    std::vector<std::string> names;
    for (const KeyColumn& column : resource.key) names.push_back(row + quoted_name(column.name));
    return joined(names, ", ");
}

std::string insert_captured(const Resource& resource) {
    return std::string("INSERT INTO ") + kCapture + "(resource, what, " + journal_key(resource) + ")";
}

/// INSERT INTO the journal what was done to the row NEW or OLD. Without a condition as VALUES: a SELECT
/// for a view with a trigger goes through a temporary table, at twice the cost.
std::string append(const Resource& resource, std::int64_t what, const std::string& row,
                   const std::string& where = {}) {
    const std::string values =
        std::to_string(resource.id) + ", " + std::to_string(what) + ", " + key_of(resource, row);
    return insert_captured(resource) +
           (where.empty() ? " VALUES (" + values + ");" : " SELECT " + values + where + ";");
}

/// Conditions over the key's columns, OLD against NEW.
std::string any_key_column(const Resource& resource, const std::string& before, const std::string& after) {
    std::vector<std::string> conditions;
    for (const KeyColumn& column : resource.key) {
        const std::string name = quoted_name(column.name);
        conditions.push_back("OLD." + name + before + "NEW." + name + after);
    }
    return joined(conditions, " OR ");
}

/// A key that is respelled, 'q' to 'Q' under NOCASE or 2 to 2.0, is the same key, and yet a change.
std::string key_respelled(const Resource& resource) {
    std::vector<std::string> conditions;
    for (const KeyColumn& column : resource.key) {
        const std::string name = quoted_name(column.name);
        conditions.push_back("OLD." + name + " IS NOT NEW." + name + " COLLATE BINARY OR typeof(OLD." + name +
                             ") <> typeof(NEW." + name + ")");
    }
    return "(" + joined(conditions, " OR ") + ")";
}

std::string null_key(const Resource& resource) {
    std::vector<std::string> conditions;
    for (const KeyColumn& column : resource.key)
        conditions.push_back("NEW." + quoted_name(column.name) + " IS NULL");
    return joined(conditions, " OR ");
}

/// What NEW will hold in a column: REPLACE fills in the default for a NULL only after this trigger.
std::string new_value(const IndexedColumn& column) {
    const std::string value = "NEW." + quoted_name(column.name);
    return column.filled_in.empty() ? value : "ifnull(" + value + ", (" + column.filled_in + "))";
}

/// An expression of the app's, worked out for NEW: under the table's own names, so that it stands as the app wrote it, also
/// after a column was renamed. The empty first part hands on the columns' affinities, which NEW has not; a WHERE
/// that is not worked out as a value would be pushed past them (SQLite 3.40).
std::string of_new(const Resource& resource, const UniqueIndex& index, const std::string& expression) {
    std::string names;
    std::string values;
    for (const IndexedColumn& column : index.reads) {
        const std::string name = quoted_name(column.name);
        names += (names.empty() ? "" : ", ") + name + " AS " + name;
        values += (values.empty() ? "" : ", ") + new_value(column);
    }
    if (index.reads.empty()) return expression;
    const std::string table = quoted_name(resource.name);
    return "(SELECT " + expression + " FROM (SELECT " + names + " FROM " + table +
           " WHERE 0 UNION ALL SELECT " + values + ") AS " + table + ")";
}

/// The keys of rows that INSERT OR REPLACE or UPDATE OR REPLACE may remove through a secondary UNIQUE index; no
/// delete trigger fires for them (recursive_triggers is off in most apps).
std::string rows_in_the_way(const Resource& resource, const UniqueIndex& index, bool is_update) {
    std::vector<std::string> conditions;
    for (const UniqueIndex::Term& term : index.terms) {
        std::string value;
        if (term.is_expression) {
            value = of_new(resource, index, term.sql);
        } else {
            const auto column = std::ranges::find(
                index.reads, term.sql, [](const IndexedColumn& read) { return quoted_name(read.name); });
            value = new_value(*column);
        }
        conditions.push_back(term.sql + " = " + value + " COLLATE " + quoted_name(term.collation));
    }
    if (!index.where.empty()) {
        const std::string where = "(" + index.where + ")";
        conditions.push_back(where);
        conditions.push_back(of_new(resource, index, where));
    }
    if (is_update) {
        std::vector<std::string> same;
        for (const KeyColumn& column : resource.key)
            same.push_back(quoted_name(column.name) + " IS OLD." + quoted_name(column.name));
        conditions.push_back("NOT (" + joined(same, " AND ") + ")");
    }
    return key_of(resource, "") + " FROM " + quoted_name(resource.name) + " WHERE " +
           joined(conditions, " AND ");
}

/// A key that may be the rowid is also set under that name, which no UPDATE OF would see.
std::string update_of_key(const Resource& resource) {
    const bool may_be_rowid = resource.key.size() == 1 && resource.key[0].affinity == Affinity::numeric;
    return may_be_rowid ? "AFTER UPDATE" : "AFTER UPDATE OF " + key_of(resource, "");
}

/// UPDATE, of the columns by which rows stand in the table's UNIQUE indexes; of any, where one follows from others.
std::string update_of_unique(const Resource& resource) {
    std::vector<std::string> columns;
    for (const UniqueIndex& index : resource.unique) {
        for (const IndexedColumn& column : index.reads) {
            if (column.is_generated) return " UPDATE";
            columns.push_back(quoted_name(column.name));
        }
    }
    return columns.empty() ? " UPDATE" : " UPDATE OF " + joined(columns, ", ");
}

/// Noted before, judged by the fold.
std::string check_unique(const Resource& resource, const UniqueIndex& index, bool is_update) {
    return insert_captured(resource) + " SELECT " + std::to_string(resource.id) + ", " +
           std::to_string(kWhatCheck) + ", " + rows_in_the_way(resource, index, is_update) + ";";
}

bool is_trigger_of(std::int64_t resource, const Definition& definition) {
    return definition.type == "trigger" && definition.name.starts_with(prefix_of(resource));
}

Trigger make_trigger(const Resource& resource, const std::string& suffix, const std::string& when,
                     const std::string& condition, const std::string& body) {
    const std::string name = prefix_of(resource.id) + suffix;
    return {name, "CREATE TRIGGER " + name + " " + when + " ON " + quoted_name(resource.name) +
                      (condition.empty() ? "" : " WHEN " + condition) + " BEGIN " + body + " END"};
}

void add_unique_checks(const Resource& resource, std::vector<Trigger>& triggers) {
    if (resource.unique.empty()) return;
    std::string on_insert;
    std::string on_update;
    for (const UniqueIndex& index : resource.unique) {
        on_insert += check_unique(resource, index, false);
        on_update += check_unique(resource, index, true);
    }
    triggers.push_back(make_trigger(resource, "check_insert", "BEFORE INSERT", kNotApplying, on_insert));
    triggers.push_back(make_trigger(resource, "check_update", "BEFORE" + update_of_unique(resource),
                                    kNotApplying, on_update));
}

}  // namespace

std::vector<Trigger> capture_triggers(const Resource& resource) {
    const std::string no_null =
        "SELECT RAISE(ABORT, " +
        quoted_text("strandline: the key of the tracked table " + resource.name +
                    " must not be NULL; without one, devices cannot tell its rows apart") +
        ") WHERE " + null_key(resource) + ";";
    std::vector<Trigger> triggers;
    triggers.push_back(
        make_trigger(resource, "insert", "AFTER INSERT", {}, no_null + append(resource, kWhatRow, "NEW.")));
    triggers.push_back(
        make_trigger(resource, "delete", "AFTER DELETE", {}, append(resource, kWhatDelete, "OLD.")));
    // A changed key is a delete and an insert; a respelled one only a new row of the same key.
    triggers.push_back(make_trigger(
        resource, "key", update_of_key(resource), key_respelled(resource),
        no_null +
            append(resource, kWhatDelete, "OLD.", " WHERE " + any_key_column(resource, " IS NOT ", "")) +
            append(resource, kWhatRow, "NEW.")));
    for (const ValueColumn& column : resource.columns) {
        const auto id = static_cast<std::int64_t>(column.id);
        triggers.push_back(make_trigger(resource, "column_" + std::to_string(id),
                                        "AFTER UPDATE OF " + quoted_name(column.name), {},
                                        append(resource, kWhatColumn + id, "NEW.")));
    }
    add_unique_checks(resource, triggers);
    return triggers;
}

std::string column_trigger(std::int64_t resource, ColumnId column) {
    return prefix_of(resource) + "column_" + std::to_string(static_cast<std::int64_t>(column));
}

bool has_triggers(Definitions& definitions, std::int64_t resource, const std::string& table) {
    return std::ranges::any_of(definitions.all(), [&](const Definition& definition) {
        return is_trigger_of(resource, definition) && same_name(definition.table, table);
    });
}

std::string foreign_table(const Resource& resource) {
    return prefix_of(resource.id) + "foreign";
}

/// A row of another device that REPLACE may remove is noted before, and looked for afterwards: OR IGNORE, or a
/// conflict that fails by itself, leaves it alone.
void add_replace_guards(const Resource& resource, std::vector<Trigger>& triggers) {
    if (resource.unique.empty()) return;
    const std::string foreign = foreign_table(resource);
    std::string on_insert;
    std::string on_update;
    for (const UniqueIndex& index : resource.unique) {
        const auto note = [&](bool is_update) {
            return "UPDATE " + foreign + " SET is_in_the_way = 1 WHERE (" + journal_key(resource) +
                   ") IN (SELECT " + rows_in_the_way(resource, index, is_update) + ");";
        };
        on_insert += note(false);
        on_update += note(true);
    }
    std::vector<std::string> same;
    for (std::size_t i = 0; i < resource.key.size(); ++i) {
        same.push_back(foreign + ".k" + std::to_string(i + 1) + " = " + quoted_name(resource.name) + "." +
                       quoted_name(resource.key[i].name));
    }
    const std::string is_noted = "SELECT 1 FROM " + foreign + " WHERE is_in_the_way = 1";
    const std::string when = std::string(kNotApplying) + " AND EXISTS (" + is_noted + ")";
    const std::string look =
        "SELECT RAISE(ABORT, " +
        quoted_text("strandline: this would remove a row of the device-owned table " + resource.name +
                    " that belongs to another device; only the device that inserted it may do that") +
        ") WHERE EXISTS (" + is_noted + " AND NOT EXISTS (SELECT 1 FROM " + quoted_name(resource.name) +
        " WHERE " + joined(same, " AND ") + ")); UPDATE " + foreign +
        " SET is_in_the_way = NULL WHERE is_in_the_way = 1;";
    const std::string of_columns = update_of_unique(resource);
    triggers.push_back(make_trigger(resource, "owner_note_insert", "BEFORE INSERT", kNotApplying, on_insert));
    triggers.push_back(
        make_trigger(resource, "owner_note_update", "BEFORE" + of_columns, kNotApplying, on_update));
    triggers.push_back(make_trigger(resource, "owner_look_insert", "AFTER INSERT", when, look));
    triggers.push_back(make_trigger(resource, "owner_look_update", "AFTER" + of_columns, when, look));
}

std::vector<Trigger> ownership_triggers(const Resource& resource) {
    if (resource.ownership != Ownership::device_owned) return {};
    const auto is_foreign = [&](const std::string& row) {
        std::vector<std::string> same;
        for (std::size_t i = 0; i < resource.key.size(); ++i)
            same.push_back("k" + std::to_string(i + 1) + " = " + row + quoted_name(resource.key[i].name));
        return std::string(kNotApplying) + " AND EXISTS (SELECT 1 FROM " + foreign_table(resource) +
               " WHERE " + joined(same, " AND ") + ")";
    };
    const std::string refuse =
        "SELECT RAISE(ABORT, " +
        quoted_text("strandline: this row of the device-owned table " + resource.name +
                    " belongs to another device; only the device that inserted it may change it") +
        ");";
    // A key that another device owns is refused once it is taken: a conflict that is ignored, or told by SQLite, or
    // made an UPDATE of, does not get so far, and REPLACE is taken back.
    std::vector<Trigger> triggers = {
        make_trigger(resource, "owner_insert", "AFTER INSERT", is_foreign("NEW."), refuse),
        make_trigger(resource, "owner_update", "BEFORE UPDATE", is_foreign("OLD."), refuse),
        make_trigger(resource, "owner_key", "AFTER UPDATE", is_foreign("NEW."), refuse),
        make_trigger(resource, "owner_delete", "BEFORE DELETE", is_foreign("OLD."), refuse)};
    add_replace_guards(resource, triggers);
    return triggers;
}

void install_capture(Connection& connection, Definitions& definitions) {
    std::string columns = "resource, what";
    std::string values = "NEW.resource, NEW.what";
    Statement keys = connection.prepare(
        "SELECT name FROM pragma_table_info('strandline_journal') WHERE name GLOB 'k[0-9]*'");
    while (keys.step()) {
        columns += ", " + keys.text(0);
        values += ", NEW." + keys.text(0);
    }
    const std::string name = kCapture;
    const std::string view = "CREATE VIEW " + name + " AS SELECT " + columns + " FROM strandline_journal";
    const std::string trigger = "CREATE TRIGGER " + name + " INSTEAD OF INSERT ON " + name + " WHEN " +
                                kNotApplying + " BEGIN INSERT INTO strandline_journal(hlc, " + columns +
                                ") VALUES (" + kNextHlc + ", " + values + "); END";
    keys.reset();
    const auto is_as_it_must_be = [&](const Definition& definition) {
        return definition.name == name && (definition.sql == view || definition.sql == trigger);
    };
    constexpr std::int64_t kBoth = 2;
    if (std::ranges::count_if(definitions.all(), is_as_it_must_be) == kBoth) return;
    remove_capture(connection);
    connection.execute(view);
    connection.execute(trigger);
}

void remove_capture(Connection& connection) {
    connection.execute(std::string("DROP VIEW IF EXISTS ") + kCapture);
}

TriggersLeft install_triggers(Connection& connection, Definitions& definitions, const Resource& resource) {
    std::vector<Trigger> wanted = capture_triggers(resource);
    std::ranges::copy(ownership_triggers(resource), std::back_inserter(wanted));
    std::map<std::string, std::string> there;
    for (const Definition& definition : definitions.all()) {
        if (is_trigger_of(resource.id, definition) && same_name(definition.table, resource.name))
            there[definition.name] = definition.sql;
    }
    const bool was_unseen =
        std::ranges::any_of(wanted, [&](const Trigger& trigger) { return !there.contains(trigger.first); });
    const bool is_same =
        there.size() == wanted.size() && std::ranges::all_of(wanted, [&](const Trigger& trigger) {
            const auto at = there.find(trigger.first);
            return at != there.end() && at->second == trigger.second;
        });
    if (is_same) return TriggersLeft::all;
    remove_triggers(connection, definitions, resource.id);
    for (const Trigger& trigger : wanted) connection.execute(trigger.second);
    if (there.empty()) return TriggersLeft::none;
    return was_unseen ? TriggersLeft::some : TriggersLeft::all;
}

void remove_triggers(Connection& connection, Definitions& definitions, std::int64_t resource) {
    std::vector<std::string> names;
    for (const Definition& definition : definitions.all()) {
        if (is_trigger_of(resource, definition)) names.push_back(definition.name);
    }
    for (const std::string& name : names) connection.execute("DROP TRIGGER " + quoted_name(name));
}

}  // namespace strandline::engine::store
