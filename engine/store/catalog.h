#pragma once

#include <map>
#include <string>
#include <vector>

#include <strandline/ids.h>

#include "engine/store/resource.h"

namespace strandline::engine::store {

/// The tracked tables and their columns, as the database has them.
///
/// A column keeps its id for the resource's whole life, also while the table does not have it: a
/// device with a newer schema may have stamped it, and its stamps are passed on.
class Catalog {
public:
    explicit Catalog(Connection& connection) : connection_(connection) {}

    /// Reads everything anew: at open, after a change of the schema, after a rollback.
    void load();
    [[nodiscard]] const std::vector<Resource>& resources() const { return resources_; }
    [[nodiscard]] const Resource* find(const std::string& name) const;
    [[nodiscard]] const Resource* find(std::int64_t id) const;

    /// Records a table as tracked, with its columns, journal columns and triggers. Inside a transaction.
    const Resource& add(const TableShape& shape, Ownership ownership);
    /// Removes all that is known of a resource but the table itself. Inside a transaction.
    void remove(std::int64_t resource);

    /// The id of a column by name; a new one when the resource never had such a column.
    ColumnId column_id(std::int64_t resource, const std::string& name);
    /// The name of a column that the table may not have (any more).
    [[nodiscard]] std::string column_name(std::int64_t resource, ColumnId column);

    void set_away(std::int64_t resource, bool is_away);
    void set_rows(std::int64_t resource, std::int64_t rows);
    void add_rows(std::int64_t resource, std::int64_t difference);
    [[nodiscard]] std::int64_t rows(std::int64_t resource);

private:
    void fill_shape(Resource& resource, const std::string& key);
    void make_room_for_key(std::size_t columns);

    Connection& connection_;
    std::vector<Resource> resources_;
};

/// The origins that this database knows, by their small numbers. Zero is the first incarnation of this device.
class Origins {
public:
    explicit Origins(Connection& connection) : connection_(connection) {}

    void load();
    [[nodiscard]] const std::vector<OriginId>& ids() const { return ids_; }
    [[nodiscard]] const OriginId& id(Origin origin) const { return ids_[static_cast<std::size_t>(origin)]; }
    /// The small number of an origin; a new one when it was never heard of. Inside a transaction then.
    Origin number(const OriginId& id);

private:
    Connection& connection_;
    std::vector<OriginId> ids_;
    std::map<OriginId, Origin> numbers_;
};

}  // namespace strandline::engine::store
