#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/store/catalog.h"
#include "engine/store/connection.h"
#include "engine/store/coverage.h"
#include "engine/store/definitions.h"
#include "engine/store/fingerprints.h"
#include "engine/store/journal.h"
#include "engine/store/ledger.h"
#include "engine/store/nested.h"
#include "engine/store/quarantine.h"
#include "engine/store/rows.h"
#include "engine/store/schema.h"
#include "engine/store/stamps.h"

namespace strandline::engine::store {

/// All of one database: the parts that know their own tables, and what of it is mirrored in memory.
///
/// After a StorageError the mirror may be ahead of the database: call reload() before going on.
class Store {
    std::unique_ptr<Connection> opened_;

public:
    /// Makes it the engine's: synchronous=FULL, foreign keys not enforced, since the writer's
    /// device enforced them and rows arrive in any order. Throws StorageError.
    Store(std::unique_ptr<Connection> opened, std::int64_t page_cache_bytes,
          std::size_t whole_value_bytes_max);

    /// Reads the mirror anew from the database.
    void reload();
    /// Whether the mirror may say something else than the database: after a step that has failed.
    [[nodiscard]] bool may_differ() const { return !is_loaded_ || connection.has_written(); }
    /// Whether reload() may find something else than the last time, or than we have committed and mirrored since: this
    /// transaction has written, or another connection, or the schema is another one.
    [[nodiscard]] bool is_stale();
    /// Takes notice of the schema as it is now. Inside a transaction.
    Met meet_schema();
    /// Whether another connection has committed since the last call.
    [[nodiscard]] bool changed_elsewhere();
    /// Whether the schema is another one than at the last reload().
    [[nodiscard]] bool schema_changed();

    [[nodiscard]] Rows& rows(const Resource& resource);
    /// Columns of which our pages may lack values that others have: dropped here, or where our rows came from.
    [[nodiscard]] std::vector<std::string> dropped_columns(const Resource& resource);
    [[nodiscard]] const watermarks::Coverage& coverage(std::int64_t resource) const {
        return coverage_.at(resource).coverage;
    }
    /// Of one resource: another number after each change of its coverage, and never 0.
    [[nodiscard]] std::uint64_t coverage_changed_at(std::int64_t resource) const {
        return coverage_.at(resource).changed_at;
    }
    /// Whether that of each resource which is there is one piece. Asked whenever time passes, so the answer is kept.
    [[nodiscard]] bool is_whole() const;
    /// What was forgotten where; never above what is held there, but for what a restored table holds less.
    [[nodiscard]] const watermarks::Coverage& forgotten(std::int64_t resource) const {
        return forgotten_.at(resource);
    }
    void raise_forgotten(std::int64_t resource, const watermarks::Range& range,
                         const watermarks::Vector& vector);
    /// How often coverage has changed, whichever resource's: what was found out about it holds until then.
    [[nodiscard]] std::uint64_t coverage_changes() const { return coverage_changes_; }
    /// Writes and mirrors it.
    void set_coverage(std::int64_t resource, const watermarks::Coverage& coverage);

    /// Lists, or no longer lists, a key of a device-owned resource as another device's: local writers are refused it.
    void mark_foreign(const Resource& resource, const Values& key, bool is_foreign);

    [[nodiscard]] Origin self() const { return self_; }
    /// Goes on as a new origin. Inside a transaction.
    void begin_incarnation(Incarnation incarnation);
    /// What our former origin `old` wrote to a resource above `held` becomes the present origin's, and the watermarks
    /// of `old` go down to `held`. Inside a transaction.
    void hand_over(std::int64_t resource, Origin old, Hlc held);

    std::size_t whole_value_bytes;  ///< a value with more is large
    Connection& connection;
    Definitions definitions{connection};
    Catalog catalog{connection, definitions};
    Origins origins{connection};
    Fingerprints fingerprints{connection};
    Stamps stamps{connection, fingerprints};
    Journal journal{connection};
    Quarantine quarantine{connection};
    Parts parts{connection};
    Ledger ledger{connection};
    Nested nested{connection, definitions};

private:
    [[nodiscard]] static std::int64_t ask(Statement& pragma);

    // Asked each second, or with each message: kept, and not looked up by their texts.
    Statement data_version_asked_;
    Statement schema_version_asked_;

    struct Mirrored {
        watermarks::Coverage coverage;
        std::uint64_t changed_at = 0;  ///< what coverage_changes_ was then
    };
    std::map<std::int64_t, Mirrored> coverage_;
    std::map<std::int64_t, watermarks::Coverage> forgotten_;
    std::uint64_t coverage_changes_ = 1;
    mutable std::uint64_t whole_at_ = 0;  ///< when coverage had changed so often, is_whole_ was found out
    mutable bool is_whole_ = false;
    std::map<std::int64_t, std::unique_ptr<Rows>> rows_;
    Origin self_{};
    std::int64_t data_version_ = 0;
    std::int64_t schema_version_ = 0;
    std::int64_t loaded_version_ = 0;  ///< what data_version_ would have been then
    bool is_loaded_ = false;           ///< to its end
};

}  // namespace strandline::engine::store
