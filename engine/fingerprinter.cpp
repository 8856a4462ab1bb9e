#include "engine/fingerprinter.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "engine/limits.h"
#include "planted/planted.h"

namespace strandline::engine {

using backfill::Fingerprint;
using backfill::HeldRow;
using store::StoredRecord;
using watermarks::Range;

namespace {

std::string lower_case(std::string name) {
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return name;
}

void put_number(std::string& bytes, std::uint64_t number) {
    std::array<char, 8> digits{};
    for (std::size_t i = 0; i < digits.size(); ++i) digits[i] = static_cast<char>(number >> (8 * i) & 0xff);
    bytes.append(digits.data(), digits.size());
}

/// With its length, so that two of them are never taken for two others.
void put_text(std::string& bytes, std::string_view text) {
    put_number(bytes, text.size());
    bytes += text;
}

/// The first bytes of `key` that are still larger than `before`: bounds travel, and need not be keys.
std::string bound_between(const std::string& before, const std::string& key) {
    const auto differs = std::ranges::mismatch(before, key).in2;
    return {key.begin(), differs == key.end() ? differs : std::next(differs)};
}

/// A row of a bucket.
struct Summand {
    std::string bound;  ///< where a bucket may begin, so that it is the first one
    Fingerprint sum;
    Fingerprint content;
};

bool ends_behind(const Range& range, const std::string& key) {
    return !range.high || key < *range.high;
}

}  // namespace

Fingerprinter::Fingerprinter(store::Store& store, const store::Resource& resource,
                             const watermarks::Coverage& acknowledged)
    : store_(store), resource_(resource), acknowledged_(acknowledged) {
    for (const store::ValueColumn& column : resource.columns)
        columns_.push_back({column.id, lower_case(column.name), store::digest_of(column.initial)});
    std::ranges::sort(columns_, {}, &Column::name);
    std::string names;
    for (const Column& column : columns_) put_text(names, column.name);
    columns_digest_ = Fingerprint::of(names).bytes(backfill::kShortDigestBytes);
    for (const Column& column : columns_) {
        put_number(names, static_cast<std::uint64_t>(column.id));
        names += column.initial;
    }
    shape_digest_ = Fingerprint::of(names).bytes(backfill::kShortDigestBytes);
    if (store.quarantine.has_any(resource.id)) {
        waiting_ = store.quarantine.keys(resource.id, store::QuarantineKind::refused);
        held_ = store.quarantine.keys(resource.id, store::QuarantineKind::held);
    }
}

std::string Fingerprinter::forgotten() const {
    std::string bytes;
    for (const watermarks::Piece& piece : store_.forgotten(resource_.id).pieces()) {
        put_text(bytes, piece.range.low);
        std::map<OriginId, Hlc> vector;  // By ids that are the same everywhere.
        for (const auto& [origin, hlc] : piece.vector.entries()) vector[store_.origins.id(origin)] = hlc;
        for (const auto& [origin, hlc] : vector) {
            bytes += store::bytes_of(origin.device);
            put_number(bytes, static_cast<std::uint64_t>(origin.incarnation));
            put_number(bytes, static_cast<std::uint64_t>(hlc.value));
        }
    }
    return Fingerprint::of(bytes).bytes();
}

// --- one row ------------------------------------------------------------------------------------

void Fingerprinter::put(const Stamp& stamp) {
    const OriginId& origin = store_.origins.id(stamp.origin);
    put_number(bytes_, static_cast<std::uint64_t>(stamp.hlc.value));
    bytes_ += store::bytes_of(origin.device);
    put_number(bytes_, static_cast<std::uint64_t>(origin.incarnation));
}

void Fingerprinter::put(const std::optional<Stamp>& stamp) {
    bytes_ += stamp ? '+' : '-';
    if (stamp) put(*stamp);
}

Fingerprint Fingerprinter::fingerprint(const std::string& key, const StoredRecord& stored) {
    const Record& record = stored.record;
    bytes_.clear();
    put_text(bytes_, key);
    put(record.era);
    put(record.row);
    if (record.life) {
        put(record.life->era);
        put(record.life->row);
    }
    if (!record.is_alive()) return Fingerprint::of(bytes_);
    for (const Column& column : columns_) {
        const auto cell = std::ranges::find(record.cells, column.id, &CellStamp::column);
        if (cell == record.cells.end()) continue;
        put_text(bytes_, column.name);
        put(cell->stamp);
    }
    Fingerprint sum = Fingerprint::of(bytes_);
    sum += values(key, stored);
    return sum;
}

/// A hash of its own, so that it can be held against that of the row in the table.
Fingerprint Fingerprinter::content(const std::string& key, const std::string& digests) {
    bytes_.clear();
    put_text(bytes_, key);
    for (const Column& column : columns_) {
        if (is_planted(planted::Bug::column_not_counted) && &column == &columns_.front()) continue;
        const std::string_view known = store::get_digest(digests, column.id);
        bytes_ += known.empty() ? column.initial : known;
    }
    return Fingerprint::of(bytes_);
}

Fingerprint Fingerprinter::values(const std::string& key, const StoredRecord& stored) {
    std::optional<store::Quarantined> refused;
    if (waiting_.contains(key)) refused = store_.quarantine.refused(resource_.id, key);
    if (!refused) return content(key, stored.digests);
    bytes_.clear();
    put_text(bytes_, key);
    for (const Column& column : columns_) {
        const auto value = std::ranges::find_if(refused->values, [&](const store::NamedValue& named) {
            return store::same_name(named.name, column.name);
        });
        bytes_ += value != refused->values.end() ? store::digest_of(value->value) : column.initial;
    }
    return Fingerprint::of(bytes_);
}

/// One that was refused is there as it was before, or was not there.
bool Fingerprinter::is_in_table(const std::string& key, const StoredRecord& stored) const {
    return stored.record.is_alive() && (!stored.digests.empty() || !waiting_.contains(key));
}

bool Fingerprinter::is_settled(const std::string& key, const Record& record) {
    const watermarks::Vector& ours = store_.coverage(resource_.id).at(key);
    const watermarks::Vector& theirs = acknowledged_.at(key);
    const auto is_claimed = [&](const std::optional<Stamp>& stamp) {
        return !stamp ||
               (ours.covers(stamp->origin, stamp->hlc) &&
                (theirs.covers(stamp->origin, stamp->hlc) || is_planted(planted::Bug::claims_not_asked)));
    };
    const bool is_whole =
        is_claimed(record.era) && is_claimed(record.row) &&
        std::ranges::all_of(record.cells, [&](const CellStamp& cell) { return is_claimed(cell.stamp); });
    if (!is_whole || held_.contains(key)) return false;
    if (!waiting_.contains(key)) return true;
    const auto refused = store_.quarantine.refused(resource_.id, key);
    return !refused || std::ranges::all_of(refused->values, [](const store::NamedValue& value) {
        return value.withheld == store::Withheld::no;
    });
}

// --- ranges -------------------------------------------------------------------------------------

std::vector<HeldRow> Fingerprinter::rows(const Range& range) {
    std::vector<HeldRow> rows;
    std::vector<HeldRow> unread;
    store::Stamps::Scan scan(store_.connection, resource_.id, range);
    while (scan.next() && rows.size() < kListedRowsMax) {
        rows.push_back({scan.key(), fingerprint(scan.key(), scan.stored()),
                        is_settled(scan.key(), scan.stored().record)});
    }
    // What is held may be all that there is of its key.
    for (const std::string& key : held_) {
        const bool is_read = std::ranges::binary_search(rows, key, {}, &HeldRow::key);
        if (range.contains(key) && !is_read) unread.push_back({key, {}, false});
    }
    std::ranges::move(unread, std::back_inserter(rows));
    return rows;
}

std::vector<Fingerprint> Fingerprinter::sums(const Range& range, const std::vector<std::string>& bounds) {
    std::vector<Fingerprint> sums(bounds.size() + 1);
    const auto span_of = [&](const std::string& key) {
        return static_cast<std::size_t>(std::ranges::upper_bound(bounds, key) - bounds.begin());
    };
    const auto& buckets = store_.fingerprints.buckets(resource_.id);
    std::string low = range.low;
    for (auto at = std::prev(buckets.upper_bound(low)); at != buckets.end() && ends_behind(range, low);) {
        const auto next = std::next(at);
        std::optional<std::string> high = range.high;
        if (next != buckets.end() && ends_behind(range, next->first)) high = next->first;
        const std::size_t span = span_of(low);
        const bool is_whole = low == at->first &&
                              high == (next != buckets.end() ? std::optional(next->first) : std::nullopt) &&
                              (span == bounds.size() || (high && *high <= bounds[span]));
        if (is_whole && is_known(at->second)) {
            sums[span] += at->second.sum;
        } else {
            store::Stamps::Scan scan(store_.connection, resource_.id, {low, high});
            while (scan.next()) sums[span_of(scan.key())] += fingerprint(scan.key(), scan.stored());
        }
        if (next == buckets.end()) break;
        low = next->first;
        at = next;
    }
    return sums;
}

std::vector<std::string> Fingerprinter::cut(const Range& range, std::size_t parts, std::size_t few) {
    const auto& buckets = store_.fingerprints.buckets(resource_.id);
    const auto first = buckets.upper_bound(range.low);
    const auto last = range.high ? buckets.lower_bound(*range.high) : buckets.end();
    std::vector<std::string> bounds;
    // Buckets' borders cost nothing; only inside one bucket rows are read for it.
    if (const auto inside = static_cast<std::size_t>(std::distance(first, last)); inside > 0) {
        const std::size_t pieces = std::min(parts, inside + 1);
        for (std::size_t i = 1; i < pieces; ++i)
            bounds.push_back(
                std::next(first, static_cast<std::ptrdiff_t>(i * (inside + 1) / pieces - 1))->first);
        return bounds;
    }
    std::vector<std::string> keys;
    store::Stamps::Scan scan(store_.connection, resource_.id, range);
    while (scan.next()) keys.push_back(scan.key());
    if (keys.size() <= few) return bounds;
    for (std::size_t i = 1; i < parts; ++i) {
        const std::size_t at = i * keys.size() / parts;
        std::string bound = bound_between(keys[at - 1], keys[at]);
        if (bound > range.low && (bounds.empty() || bounds.back() < bound))
            bounds.push_back(std::move(bound));
    }
    return bounds;
}

// --- what is kept -------------------------------------------------------------------------------

bool Fingerprinter::refresh(std::size_t& rows_left) {
    const auto& buckets = store_.fingerprints.buckets(resource_.id);
    std::vector<std::string> unknown;
    for (const auto& [low, bucket] : buckets) {
        if (!is_known(bucket)) unknown.push_back(low);
    }
    // What was never summed up comes first: else writes elsewhere might keep it waiting for ever.
    std::stable_partition(unknown.begin(), unknown.end(),
                          [&](const std::string& low) { return buckets.find(low)->second.rows == 0; });
    return std::ranges::all_of(unknown, [&](const std::string& low) { return sum_up(low, rows_left); });
}

std::int64_t Fingerprinter::rows_to_sum_up() {
    std::int64_t rows = 0;
    for (const auto& [low, bucket] : store_.fingerprints.buckets(resource_.id)) {
        // One that was never summed up may hold anything.
        if (!is_known(bucket)) rows += bucket.rows > 0 ? bucket.rows : std::int64_t{kSummedRowsMax} + 1;
    }
    return rows;
}

bool Fingerprinter::sum_up(const std::string& low, std::size_t& rows_left) {
    const auto& buckets = store_.fingerprints.buckets(resource_.id);
    const auto next = std::next(buckets.find(low));
    Range range{low, std::nullopt};
    if (next != buckets.end()) range.high = next->first;
    std::string begin = low;
    std::string before;
    std::vector<Summand> rows;
    const auto put = [&](std::size_t count, bool is_known) {
        Bucket bucket{is_known, {}, {}, static_cast<std::int64_t>(count), shape_digest_};
        for (std::size_t i = 0; i < count; ++i) {
            bucket.sum += rows[i].sum;
            bucket.content += rows[i].content;
        }
        store_.fingerprints.put(resource_.id, begin, bucket);
        if (count < rows.size()) begin = rows[count].bound;
        rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count));
    };
    store::Stamps::Scan scan(store_.connection, resource_.id, range);
    while (scan.next()) {
        if (rows_left == 0) {
            // The rest is a bucket of its own, which nobody knows yet.
            if (!rows.empty()) put(rows.size(), true);
            begin = bound_between(before, scan.key());
            if (begin > low) store_.fingerprints.put(resource_.id, begin, {false, {}, {}, 0, shape_digest_});
            return false;
        }
        --rows_left;
        rows.push_back({bound_between(before, scan.key()), fingerprint(scan.key(), scan.stored()), {}});
        if (is_in_table(scan.key(), scan.stored()))
            rows.back().content = content(scan.key(), scan.stored().digests);
        before = scan.key();
        if (rows.size() == 2 * kBucketRows) put(kBucketRows, true);
    }
    // A bucket that lost all its rows is its neighbour's.
    if (rows.empty() && !begin.empty() && begin == low) {
        store_.fingerprints.drop(resource_.id, begin);
        return true;
    }
    put(rows.size(), true);
    return true;
}

}  // namespace strandline::engine
