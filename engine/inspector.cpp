#include "engine/inspector.h"

#include <algorithm>

namespace strandline::engine {

using store::DigestedRow;
using store::Resource;
using store::StoredRecord;

namespace {

bool has_null(const Values& key) {
    return std::ranges::find(key, Value{}) != key.end();
}

bool is_as_recorded(const Resource& resource, const StoredRecord& stored, const std::string& digests) {
    return std::ranges::all_of(resource.columns, [&](const store::ValueColumn& column) {
        const std::string_view known = store::get_digest(stored.digests, column.id);
        return store::get_digest(digests, column.id) ==
               (known.empty() ? store::digest_of(column.initial) : known);
    });
}

bool is_refused(store::Store& store, const Resource& resource, const std::string& key) {
    return store.quarantine.has_any(resource.id) && store.quarantine.refused(resource.id, key).has_value();
}

}  // namespace

bool is_sound(store::Store& store, const Resource& resource, const std::string& key) {
    const StoredRecord stored = store.stamps.load(resource.id, key);
    if (!stored.record.is_alive() || is_refused(store, resource, key)) return true;
    const Values canonical = decode_key(key, resource.key.size());
    const auto row = store.rows(resource).read_sparse(canonical, store.whole_value_bytes);
    return row && is_as_recorded(resource, stored, store.rows(resource).measured(canonical, *row).digests);
}

bool Inspector::step(std::size_t rows_max) {
    const Resource* resource = store_.catalog.find(resource_);
    if (resource == nullptr || !resource->is_there) return false;
    switch (phase_) {
        case Phase::summing_up:
            if (!Fingerprinter(store_, *resource).refresh(rows_max)) break;
            for (const auto& [low, bucket] : store_.fingerprints.buckets(resource_)) {
                lows_.push_back(low);
                expected_.push_back(bucket.content);
            }
            read_.resize(lows_.size());
            phase_ = Phase::reading;
            break;
        case Phase::reading:
            if (read(*resource, rows_max)) break;
            compare_sums();
            position_ = {};
            phase_ = suspicious_.empty() ? Phase::done : Phase::looking_closer;
            break;
        case Phase::looking_closer:
            if (!read(*resource, rows_max)) phase_ = Phase::looking_for_the_gone;
            break;
        case Phase::looking_for_the_gone:
            look_for_the_gone(*resource);
            if (suspicious_.empty()) phase_ = Phase::done;
            break;
        case Phase::done:
            break;
    }
    return phase_ != Phase::done;
}

/// False: at the end of the table.
bool Inspector::read(const Resource& resource, std::size_t rows_max) {
    Fingerprinter hashes(store_, resource);
    const auto collations = resource.collations();
    store_.rows(resource).read_on(position_, rows_max, [&](const DigestedRow& row) {
        if (has_null(row.key)) return;
        const std::string key = encode_key(row.key, collations);
        if (key.size() > message::kKeyBytesMax) return;
        if (phase_ == Phase::looking_closer) {
            if (suspicious_.contains(bucket_of(key))) look_at(resource, row.digests, key);
        } else {
            read_[bucket_of(key)] += hashes.content(key, row.digests);
        }
    });
    return !position_.is_at_end;
}

/// Rows often lie in the order of their keys.
std::size_t Inspector::bucket_of(const std::string& key) {
    const auto begins_behind = [&](std::size_t i) { return i == lows_.size() || key < lows_[i]; };
    if (begins_behind(bucket_) || !begins_behind(bucket_ + 1))
        bucket_ = static_cast<std::size_t>(std::ranges::upper_bound(lows_, key) - lows_.begin()) - 1;
    return bucket_;
}

void Inspector::compare_sums() {
    const auto& now = store_.fingerprints.buckets(resource_);
    for (std::size_t i = 0; i < lows_.size(); ++i) {
        // What was written to since is looked at row by row, whatever the sums say.
        const auto at = now.find(lows_[i]);
        const bool is_unchanged =
            at != now.end() && at->second.is_known && at->second.content == expected_[i];
        if (!is_unchanged || read_[i] != expected_[i]) suspicious_.insert(i);
    }
}

void Inspector::look_at(const Resource& resource, const std::string& digests, const std::string& key) {
    const StoredRecord stored = store_.stamps.load(resource_, key);
    if (!stored.record.is_alive()) {
        unknown_.insert(key);
    } else if (!is_as_recorded(resource, stored, digests) && !is_refused(store_, resource, key)) {
        damaged_.insert(key);
    }
}

/// Of one bucket: what is recorded as living and is not in the table.
void Inspector::look_for_the_gone(const Resource& resource) {
    const std::size_t bucket = *suspicious_.begin();
    watermarks::Range range{lows_[bucket], std::nullopt};
    if (bucket + 1 < lows_.size()) range.high = lows_[bucket + 1];
    store::Stamps::Scan scan(store_.connection, resource_, range);
    while (scan.next()) {
        if (!scan.stored().record.is_alive() || damaged_.contains(scan.key())) continue;
        if (store_.rows(resource).exists(decode_key(scan.key(), resource.key.size()))) continue;
        if (!is_refused(store_, resource, scan.key())) damaged_.insert(scan.key());
    }
    suspicious_.erase(bucket);
}

}  // namespace strandline::engine
