#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/store/definitions.h"
#include "engine/store/resource.h"

namespace strandline::engine::store {

/// A column that got another name, and keeps its id.
struct Renamed {
    ColumnId id{};
    std::string before;
    std::string now;
    std::optional<ColumnId> heard;  ///< the id under which peers' words of the new name were kept until now
};

/// The columns of tracked tables: their ids, and the names that they bear or bore.
///
/// A column keeps its id for the resource's whole life, under every name that it is given, and also while
/// the table does not have it: a device with another schema may have stamped it. A name that it bore
/// stays its own as long as no other column is given that name.
class Columns {
public:
    Columns(Connection& connection, Definitions& definitions)
        : connection_(connection), definitions_(definitions) {}

    /// Gives ids to a table's new columns and finds those that were renamed. Inside a transaction.
    std::vector<Renamed> meet(std::int64_t resource, const TableShape& shape);
    /// Fills in those of the table's columns that meet() has seen.
    void fill(Resource& resource, const TableShape& shape);

    /// The id of the column that bears a name, or bore it; a new one when no peer spoke of such a column before.
    ColumnId id(std::int64_t resource, const std::string& name);
    /// Columns that the table does not have: it has dropped them, or peers spoke of them.
    [[nodiscard]] const std::vector<std::pair<ColumnId, std::string>>& absent(std::int64_t resource);
    /// After a rollback, or when the schema is another: what is kept of absent() may be wrong.
    void reload() { absent_.clear(); }
    /// The names of those of them whose values were dropped, here or where they came from.
    [[nodiscard]] std::vector<std::string> dropped(std::int64_t resource);
    /// A column that the table does not have was dropped elsewhere, and values of it are not to be had from here.
    void note_dropped(std::int64_t resource, ColumnId column);
    /// The name of a column that the table may not have (any more).
    [[nodiscard]] std::string name(std::int64_t resource, ColumnId column);

private:
    /// A name that a column bears.
    struct Known {
        ColumnId id{};
        std::string name;
        std::optional<std::int64_t> place;  ///< among the table's columns; empty: it is not one of them
        std::string type;
        bool is_dropped = false;
    };
    using NewNames = std::map<ColumnId, std::string>;

    [[nodiscard]] std::vector<Known> known(std::int64_t resource);
    [[nodiscard]] NewNames renamed_in_triggers(std::int64_t resource, const TableShape& shape,
                                               const std::vector<Known>& known);
    [[nodiscard]] NewNames renamed_in_place(std::int64_t resource, const TableShape& shape,
                                            const std::vector<Known>& known);
    [[nodiscard]] bool holds_what_it_held(std::int64_t resource, const TableShape& shape, ColumnId column,
                                          const std::string& new_name);
    [[nodiscard]] ColumnId next_id(std::int64_t resource);
    void put(std::int64_t resource, const Known& column);

    Connection& connection_;
    Definitions& definitions_;
    std::map<std::int64_t, std::vector<std::pair<ColumnId, std::string>>>
        absent_;  ///< unknown when not listed
};

}  // namespace strandline::engine::store
