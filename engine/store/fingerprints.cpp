#include "engine/store/fingerprints.h"

#include <iterator>

namespace strandline::engine::store {

Fingerprints::Buckets& Fingerprints::mirror(std::int64_t resource) {
    if (rollbacks_ != connection_.rollbacks()) {
        mirror_.clear();
        rollbacks_ = connection_.rollbacks();
    }
    const auto [at, is_new] = mirror_.try_emplace(resource);
    if (!is_new) return at->second;
    Statement read = connection_.prepare(
        "SELECT low, sum, content, rows, columns FROM strandline_fingerprints WHERE resource = ? ORDER BY "
        "low");
    read.bind(1, resource);
    while (read.step()) {
        Bucket bucket{!read.is_null(1), {}, {}, read.integer(3), read.text(4)};
        if (bucket.is_known) bucket.sum = backfill::Fingerprint::from(read.bytes(1));
        bucket.content = backfill::Fingerprint::from(read.bytes(2));
        at->second.emplace(read.text(0), std::move(bucket));
    }
    at->second.try_emplace("");
    return at->second;
}

void Fingerprints::touch(std::int64_t resource, std::string_view key) {
    Buckets& buckets = mirror(resource);
    auto& [low, bucket] = *std::prev(buckets.upper_bound(key));
    if (!bucket.is_known) return;
    bucket.is_known = false;
    connection_.prepare("UPDATE strandline_fingerprints SET sum = NULL WHERE resource = ? AND low = ?")
        .bind(1, resource)
        .bind_blob(2, low)
        .run();
}

void Fingerprints::forget(std::int64_t resource) {
    mirror_.erase(resource);
    connection_.prepare("DELETE FROM strandline_fingerprints WHERE resource = ?").bind(1, resource).run();
}

void Fingerprints::put(std::int64_t resource, const std::string& low, const Bucket& bucket) {
    Statement put = connection_.prepare(
        "INSERT INTO strandline_fingerprints(resource, low, sum, content, rows, columns) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET sum = excluded.sum, content = excluded.content, "
        "rows = excluded.rows, columns = excluded.columns");
    const std::string sum = bucket.sum.bytes();
    const std::string content = bucket.content.bytes();
    put.bind(1, resource).bind_blob(2, low);
    if (bucket.is_known) {
        put.bind_blob(3, sum);
    } else {
        put.bind_null(3);
    }
    put.bind_blob(4, content).bind(5, bucket.rows).bind_blob(6, bucket.columns).run();
    mirror(resource)[low] = bucket;
}

void Fingerprints::drop(std::int64_t resource, const std::string& low) {
    connection_.prepare("DELETE FROM strandline_fingerprints WHERE resource = ? AND low = ?")
        .bind(1, resource)
        .bind_blob(2, low)
        .run();
    mirror(resource).erase(low);
}

}  // namespace strandline::engine::store
