#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/fingerprinter.h"
#include "engine/store/store.h"

namespace strandline::engine {

/// Looks for what was done to one resource's rows behind our back: reads them from the app's table, in the order in which
/// they lie there, and holds them against what was recorded when they were written.
///
///     summing up ──▶ reading ──all sums are right──▶ done
///                       │ some are not
///                       └──▶ looking closer, at their rows ──▶ looking for rows that are gone ──▶ done
///
/// Sums only say where to look closer; that a row is damaged is found with its record and its values at hand in one transaction,
/// in which the journal is empty. So what is written meanwhile is never taken for damage.
/// A step that fails must be the last one: begin anew.
class Inspector {
public:
    Inspector(store::Store& store, std::int64_t resource) : store_(store), resource_(resource) {}

    /// Looks at some rows, in the caller's transaction. False: there is no more to be looked at.
    bool step(std::size_t rows_max);
    /// Living rows of which the table has another value than was recorded, or nothing at all.
    [[nodiscard]] const std::set<std::string>& damaged() const { return damaged_; }
    /// Rows that nobody is known to have written; of those a step found last. They count as written here.
    [[nodiscard]] std::set<std::string> take_unknown() { return std::exchange(unknown_, {}); }
    [[nodiscard]] std::int64_t resource() const { return resource_; }

private:
    enum class Phase { summing_up, reading, looking_closer, looking_for_the_gone, done };

    bool read(const store::Resource& resource, std::size_t rows_max);
    void compare_sums();
    void look_at(const store::Resource& resource, const std::string& digests, const std::string& key);
    void look_for_the_gone(const store::Resource& resource);
    [[nodiscard]] std::size_t bucket_of(const std::string& key);

    store::Store& store_;
    std::int64_t resource_;
    Phase phase_ = Phase::summing_up;
    store::Rows::Position position_;
    // Buckets, as they were when reading began.
    std::vector<std::string> lows_;
    std::vector<backfill::Fingerprint> expected_;
    std::vector<backfill::Fingerprint> read_;
    std::size_t bucket_ = 0;            ///< of the row at hand
    std::set<std::size_t> suspicious_;  ///< those whose sums are not those that were read
    std::set<std::string> damaged_;
    std::set<std::string> unknown_;
};

/// Whether the table has a living row as it was recorded. Where the record says nothing of it: true.
[[nodiscard]] bool is_sound(store::Store& store, const store::Resource& resource, const std::string& key);

}  // namespace strandline::engine
