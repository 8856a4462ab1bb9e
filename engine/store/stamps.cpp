#include "engine/store/stamps.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/store/slots.h"

namespace strandline::engine::store {
namespace {

/// Takes one row (slot, hlc, origin, digests) into a record.
void take_row(const Statement& statement, int first, StoredRecord& stored) {
    const std::int64_t slot = statement.integer(first);
    take_slot(stored.record, slot,
              {Hlc{statement.integer(first + 1)}, static_cast<Origin>(statement.integer(first + 2))});
    if (slot == kSlotRow) stored.digests = statement.text(first + 3);
}

/// Later than any stamp.
constexpr Hlc kNever{std::numeric_limits<std::int64_t>::max()};

std::optional<Stamp> era_of(const std::optional<Life>& life) {
    return life ? life->era : std::nullopt;
}

std::optional<Stamp> row_of(const std::optional<Life>& life) {
    return life ? std::optional(life->row) : std::nullopt;
}

}  // namespace

Stamps::Stamps(Connection& connection, Fingerprints& fingerprints)
    : connection_(connection),
      fingerprints_(fingerprints),
      load_(connection.prepare("SELECT slot, hlc, origin, digests FROM strandline_stamps WHERE resource = ? "
                               "AND key = ? ORDER BY slot")),
      put_(connection.prepare("INSERT INTO strandline_stamps(resource, key, slot, hlc, origin, digests) "
                              "VALUES (?, ?, ?, ?, ?, ?) "
                              "ON CONFLICT DO UPDATE SET hlc = excluded.hlc, origin = excluded.origin, "
                              "digests = excluded.digests")),
      put_digests_(connection.prepare(
          "UPDATE strandline_stamps SET digests = ?3 WHERE resource = ?1 AND key = ?2 AND slot = 0")),
      drop_(connection.prepare("DELETE FROM strandline_stamps WHERE resource = ? AND key = ? AND slot = ?")),
      since_(connection.prepare(
          "SELECT key FROM strandline_stamps WHERE resource = ? AND origin = ? AND hlc > ? AND slot >= 0")),
      eras_(connection.prepare(
          "SELECT key, hlc FROM strandline_stamps WHERE slot = 1 AND resource = ? AND origin = ? "
          "ORDER BY hlc")) {}

StoredRecord Stamps::load(std::int64_t resource, std::string_view key) {
    const ResetAtEnd reset(load_);
    StoredRecord stored;
    load_.bind(1, resource).bind_blob(2, key);
    while (load_.step()) take_row(load_, 0, stored);
    return stored;
}

void Stamps::save(std::int64_t resource, std::string_view key, const StoredRecord& before,
                  const StoredRecord& after) {
    fingerprints_.touch(resource, key);
    const Record& old = before.record;
    const Record& now = after.record;
    if (now.row && old.row != now.row) {
        put(resource, key, kSlotRow, *now.row, &after.digests);
    } else if (now.row && before.digests != after.digests) {
        put_digests(resource, key, after.digests);
    }
    if (old.row && !now.row) drop(resource, key, kSlotRow);
    const auto save_slot = [&](std::int64_t slot, const std::optional<Stamp>& was,
                               const std::optional<Stamp>& is) {
        if (is && was != is) put(resource, key, slot, *is, nullptr);
        if (was && !is) drop(resource, key, slot);
    };
    save_slot(kSlotEra, old.era, now.era);
    save_slot(kSlotLifeEra, era_of(old.life), era_of(now.life));
    save_slot(kSlotLifeRow, row_of(old.life), row_of(now.life));
    for (const CellStamp& cell : now.cells) {
        if (std::ranges::find(old.cells, cell) == old.cells.end()) {
            put(resource, key, kSlotCells + static_cast<std::int64_t>(cell.column), cell.stamp, nullptr);
        }
    }
    for (const CellStamp& cell : old.cells) {
        if (std::ranges::find(now.cells, cell.column, &CellStamp::column) == now.cells.end()) {
            drop(resource, key, kSlotCells + static_cast<std::int64_t>(cell.column));
        }
    }
}

void Stamps::put(std::int64_t resource, std::string_view key, std::int64_t slot, const Stamp& stamp,
                 const std::string* digests) {
    const ResetAtEnd reset(put_);
    put_.bind(1, resource)
        .bind_blob(2, key)
        .bind(3, slot)
        .bind(4, stamp.hlc.value)
        .bind(5, static_cast<std::int64_t>(stamp.origin));
    if (digests != nullptr) put_.bind_blob(6, *digests);
    put_.step();
    const auto newest = newest_.find(resource);
    const auto origin = static_cast<std::size_t>(stamp.origin);
    if (newest != newest_.end() && origin < newest->second.size())
        newest->second[origin] = std::max(newest->second[origin], stamp.hlc);
    const auto oldest = oldest_eras_.find(resource);
    if (slot == kSlotEra && oldest != oldest_eras_.end() && origin < oldest->second.size())
        oldest->second[origin] = std::min(oldest->second[origin], stamp.hlc);
}

/// Alone, so that the index by origin, which a changed row would enter anew, stays as it is.
void Stamps::put_digests(std::int64_t resource, std::string_view key, const std::string& digests) {
    const ResetAtEnd reset(put_digests_);
    put_digests_.bind(1, resource).bind_blob(2, key).bind_blob(3, digests).step();
}

void Stamps::drop(std::int64_t resource, std::string_view key, std::int64_t slot) {
    const ResetAtEnd reset(drop_);
    drop_.bind(1, resource).bind_blob(2, key).bind(3, slot).step();
}

std::vector<Origin> Stamps::origins_above(std::int64_t resource, const watermarks::Vector& vector,
                                          std::size_t origins) {
    std::vector<Hlc>& newest = newest_[resource];
    for (std::size_t i = newest.size(); i < origins; ++i) {
        Statement find =
            connection_.prepare("SELECT max(hlc) FROM strandline_stamps WHERE resource = ? AND origin = ?");
        find.bind(1, resource).bind(2, static_cast<std::int64_t>(i));
        newest.push_back(find.step() ? Hlc{find.integer(0)} : Hlc{});
    }
    std::vector<Origin> above;
    auto known = vector.entries().begin();
    for (std::size_t i = 0; i < origins; ++i) {
        const auto origin = static_cast<Origin>(i);
        while (known != vector.entries().end() && known->first < origin) ++known;
        const bool is_known = known != vector.entries().end() && known->first == origin;
        if (newest[i] > (is_known ? known->second : Hlc{})) above.push_back(origin);
    }
    return above;
}

std::optional<std::vector<std::string>> Stamps::changed_since(std::int64_t resource,
                                                              const watermarks::Range& range,
                                                              const watermarks::Vector& vector,
                                                              std::size_t origins, std::size_t most) {
    std::vector<std::string> keys;
    for (const Origin origin : origins_above(resource, vector, origins)) {
        const ResetAtEnd reset(since_);
        since_.bind(1, resource).bind(2, static_cast<std::int64_t>(origin)).bind(3, vector.at(origin).value);
        while (since_.step()) {
            if (!range.contains(since_.bytes(0))) continue;
            if (keys.size() == most) return std::nullopt;
            keys.emplace_back(since_.bytes(0));
        }
    }
    std::ranges::sort(keys);
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
}

std::vector<std::string> Stamps::keys_above(std::int64_t resource, Origin origin, Hlc hlc) {
    std::vector<std::string> keys;
    const ResetAtEnd reset(since_);
    since_.bind(1, resource).bind(2, static_cast<std::int64_t>(origin)).bind(3, hlc.value);
    while (since_.step()) keys.emplace_back(since_.bytes(0));
    return keys;
}

std::vector<std::string> Stamps::with_eras(std::int64_t resource, const watermarks::Range& range,
                                           const watermarks::Vector& vector, std::size_t most) {
    std::vector<std::string> keys;
    if (std::exchange(rollbacks_, connection_.rollbacks()) != connection_.rollbacks()) oldest_eras_.clear();
    std::vector<Hlc>& oldest = oldest_eras_[resource];
    for (const auto& [origin, until] : vector.entries()) {
        const auto place = static_cast<std::size_t>(origin);
        if (place >= oldest.size()) oldest.resize(place + 1);
        if (until < oldest[place]) continue;
        if (keys.size() == most) break;
        const ResetAtEnd reset(eras_);
        eras_.bind(1, resource).bind(2, static_cast<std::int64_t>(origin));
        oldest[place] = eras_.step() ? Hlc{eras_.integer(1)} : kNever;
        for (bool is_any = oldest[place] <= until; is_any;
             is_any = keys.size() < most && eras_.step() && Hlc{eras_.integer(1)} <= until) {
            if (range.contains(eras_.bytes(0))) keys.emplace_back(eras_.bytes(0));
        }
    }
    return keys;
}

std::int64_t Stamps::count_since(std::int64_t resource, const watermarks::Vector& vector, std::size_t origins,
                                 std::int64_t most) {
    std::int64_t count = 0;
    for (const Origin origin : origins_above(resource, vector, origins)) {
        const ResetAtEnd reset(since_);
        since_.bind(1, resource).bind(2, static_cast<std::int64_t>(origin)).bind(3, vector.at(origin).value);
        while (count < most && since_.step()) ++count;
    }
    return count;
}

std::vector<std::string> Stamps::cuts(std::int64_t resource, std::int64_t keys, std::size_t most) {
    std::vector<std::string> cuts;
    // Each key has a row in one of these slots, and few have two.
    Statement skip = connection_.prepare(
        "SELECT key FROM strandline_stamps WHERE resource = ?1 AND key >= ?2 AND slot IN (0, 1) "
        "ORDER BY key, slot LIMIT 1 OFFSET ?3");
    std::string from;
    while (cuts.size() < most) {
        skip.bind(1, resource).bind_blob(2, from).bind(3, keys);
        if (!skip.step()) break;
        std::string key = skip.text(0);
        skip.reset();
        if (key == from) break;
        cuts.push_back(key);
        from = std::move(key);
    }
    return cuts;
}

Stamps::Scan::Scan(Connection& connection, std::int64_t resource, const watermarks::Range& range)
    : statement_(connection.prepare(range.high
                                        ? "SELECT key, slot, hlc, origin, digests FROM strandline_stamps "
                                          "WHERE resource = ?1 AND key >= ?2 AND key < ?3 ORDER BY key, slot"
                                        : "SELECT key, slot, hlc, origin, digests FROM strandline_stamps "
                                          "WHERE resource = ?1 AND key >= ?2 ORDER BY key, slot")),
      high_(range.high.value_or("")),
      key_(range.low) {
    statement_.bind(1, resource).bind_blob(2, key_);
    if (range.high) statement_.bind_blob(3, high_);
    has_row_ = statement_.step();
}

bool Stamps::Scan::next() {
    if (!has_row_) return false;
    std::string key = statement_.text(0);
    stored_ = {};
    do {
        take_row(statement_, 1, stored_);
        has_row_ = statement_.step();
    } while (has_row_ && statement_.bytes(0) == key);
    key_ = std::move(key);
    return true;
}

}  // namespace strandline::engine::store
