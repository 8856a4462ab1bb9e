#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/record.h"
#include "engine/store/connection.h"
#include "engine/store/fingerprints.h"
#include "watermarks/coverage.h"

namespace strandline::engine::store {

/// A key's record, and the digests of the values that the app's table has.
struct StoredRecord {
    Record record;
    std::string digests;  ///< of a living row: kDigestBytes for each column, by column id
};

/// The metadata beside the app's rows: table strandline_stamps, one row a stamp.
class Stamps {
public:
    /// What it writes is told to `fingerprints`.
    Stamps(Connection& connection, Fingerprints& fingerprints);

    [[nodiscard]] StoredRecord load(std::int64_t resource, std::string_view key);
    /// Writes what differs between `before` and `after`.
    void save(std::int64_t resource, std::string_view key, const StoredRecord& before,
              const StoredRecord& after);

    /// The keys, sorted, each once, with any stamp that `vector` does not cover; empty when there are more than `most`.
    [[nodiscard]] std::optional<std::vector<std::string>> changed_since(std::int64_t resource,
                                                                        const watermarks::Range& range,
                                                                        const watermarks::Vector& vector,
                                                                        std::size_t origins,
                                                                        std::size_t most);
    /// The keys, some of them twice, with a stamp of the origin above `hlc`.
    [[nodiscard]] std::vector<std::string> keys_above(std::int64_t resource, Origin origin, Hlc hlc);
    /// Keys with a deletion, or with a row that was inserted after one, that `vector` covers: at most `most`.
    [[nodiscard]] std::vector<std::string> with_eras(std::int64_t resource, const watermarks::Range& range,
                                                     const watermarks::Vector& vector, std::size_t most);
    /// How many stamps `vector` does not cover, counted up to `most`.
    [[nodiscard]] std::int64_t count_since(std::int64_t resource, const watermarks::Vector& vector,
                                           std::size_t origins, std::int64_t most);

    /// Keys that cut the resource into parts of so many keys each, deleted ones too; the first part begins at its beginning.
    [[nodiscard]] std::vector<std::string> cuts(std::int64_t resource, std::int64_t keys, std::size_t most);

    /// Stamps were given to another origin behind our back.
    void reload() {
        newest_.clear();
        oldest_eras_.clear();
    }

    /// Reads records in key order.
    class Scan {
    public:
        Scan(Connection& connection, std::int64_t resource, const watermarks::Range& range);
        /// False at the end.
        bool next();
        [[nodiscard]] const std::string& key() const { return key_; }
        [[nodiscard]] const StoredRecord& stored() const { return stored_; }

    private:
        Statement statement_;
        std::string high_;
        bool has_row_ = false;
        std::string key_;
        StoredRecord stored_;
    };

private:
    /// The origins of which the resource may have stamps that `vector` does not cover; ascending.
    [[nodiscard]] std::vector<Origin> origins_above(std::int64_t resource, const watermarks::Vector& vector,
                                                    std::size_t origins);
    void put(std::int64_t resource, std::string_view key, std::int64_t slot, const Stamp& stamp,
             const std::string* digests);
    void put_digests(std::int64_t resource, std::string_view key, const std::string& digests);
    void drop(std::int64_t resource, std::string_view key, std::int64_t slot);

    Connection& connection_;
    Fingerprints& fingerprints_;
    Statement load_;
    Statement put_;
    Statement put_digests_;
    Statement drop_;
    Statement since_;
    Statement eras_;
    /// By resource and origin, at least the newest stamp that it has: most origins have written nothing lately, and
    /// are not looked for in the index.
    std::map<std::int64_t, std::vector<Hlc>> newest_;
    /// By resource and origin, at most the oldest deletion that it knows of; nothing: ask. with_eras() is asked many times a
    /// second, and mostly there is none that old.
    std::map<std::int64_t, std::vector<Hlc>> oldest_eras_;
    std::uint64_t rollbacks_ = 0;  ///< before that: deletions that were taken away may be back
};

}  // namespace strandline::engine::store
