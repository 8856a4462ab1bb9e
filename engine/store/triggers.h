#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/store/definitions.h"
#include "engine/store/resource.h"

namespace strandline::engine::store {

/// What a journal row says was done, in its column `what`; from kWhatColumn on: column id + kWhatColumn was assigned.
constexpr std::int64_t kWhatCheck = -2;  ///< perhaps removed by REPLACE: look whether it is still there
constexpr std::int64_t kWhatDelete = -1;
constexpr std::int64_t kWhatRow = 0;  ///< inserted, replaced, or its key respelled
constexpr std::int64_t kWhatColumn = 1;

/// A trigger's name and the whole statement that makes it.
using Trigger = std::pair<std::string, std::string>;

/// The triggers that capture a table's writes, in pure SQL, so that any client's writes are seen.
///
/// They name the key's columns, which cannot be dropped, and no others: a trigger that names OLD.c
/// makes ALTER TABLE DROP COLUMN c fail, `UPDATE OF c` alone does not (SQLite 3.40). So a trigger per
/// column says which were assigned, and the fold tells by digests which of those really changed.
/// (What secondary UNIQUE indexes are made of is named too; it cannot be dropped while the index is there.)
[[nodiscard]] std::vector<Trigger> capture_triggers(const Resource& resource);

/// The triggers by which a device-owned table refuses local writes to other devices' rows.
[[nodiscard]] std::vector<Trigger> ownership_triggers(const Resource& resource);

/// The table that lists the keys of other devices' rows of a device-owned resource.
[[nodiscard]] std::string foreign_table(const Resource& resource);

/// The name of the trigger that says that a column was assigned.
[[nodiscard]] std::string column_trigger(std::int64_t resource, ColumnId column);
/// Whether a table has any of the resource's triggers: if so, it is the same table as it always was.
[[nodiscard]] bool has_triggers(Definitions& definitions, std::int64_t resource, const std::string& table);

/// Makes the view of the journal that all capture triggers write to, where it is not as it must be.
void install_capture(Connection& connection, Definitions& definitions);
void remove_capture(Connection& connection);

/// Which triggers a resource had left. With some missing, writes may have gone unseen; with none, the table may be another.
enum class TriggersLeft { all, some, none };
/// Makes a resource's triggers as they must be, where they are not.
TriggersLeft install_triggers(Connection& connection, Definitions& definitions, const Resource& resource);
void remove_triggers(Connection& connection, Definitions& definitions, std::int64_t resource);

}  // namespace strandline::engine::store
