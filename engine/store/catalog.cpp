#include "engine/store/catalog.h"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <strandline/message.h>

#include "backfill/plan.h"
#include "engine/store/parts.h"
#include "engine/store/schema.h"
#include "engine/store/triggers.h"

namespace strandline::engine::store {

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
    rows_.clear();
    columns_.reload();
    ++loads_;
    order_parents_first();
}

void Catalog::order_parents_first() {
    std::vector<std::vector<std::size_t>> parents(resources_.size());
    for (std::size_t child = 0; child < resources_.size(); ++child) {
        for (const std::string& name : resources_[child].parents) {
            if (const Resource* parent = find(name))
                parents[child].push_back(static_cast<std::size_t>(parent - resources_.data()));
        }
    }
    parents_first_.clear();
    for (const std::size_t next : backfill::parents_first(parents))
        parents_first_.push_back(resources_[next].id);
}

Met Catalog::meet() {
    load();
    if (!resources_.empty()) install_capture(connection_, definitions_);
    Met met;
    for (const Resource& resource : resources_) {
        if (!resource.is_there) continue;
        name_key(resource.id, resource.key);
        auto columns = columns_.meet(resource.id, *shape(resource.name));
        if (!columns.empty()) met.renamed[resource.id] = std::move(columns);
        if (note_sql(resource)) met.altered.insert(resource.id);
    }
    return met;
}

const Result<TableShape>& Catalog::shape(const std::string& table) {
    if (shapes_mark_.has_moved(connection_)) shapes_.clear();
    auto known = shapes_.find(table);
    if (known == shapes_.end()) known = shapes_.emplace(table, inspect_table(connection_, table)).first;
    return known->second;
}

bool Catalog::note_sql(const Resource& resource) {
    const auto& all = definitions_.all();
    const auto table = std::ranges::find_if(all, [&](const Definition& definition) {
        return definition.type == "table" && same_name(definition.name, resource.name);
    });
    if (table == all.end()) return false;
    connection_.prepare("UPDATE strandline_resources SET sql = ?2 WHERE id = ?1 AND sql <> ?2")
        .bind(1, resource.id)
        .bind_text(2, table->sql)
        .run();
    return connection_.changes() > 0;
}

void Catalog::fill_shape(Resource& resource, const std::string& signature) {
    const auto& found = shape(resource.name);
    if (!found) {
        resource.why_away = found.error().message;
        return;
    }
    if (!is_same_key(resource, *found, signature)) {
        resource.why_away = "its key is another one than when it was tracked";
        resource.has_another_key = true;
        return;
    }
    resource.is_there = true;
    resource.key = with_old_names(resource.id, found->key);
    resource.unique = found->unique;
    resource.parents = found->parents;
    columns_.fill(resource, *found);
}

bool Catalog::is_same_key(const Resource& resource, const TableShape& shape, const std::string& signature) {
    if (signature_of(shape.key) != signature) return false;
    Statement find = connection_.prepare(
        "SELECT 1 FROM strandline_keys WHERE resource = ? AND place = ? AND name = ? AND NOT is_old");
    for (std::size_t i = 0; i < shape.key.size(); ++i) {
        find.bind(1, resource.id).bind(2, static_cast<std::int64_t>(i)).bind_text(3, shape.key[i].name);
        // Whoever renames a column of a key leaves our triggers where they are.
        if (!find.step()) return has_triggers(definitions_, resource.id, shape.name);
        find.reset();
    }
    return true;
}

std::vector<KeyColumn> Catalog::with_old_names(std::int64_t resource, std::vector<KeyColumn> key) {
    Statement find = connection_.prepare(
        "SELECT place, name FROM strandline_keys WHERE resource = ? ORDER BY place, name");
    find.bind(1, resource);
    while (find.step()) {
        KeyColumn& column = key[static_cast<std::size_t>(find.integer(0))];
        if (!same_name(find.text(1), column.name)) column.old_names.push_back(find.text(1));
    }
    return key;
}

void Catalog::name_key(std::int64_t resource, const std::vector<KeyColumn>& key) {
    Statement rename = connection_.prepare(
        "UPDATE strandline_keys SET is_old = 1 WHERE resource = ? AND place = ? AND name <> ? AND NOT "
        "is_old");
    Statement put = connection_.prepare(
        "INSERT INTO strandline_keys(resource, place, name, is_old) VALUES (?, ?, ?, 0) "
        "ON CONFLICT DO UPDATE SET is_old = 0 WHERE is_old");
    for (std::size_t i = 0; i < key.size(); ++i) {
        const auto place = static_cast<std::int64_t>(i);
        rename.bind(1, resource).bind(2, place).bind_text(3, key[i].name).run();
        put.bind(1, resource).bind(2, place).bind_text(3, key[i].name).run();
    }
}

const Resource* Catalog::find(const std::string& name) const {
    auto at = std::ranges::find(resources_, name, &Resource::name);
    if (at == resources_.end()) {
        at = std::ranges::find_if(resources_,
                                  [&](const Resource& resource) { return same_name(resource.name, name); });
    }
    return at != resources_.end() ? &*at : nullptr;
}

const Resource* Catalog::find(std::int64_t id) const {
    const auto at = std::ranges::find(resources_, id, &Resource::id);
    return at != resources_.end() ? &*at : nullptr;
}

const Resource& Catalog::add(const TableShape& shape, Ownership ownership) {
    Statement insert = connection_.prepare(
        "INSERT INTO strandline_resources(name, ownership, key) VALUES (?, ?, ?) RETURNING id");
    const std::string signature = signature_of(shape.key);
    insert.bind_text(1, shape.name).bind_text(2, name_of(ownership)).bind_text(3, signature);
    insert.step();
    const std::int64_t id = insert.integer(0);
    insert.run();
    name_key(id, shape.key);
    columns_.meet(id, shape);
    load();
    const Resource& resource = *find(id);
    note_sql(resource);
    return resource;
}

void Catalog::install(const Resource& resource) {
    if (shapes_mark_.has_moved(connection_)) shapes_.clear();
    make_room_for_key(resource.key.size());
    install_capture(connection_, definitions_);
    if (resource.ownership == Ownership::device_owned) make_foreign_table(resource);
    install_triggers(connection_, definitions_, resource);
    // Within our transaction nobody else has changed the schema, and the app's tables are as they were.
    (void)shapes_mark_.has_moved(connection_);
}

void Catalog::make_foreign_table(const Resource& resource) {
    std::string columns;
    std::string names;
    for (std::size_t i = 0; i < resource.key.size(); ++i) {
        const std::string name = "k" + std::to_string(i + 1);
        columns += name + " COLLATE " + name_of(resource.key[i].collation) + ", ";
        names += (i > 0 ? ", " : "") + name;
    }
    const std::string table = foreign_table(resource);
    connection_.execute("CREATE TABLE " + table + "(" + columns + "is_in_the_way, PRIMARY KEY (" + names +
                        ")) WITHOUT ROWID");
    connection_.execute("CREATE INDEX " + table + "_in_the_way ON " + table +
                        "(is_in_the_way) WHERE is_in_the_way IS NOT NULL");
}

void Catalog::make_room_for_key(std::size_t columns) {
    const auto there = static_cast<std::size_t>(connection_.ask_integer(
        "SELECT count(*) FROM pragma_table_info('strandline_journal') WHERE name GLOB 'k[0-9]*'"));
    for (std::size_t i = there + 1; i <= columns; ++i) {
        connection_.execute("ALTER TABLE strandline_journal ADD COLUMN k" + std::to_string(i));
    }
}

void Catalog::remove(std::int64_t resource) {
    remove_triggers(connection_, definitions_, resource);
    connection_.execute("DROP TABLE IF EXISTS " + foreign_table(*find(resource)));
    const std::string id = std::to_string(resource);
    for (const char* table : {"quarantine_stamps", "quarantine_values"}) {
        connection_.execute("DELETE FROM strandline_" + std::string(table) +
                            " WHERE id IN (SELECT id FROM strandline_quarantine WHERE resource = " + id +
                            ")");
    }
    Parts(connection_).drop_all_of(resource);
    for (const char* table : {"journal", "keys", "columns", "stamps", "fingerprints", "coverage", "forgotten",
                              "quarantine", "receipts", "not_exchanged"}) {
        connection_.execute("DELETE FROM strandline_" + std::string(table) + " WHERE resource = " + id);
    }
    connection_.execute("DELETE FROM strandline_resources WHERE id = " + id);
    load();
    if (resources_.empty()) remove_capture(connection_);
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
    rows_[resource] = rows;
}

void Catalog::add_rows(std::int64_t resource, std::int64_t difference) {
    if (difference == 0) return;
    connection_.prepare("UPDATE strandline_resources SET rows = rows + ? WHERE id = ?")
        .bind(1, difference)
        .bind(2, resource)
        .run();
    if (const auto known = rows_.find(resource); known != rows_.end()) known->second += difference;
}

std::int64_t Catalog::rows(std::int64_t resource) {
    const auto [known, is_new] = rows_.try_emplace(resource);
    if (is_new) {
        Statement find = connection_.prepare("SELECT rows FROM strandline_resources WHERE id = ?");
        if (find.bind(1, resource).step()) known->second = find.integer(0);
    }
    return known->second;
}

void Origins::load() {
    ids_.clear();
    numbers_.clear();
    ceilings_.clear();
    Statement statement =
        connection_.prepare("SELECT device, incarnation, ceiling FROM strandline_origins ORDER BY id");
    while (statement.step()) {
        const OriginId id{device_id_from_bytes(statement.bytes(0)),
                          static_cast<Incarnation>(statement.integer(1))};
        numbers_[id] = static_cast<Origin>(ids_.size());
        const std::int64_t ceiling = statement.integer(2);
        if (ceiling != 0) ceilings_[numbers_[id]] = Hlc{ceiling};
        ids_.push_back(id);
    }
}

bool Origins::lower_ceiling(Origin origin, Hlc ceiling) {
    const auto [known, is_first] = ceilings_.try_emplace(origin, ceiling);
    if (!is_first && known->second <= ceiling) return false;
    known->second = ceiling;
    connection_.prepare("UPDATE strandline_origins SET ceiling = ? WHERE id = ?")
        .bind(1, ceiling.value)
        .bind(2, static_cast<std::int64_t>(origin))
        .run();
    return true;
}

/// Of the name whole: parts of it are whatever a peer makes of them.
std::size_t Origins::Hash::operator()(const OriginId& id) const {
    return XXH3_64bits_withSeed(id.device.bytes.data(), id.device.bytes.size(),
                                static_cast<std::uint64_t>(id.incarnation));
}

bool Origins::know(const std::vector<OriginId>& ids) const {
    return std::ranges::all_of(ids, [&](const OriginId& id) { return numbers_.contains(id); });
}

bool Origins::has_room_for(const std::vector<OriginId>& ids) const {
    if (ids_.size() + ids.size() <= message::kOriginsMax)
        return true;  // Asked with every message, and nearly always so.
    const auto news = std::ranges::count_if(ids, [&](const OriginId& id) { return !numbers_.contains(id); });
    return ids_.size() + static_cast<std::size_t>(news) <= message::kOriginsMax;
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
