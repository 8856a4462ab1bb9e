#include "engine/store/catalog.h"

#include <algorithm>

#include "engine/store/schema.h"
#include "engine/store/triggers.h"

namespace strandline::engine::store {

namespace {

std::string collations_of(const std::vector<KeyColumn>& key) {
    const char* names[] = {"BINARY", "NOCASE", "RTRIM"};
    std::string out;
    for (const KeyColumn& column : key)
        out += (out.empty() ? "" : ", ") + std::string(names[static_cast<int>(column.collation)]);
    return out;
}

}  // namespace

void Catalog::load() {
    std::vector<Resource> found;
    Statement statement = connection_.prepare(
        "SELECT id, name, ownership, key, is_away FROM strandline_resources ORDER BY name");
    while (statement.step()) {
        Resource resource;
        resource.id = statement.integer(0);
        resource.name = statement.text(1);
        resource.ownership = statement.text(2) == "shared" ? Ownership::shared : Ownership::device_owned;
        resource.was_away = statement.integer(4) != 0;
        fill_shape(resource, statement.text(3));
        found.push_back(std::move(resource));
    }
    resources_ = std::move(found);
}

void Catalog::fill_shape(Resource& resource, const std::string& key) {
    const auto shape = inspect_table(connection_, resource.name);
    if (!shape || collations_of(shape->key) != key) {
        resource.why_away = shape ? "its key is another one than when it was tracked" : shape.error().message;
        return;
    }
    resource.is_there = true;
    resource.key = shape->key;
    resource.unique = shape->unique;
    for (std::size_t i = 0; i < shape->columns.size(); ++i) {
        resource.columns.push_back(
            {column_id(resource.id, shape->columns[i]), shape->columns[i], shape->initial[i]});
    }
    std::ranges::sort(resource.columns, {}, &ValueColumn::id);
}

const Resource* Catalog::find(const std::string& name) const {
    const auto at = std::ranges::find_if(
        resources_, [&](const Resource& resource) { return same_name(resource.name, name); });
    return at != resources_.end() ? &*at : nullptr;
}

const Resource* Catalog::find(std::int64_t id) const {
    const auto at = std::ranges::find(resources_, id, &Resource::id);
    return at != resources_.end() ? &*at : nullptr;
}

const Resource& Catalog::add(const TableShape& shape, Ownership ownership) {
    Statement insert = connection_.prepare(
        "INSERT INTO strandline_resources(name, ownership, key) VALUES (?, ?, ?) RETURNING id");
    const std::string key = collations_of(shape.key);
    insert.bind_text(1, shape.name).bind_text(2, name_of(ownership)).bind_text(3, key);
    insert.step();
    const std::int64_t id = insert.integer(0);
    insert.run();
    make_room_for_key(shape.key.size());
    load();
    const Resource& resource = *find(id);
    if (ownership == Ownership::device_owned) {
        std::string columns;
        std::string names;
        for (std::size_t i = 0; i < resource.key.size(); ++i) {
            const char* collations[] = {"BINARY", "NOCASE", "RTRIM"};
            const std::string name = "k" + std::to_string(i + 1);
            columns += name + " COLLATE " + collations[static_cast<int>(resource.key[i].collation)] + ", ";
            names += (i > 0 ? ", " : "") + name;
        }
        connection_.execute("CREATE TABLE " + foreign_table(resource) + "(" + columns + "PRIMARY KEY (" +
                            names + ")) WITHOUT ROWID");
    }
    install_triggers(connection_, resource);
    return resource;
}

void Catalog::make_room_for_key(std::size_t columns) {
    const auto there = static_cast<std::size_t>(connection_.ask_integer(
        "SELECT count(*) FROM pragma_table_info('strandline_journal') WHERE name GLOB 'k[0-9]*'"));
    for (std::size_t i = there + 1; i <= columns; ++i) {
        connection_.execute("ALTER TABLE strandline_journal ADD COLUMN k" + std::to_string(i));
    }
}

void Catalog::remove(std::int64_t resource) {
    remove_triggers(connection_, resource);
    connection_.execute("DROP TABLE IF EXISTS " + foreign_table(*find(resource)));
    const std::string id = std::to_string(resource);
    for (const char* table : {"quarantine_stamps", "quarantine_values"}) {
        connection_.execute("DELETE FROM strandline_" + std::string(table) +
                            " WHERE id IN (SELECT id FROM strandline_quarantine WHERE resource = " + id +
                            ")");
    }
    for (const char* table : {"journal", "columns", "stamps", "coverage", "quarantine", "receipts"}) {
        connection_.execute("DELETE FROM strandline_" + std::string(table) + " WHERE resource = " + id);
    }
    connection_.execute("DELETE FROM strandline_resources WHERE id = " + id);
    load();
}

ColumnId Catalog::column_id(std::int64_t resource, const std::string& name) {
    Statement find = connection_.prepare("SELECT id FROM strandline_columns WHERE resource = ? AND name = ?");
    if (find.bind(1, resource).bind_text(2, name).step()) return static_cast<ColumnId>(find.integer(0));
    find.reset();
    // SQLite has put a renamed column's new name into our trigger for it, and that one bears the column's id.
    Statement rename = connection_.prepare(
        "UPDATE strandline_columns SET name = ?2 WHERE resource = ?1 AND EXISTS (SELECT 1 FROM sqlite_schema "
        "AS made WHERE made.type = 'trigger' AND made.name = 'strandline_' || ?1 || '_column_' || id "
        "AND instr(made.sql, 'AFTER UPDATE OF ' || ?3 || ' ON ')) RETURNING id");
    const std::string in_quotes = quoted(name);
    if (rename.bind(1, resource).bind_text(2, name).bind_text(3, in_quotes).step()) {
        const auto id = static_cast<ColumnId>(rename.integer(0));
        rename.run();
        return id;
    }
    Statement insert = connection_.prepare(
        "INSERT INTO strandline_columns(resource, id, name) "
        "SELECT ?1, ifnull((SELECT max(id) + 1 FROM strandline_columns WHERE resource = ?1), 0), ?2 "
        "RETURNING id");
    insert.bind(1, resource).bind_text(2, name).step();
    const auto id = static_cast<ColumnId>(insert.integer(0));
    insert.run();
    return id;
}

std::string Catalog::column_name(std::int64_t resource, ColumnId column) {
    Statement find = connection_.prepare("SELECT name FROM strandline_columns WHERE resource = ? AND id = ?");
    find.bind(1, resource).bind(2, static_cast<std::int64_t>(column));
    return find.step() ? find.text(0) : std::string();
}

void Catalog::set_away(std::int64_t resource, bool is_away) {
    connection_.prepare("UPDATE strandline_resources SET is_away = ? WHERE id = ?")
        .bind(1, std::int64_t{is_away})
        .bind(2, resource)
        .run();
}

void Catalog::set_rows(std::int64_t resource, std::int64_t rows) {
    connection_.prepare("UPDATE strandline_resources SET rows = ? WHERE id = ?")
        .bind(1, rows)
        .bind(2, resource)
        .run();
}

void Catalog::add_rows(std::int64_t resource, std::int64_t difference) {
    if (difference == 0) return;
    connection_.prepare("UPDATE strandline_resources SET rows = rows + ? WHERE id = ?")
        .bind(1, difference)
        .bind(2, resource)
        .run();
}

std::int64_t Catalog::rows(std::int64_t resource) {
    Statement find = connection_.prepare("SELECT rows FROM strandline_resources WHERE id = ?");
    return find.bind(1, resource).step() ? find.integer(0) : 0;
}

void Origins::load() {
    ids_.clear();
    numbers_.clear();
    Statement statement =
        connection_.prepare("SELECT device, incarnation FROM strandline_origins ORDER BY id");
    while (statement.step()) {
        const OriginId id{device_id_from_bytes(statement.bytes(0)),
                          static_cast<Incarnation>(statement.integer(1))};
        numbers_[id] = static_cast<Origin>(ids_.size());
        ids_.push_back(id);
    }
}

Origin Origins::number(const OriginId& id) {
    const auto at = numbers_.find(id);
    if (at != numbers_.end()) return at->second;
    const auto number = static_cast<Origin>(ids_.size());
    Statement insert =
        connection_.prepare("INSERT INTO strandline_origins(id, device, incarnation) VALUES (?, ?, ?)");
    insert.bind(1, static_cast<std::int64_t>(number)).bind_blob(2, bytes_of(id.device));
    insert.bind(3, static_cast<std::int64_t>(id.incarnation)).run();
    ids_.push_back(id);
    numbers_[id] = number;
    return number;
}

}  // namespace strandline::engine::store
