#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <strandline/ids.h>

#include "engine/store/columns.h"
#include "engine/store/resource.h"

namespace strandline::engine::store {

/// What was done to tracked tables since the last look, by resource.
struct Met {
    std::map<std::int64_t, std::vector<Renamed>> renamed;  ///< columns
    std::set<std::int64_t> altered;                        ///< whose CREATE TABLE is another one now
};

/// The tracked tables, as the database has them.
class Catalog {
public:
    Catalog(Connection& connection, Definitions& definitions)
        : connection_(connection), definitions_(definitions) {}

    /// Reads everything anew: after a rollback. Columns that meet() has not seen yet are left out.
    void load();
    /// Takes notice of the schema as it is now: at open, and after each change of it. Inside a transaction. What is
    /// mirrored must be read anew then.
    Met meet();
    [[nodiscard]] const std::vector<Resource>& resources() const { return resources_; }
    /// Their numbers, what foreign keys refer to before what refers to it.
    [[nodiscard]] const std::vector<std::int64_t>& parents_first() const { return parents_first_; }
    /// How often they were read: what was found out about one holds as long as this stays the same.
    [[nodiscard]] std::uint64_t loads() const { return loads_; }
    [[nodiscard]] const Resource* find(const std::string& name) const;
    [[nodiscard]] const Resource* find(std::int64_t id) const;

    /// A table as the schema has it. Read once for each schema; valid until the next call with another one.
    [[nodiscard]] const Result<TableShape>& shape(const std::string& table);
    /// Records a table as tracked, with its columns. Inside a transaction, in which install() follows. Each change of the
    /// schema makes SQLite compile all statements anew: so of several tables all are added before one is installed.
    const Resource& add(const TableShape& shape, Ownership ownership);
    /// Makes what captures its writes: columns of the journal, and triggers.
    void install(const Resource& resource);
    /// Removes all that is known of a resource but the table itself. Inside a transaction.
    void remove(std::int64_t resource);

    [[nodiscard]] Columns& columns() { return columns_; }

    void set_away(std::int64_t resource, bool is_away);
    void set_rows(std::int64_t resource, std::int64_t rows);
    void add_rows(std::int64_t resource, std::int64_t difference);
    /// How many living rows it has; from memory, once it was asked.
    [[nodiscard]] std::int64_t rows(std::int64_t resource);

private:
    void order_parents_first();
    void fill_shape(Resource& resource, const std::string& signature);
    /// Notes the CREATE TABLE as it is now. True: it is another one than was noted before.
    bool note_sql(const Resource& resource);
    /// Whether it is the table that was tracked: no ALTER TABLE can change what a key is, but for its names.
    [[nodiscard]] bool is_same_key(const Resource& resource, const TableShape& shape,
                                   const std::string& signature);
    [[nodiscard]] std::vector<KeyColumn> with_old_names(std::int64_t resource, std::vector<KeyColumn> key);
    void name_key(std::int64_t resource, const std::vector<KeyColumn>& key);
    void make_room_for_key(std::size_t columns);
    void make_foreign_table(const Resource& resource);

    Connection& connection_;
    Definitions& definitions_;
    Columns columns_{connection_, definitions_};
    std::vector<Resource> resources_;
    std::vector<std::int64_t> parents_first_;
    std::uint64_t loads_ = 0;
    std::map<std::string, Result<TableShape>> shapes_;
    SchemaMark shapes_mark_;
    std::map<std::int64_t, std::int64_t> rows_;  ///< by resource; unknown when it is not listed
};

/// The origins that this database knows, by their small numbers. Zero is the first incarnation of this device.
class Origins {
public:
    explicit Origins(Connection& connection) : connection_(connection) {}

    void load();
    [[nodiscard]] const std::vector<OriginId>& ids() const { return ids_; }
    [[nodiscard]] const OriginId& id(Origin origin) const { return ids_[static_cast<std::size_t>(origin)]; }
    /// What their stamps are compared by; it follows what is learned of them.
    [[nodiscard]] StampOrder order() const { return {ids_, ceilings_}; }
    [[nodiscard]] const Ceilings& ceilings() const { return ceilings_; }
    /// Stamps of the origin above `ceiling` count as it from now on. False: they did already. Inside a transaction.
    bool lower_ceiling(Origin origin, Hlc ceiling);
    /// Whether all of them have their numbers.
    [[nodiscard]] bool know(const std::vector<OriginId>& ids) const;
    /// Whether all of them can be told in one message, with these too.
    [[nodiscard]] bool has_room_for(const std::vector<OriginId>& ids) const;
    /// The small number of an origin; a new one when it was never heard of. Inside a transaction then.
    Origin number(const OriginId& id);

private:
    Connection& connection_;
    std::vector<OriginId> ids_;
    struct Hash {
        std::size_t operator()(const OriginId& id) const;
    };
    std::unordered_map<OriginId, Origin, Hash> numbers_;
    Ceilings ceilings_;
};

}  // namespace strandline::engine::store
