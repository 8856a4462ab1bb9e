#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "backfill/reconciler.h"
#include "engine/store/store.h"

namespace strandline::engine {

/// What this device holds of one resource, for comparing it with others: of each key its stamps, with full origins, and
/// the digests of the values as they were recorded when they were written, by the columns' names. So it is the same on
/// every device that holds the same, and what was altered behind our back is not in it.
///
/// A row that waits in quarantine counts with the values that wait. What is held back from too far in the future, has
/// values that are not here, or is not acknowledged by the one that it is compared with, is not settled.
///
/// To be made anew for each step; reads in the caller's transaction, in which the journal is empty.
class Fingerprinter final : public backfill::Held {
public:
    /// `acknowledged`: by the one that rows are compared with.
    Fingerprinter(store::Store& store, const store::Resource& resource,
                  const watermarks::Coverage& acknowledged = {});

    [[nodiscard]] std::vector<backfill::Fingerprint> sums(const watermarks::Range& range,
                                                          const std::vector<std::string>& bounds) override;
    [[nodiscard]] std::vector<std::string> cut(const watermarks::Range& range, std::size_t parts,
                                               std::size_t few) override;
    [[nodiscard]] std::vector<backfill::HeldRow> rows(const watermarks::Range& range) override;

    /// Sums up buckets that are not known, and takes the rows that it read from `rows_left`. True: all are known.
    /// The transaction must be one that may write.
    bool refresh(std::size_t& rows_left);
    /// About how many rows sums() would have to read.
    [[nodiscard]] std::int64_t rows_to_sum_up();

    /// Of the values of a row that the table must have, by their digests.
    [[nodiscard]] backfill::Fingerprint content(const std::string& key, const std::string& digests);

    /// Short; of the names of the table's columns.
    [[nodiscard]] const std::string& columns() const { return columns_digest_; }
    /// Long; of what was forgotten.
    [[nodiscard]] std::string forgotten() const;

private:
    struct Column {
        ColumnId id{};
        std::string name;     ///< ASCII letters in lower case
        std::string initial;  ///< the digest of what it holds where nobody has set it
    };
    using Bucket = store::Fingerprints::Bucket;

    [[nodiscard]] bool is_known(const Bucket& bucket) const {
        return bucket.is_known && bucket.columns == shape_digest_;
    }
    [[nodiscard]] backfill::Fingerprint fingerprint(const std::string& key,
                                                    const store::StoredRecord& stored);
    void put(const Stamp& stamp);
    void put(const std::optional<Stamp>& stamp);
    [[nodiscard]] backfill::Fingerprint values(const std::string& key, const store::StoredRecord& stored);
    [[nodiscard]] bool is_in_table(const std::string& key, const store::StoredRecord& stored) const;
    [[nodiscard]] bool is_settled(const std::string& key, const Record& record);
    /// Sums up the bucket that begins at `low`, in several where it has grown; false: it was too large for `rows_left`.
    bool sum_up(const std::string& low, std::size_t& rows_left);

    store::Store& store_;
    const store::Resource& resource_;
    watermarks::Coverage acknowledged_;
    std::vector<Column> columns_;  ///< by their names
    std::string columns_digest_;
    std::string shape_digest_;       ///< of the columns as only this device knows them
    std::set<std::string> waiting_;  ///< keys that are refused
    std::set<std::string> held_;     ///< keys of which something is held
    std::string bytes_;              ///< of the row at hand
};

}  // namespace strandline::engine
