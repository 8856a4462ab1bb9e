#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "backfill/fingerprint.h"
#include "engine/store/connection.h"

namespace strandline::engine::store {

/// Sums of ranges of keys, kept so that a table that did not change is compared at once: table strandline_fingerprints.
///
/// A bucket begins at its key and ends where the next one begins; the first begins with the first key. Nothing is summed
/// up until somebody asks, and a write costs no sum either: of a bucket with a key whose record changes no sum is known,
/// in the same transaction, until somebody asks again.
class Fingerprints {
public:
    explicit Fingerprints(Connection& connection) : connection_(connection) {}

    struct Bucket {
        bool is_known = false;
        backfill::Fingerprint sum;
        backfill::Fingerprint content;  ///< of the values that the table must have
        std::int64_t rows = 0;          ///< deleted ones too
        std::string columns;  ///< a digest of the table's columns as they were: with others it says nothing
    };
    using Buckets = std::map<std::string, Bucket, std::less<>>;  ///< by their first keys

    /// A key's record changed. In the caller's transaction.
    void touch(std::int64_t resource, std::string_view key);
    /// Any key's may have.
    void forget(std::int64_t resource);
    /// At least one.
    [[nodiscard]] const Buckets& buckets(std::int64_t resource) { return mirror(resource); }
    /// In the caller's transaction.
    void put(std::int64_t resource, const std::string& low, const Bucket& bucket);
    void drop(std::int64_t resource, const std::string& low);

private:
    [[nodiscard]] Buckets& mirror(std::int64_t resource);

    Connection& connection_;
    std::map<std::int64_t, Buckets> mirror_;  ///< those that were asked for
    std::uint64_t rollbacks_ = 0;             ///< before it was read
};

}  // namespace strandline::engine::store
