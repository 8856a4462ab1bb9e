#include "engine/apply.h"

#include <algorithm>
#include <list>

#include "engine/limits.h"
#include "engine/retention.h"

// Apply, continued: rows that wait in quarantine, or go there from the table.
namespace strandline::engine {

using store::NamedValue;
using store::Quarantined;
using store::QuarantineKind;
using store::Resource;
using store::StorageError;
using store::StoredRecord;

std::string Apply::why_withheld(const std::string& column, store::Withheld withheld) {
    const std::string value = "the value of the column " + store::quoted_name(column);
    if (withheld == store::Withheld::dropped)
        return value +
               " was lost where the row came from, when that device dropped the column; it is asked of "
               "others, and comes from one that has it, or with the next write of it";
    return value +
           " is too large to travel, and stays where it was written; the row is complete here when it is "
           "made smaller there";
}

NamedValue Apply::named(const Incoming& incoming, std::size_t value) {
    if (!incoming.staged.empty() && incoming.staged[value])
        return {incoming.names[value], store_.parts.whole(*incoming.staged[value])};
    return {incoming.names[value], *incoming.values[value], incoming.withheld_as(value)};
}

bool Apply::fill(const Resource& resource, const Incoming& incoming, const Record& local, Merge& merged) {
    if (!store_.quarantine.has_any(resource.id) || !local.is_alive() || incoming.record.era != local.era)
        return false;
    const auto refused = store_.quarantine.refused(resource.id, incoming.key);
    if (!refused) return false;
    bool fills = false;
    for (std::size_t i = 0; i < incoming.values.size(); ++i) {
        const bool is_lacked = std::ranges::any_of(refused->values, [&](const NamedValue& value) {
            return value.withheld != store::Withheld::no && store::same_name(value.name, incoming.names[i]);
        });
        if (!is_lacked || incoming.withheld_as(i) != store::Withheld::no) continue;
        if (effective(incoming.record, incoming.columns[i]) != effective(local, incoming.columns[i]))
            continue;
        merged.takes[i] = true;
        fills = true;
    }
    if (!fills) return false;
    merged.action = RowAction::update;
    return true;
}

void Apply::refuse(const Resource& resource, const Incoming& incoming) {
    Quarantined entry{0,
                      resource.id,
                      incoming.key,
                      QuarantineKind::not_owner,
                      {},
                      "written by a device that does not own the row",
                      now_.wall,
                      incoming.record,
                      {},
                      {}};
    for (std::size_t i = 0; i < incoming.values.size(); ++i) entry.values.push_back(named(incoming, i));
    store_.quarantine.put(entry);
    tell(EventKind::refused, resource, incoming.spelled(resource),
         "a change by a device that does not own the row");
}

void Apply::quarantine_row(const Resource& resource, const Incoming& incoming, const Merge& merged,
                           const std::string& reason) {
    Quarantined entry{0,  resource.id, incoming.key, QuarantineKind::refused, {}, reason, now_.wall, {},
                      {}, {}};
    if (auto earlier = store_.quarantine.refused(resource.id, incoming.key)) {
        entry.values = std::move(earlier->values);
        entry.key_raw = std::move(earlier->key_raw);
    } else if (merged.action == RowAction::update && resource.is_there) {
        if (const auto row = store_.rows(resource).read(decode_key(incoming.key, resource.key.size()))) {
            for (std::size_t i = 0; i < row->values.size(); ++i)
                entry.values.push_back({resource.columns[i].name, row->values[i]});
        }
    }
    if (incoming.key_raw != nullptr) entry.key_raw = *incoming.key_raw;
    for (std::size_t i = 0; i < incoming.values.size(); ++i) {
        if (!merged.takes[i]) continue;
        const auto at = std::ranges::find_if(entry.values, [&](const NamedValue& value) {
            return store::same_name(value.name, incoming.names[i]);
        });
        if (at != entry.values.end()) {
            *at = named(incoming, i);
        } else {
            entry.values.push_back(named(incoming, i));
        }
    }
    store_.quarantine.put(entry);
    if (std::ranges::find(entry.values, store::Withheld::dropped, &NamedValue::withheld) !=
        entry.values.end())
        applied_.without_dropped.insert(resource.id);
    unsettled_.insert(resource.id);
    refused_.insert_or_assign({resource.id, incoming.key}, std::pair(incoming.spelled(resource), reason));
}

void Apply::settle(const Resource& resource) {
    std::vector<Quarantined> waiting = store_.quarantine.refused_after(resource.id, 0, kRetryRowsMax);
    std::erase_if(waiting, [&](const Quarantined& refused) {
        return !store_.stamps.load(resource.id, refused.key).record.is_alive();
    });
    for (int round = 0; round < kSettleRoundsMax && !waiting.empty(); ++round) {
        store::Savepoint together(store_.connection);
        const std::set<std::string> left_over = put_together(resource, waiting);
        if (left_over.empty()) {
            applied_.changed[resource.name] += static_cast<std::int64_t>(waiting.size());
            return together.keep();
        }
        std::erase_if(waiting, [&](const Quarantined& refused) { return left_over.contains(refused.key); });
    }
}

std::set<std::string> Apply::put_together(const Resource& resource, std::vector<Quarantined> waiting) {
    for (Quarantined& refused : waiting) {
        const Values key = decode_key(refused.key, resource.key.size());
        const auto row = store_.rows(resource).read(key);
        if (!row) continue;
        for (std::size_t i = 0; i < row->values.size(); ++i) {
            const std::string& name = resource.columns[i].name;
            const bool is_named = std::ranges::any_of(
                refused.values, [&](const NamedValue& value) { return store::same_name(value.name, name); });
            if (!is_named) refused.values.push_back({name, row->values[i]});
        }
        store_.nested.announce();
        store_.rows(resource).remove(key);
    }
    std::set<std::string> left_over;
    for (const Quarantined& refused : waiting) {
        if (!put_refused(resource, refused)) left_over.insert(refused.key);
    }
    return left_over;
}

void Apply::tell_refused() {
    for (const auto& [row, told] : refused_) {
        const auto& [key, reason] = told;
        const Resource* resource = store_.catalog.find(row.first);
        if (resource == nullptr || !store_.quarantine.refused(row.first, row.second)) continue;
        tell(EventKind::quarantined, *resource, key, "a row could not be applied: " + reason);
    }
}

std::string Apply::rewrite_quarantined(const Resource& resource, const Quarantined& refused,
                                       const Incoming& incoming, const Merge& merged, std::string& digests) {
    // As it should be: what waits, with the new values over it.
    std::map<ColumnId, std::pair<const Value*, store::Withheld>> values;
    std::list<Value> loaded;
    std::string whole_digests;
    for (const NamedValue& value : refused.values) {
        const auto column = resource.column(value.name);
        if (!column && value.withheld != store::Withheld::dropped)
            return "the table has no column " + store::quoted_name(value.name) +
                   " here; add it, and it is tried again";
        if (column) {
            values[*column] = {&value.value, value.withheld};
        } else {
            store::set_digest(whole_digests, store_.catalog.columns().id(resource.id, value.name),
                              store::kDigestOfDropped);
        }
    }
    for (std::size_t i = 0; i < incoming.columns.size(); ++i) {
        if (!merged.takes[i]) continue;
        if (resource.column(incoming.names[i])) {
            const bool is_staged = !incoming.staged.empty() && incoming.staged[i];
            if (is_staged) loaded.push_back(store_.parts.whole(*incoming.staged[i]));
            values[incoming.columns[i]] = {is_staged ? &loaded.back() : incoming.values[i],
                                           incoming.withheld_as(i)};
        } else {
            store::set_digest(whole_digests, incoming.columns[i], store::kDigestOfDropped);
        }
    }
    for (const auto& [column, value] : values) {
        if (value.second != store::Withheld::no)
            return why_withheld(store_.catalog.columns().name(resource.id, column), value.second);
    }
    store::Assignment whole;
    for (const auto& [column, value] : values) {
        whole.columns.push_back(column);
        whole.values.push_back(value.first);
        store::set_digest(whole_digests, column, store::digest_of(*value.first));
    }
    store::keep_absent(whole_digests, digests);
    const Values canonical = decode_key(incoming.key, resource.key.size());
    const Values* raw = incoming.key_raw != nullptr
                            ? incoming.key_raw
                            : (refused.key_raw.empty() ? &canonical : &refused.key_raw);
    store_.nested.announce();
    if (!store_.rows(resource).update(canonical, raw, whole)) {
        store_.nested.announce();
        if (!store_.rows(resource).insert(*raw, whole)) return kIgnored;
    }
    store_.quarantine.drop(refused.id);
    digests = whole_digests;
    return {};
}

bool Apply::retry(const Resource& resource, Retry& walk, std::size_t& rows_left) {
    if (!resource.is_there) return false;
    const auto waiting = store_.quarantine.refused_after(resource.id, walk.after, rows_left);
    const bool is_at_end = waiting.size() < rows_left;
    rows_left -= waiting.size();
    for (const Quarantined& refused : waiting) {
        walk.after = refused.id;
        if (!put_refused(resource, refused)) continue;
        ++applied_.changed[resource.name];
        walk.has_progress = true;
    }
    if (is_at_end) unsettled_.insert(resource.id);
    return !is_at_end;
}

bool Apply::put_refused(const Resource& resource, const Quarantined& refused) {
    const StoredRecord before = store_.stamps.load(resource.id, refused.key);
    if (!before.record.is_alive()) return false;
    Incoming nothing_new;
    nothing_new.key = refused.key;
    StoredRecord after = before;
    try {
        const auto reason = rewrite_quarantined(resource, refused, nothing_new, {}, after.digests);
        if (!reason.empty()) {
            store_.quarantine.set_reason(refused.id, reason);
            return false;
        }
    } catch (const StorageError& error) {
        if (!error.is_about_row()) throw;
        return false;
    }
    store_.stamps.save(resource.id, refused.key, before, after);
    return true;
}

void Apply::due() {
    awaited_.merge(store_.quarantine.due(now_.wall));
}

void Apply::await_row(const Resource& resource, const Incoming& incoming) {
    constexpr std::int64_t kTryAgainMs = 600'000;
    constexpr const char* kRowMissing =
        "these are cells of a row that is not here; they are applied when it is";
    if (is_finishing_ && is_of_gone_row(resource, incoming.key)) return;
    hold(resource, incoming, WallMs{now_.wall.value + kTryAgainMs}, kRowMissing);
    if (!is_finishing_) awaited_.emplace(resource.id, incoming.key);
}

void Apply::join_awaited() {
    is_finishing_ = true;
    while (!awaited_.empty()) {
        const auto [id, key] = *awaited_.begin();
        awaited_.erase(awaited_.begin());
        const Resource* resource = store_.catalog.find(id);
        for (Quarantined& held : store_.quarantine.held(id, key)) {
            if (is_ahead(held.record)) continue;
            store_.quarantine.read_values(held);
            store_.quarantine.drop(held.id);
            if (resource != nullptr && !is_outlived(*resource, held)) rejoin(*resource, held);
        }
    }
}

/// Its row is not here, and does not wait here either: it was deleted, and that is forgotten.
bool Apply::is_of_gone_row(const Resource& resource, const std::string& key) {
    if (store_.forgotten(resource.id).at(key).empty()) return false;
    const auto held = store_.quarantine.held(resource.id, key);
    return std::ranges::none_of(held,
                                [](const Quarantined& waiting) { return waiting.record.row.has_value(); });
}

/// A deletion that was forgotten everywhere while it waited here for its time, and has been done here.
bool Apply::is_outlived(const Resource& resource, const Quarantined& held) {
    const Record& record = held.record;
    return !record.row && record.cells.empty() &&
           without_forgotten(record, store_.forgotten(resource.id).at(held.key)).is_none() &&
           is_done_here(resource, held);
}

/// Whether a row that is here is later than the deletion that what waits knows of: so it knew of it, too.
bool Apply::is_done_here(const Resource& resource, const Quarantined& held) {
    const Record known = store_.stamps.load(resource.id, held.key).record;
    return held.record.era && known.row && order_.less(*held.record.era, *known.row);
}

void Apply::rejoin(const Resource& resource, const Quarantined& held) {
    Incoming incoming;
    incoming.key = held.key;
    if (!held.key_raw.empty()) incoming.key_raw = &held.key_raw;
    incoming.record = held.record;
    // Forgotten meanwhile, the deletion before it is not known of the row here either, nor of its edits, which would all give
    // way. (One that waited here has still to be done.)
    if (held.record.is_partial() || (held.record.row && is_done_here(resource, held)))
        incoming.record = without_forgotten(held.record, store_.forgotten(resource.id).at(held.key));
    for (const NamedValue& value : held.values) {
        const auto known = resource.column(value.name);
        incoming.columns.push_back(known ? *known : store_.catalog.columns().id(resource.id, value.name));
        incoming.names.push_back(value.name);
        incoming.values.push_back(&value.value);
        incoming.withheld.push_back(value.withheld);
        if (!known && value.withheld != store::Withheld::dropped && incoming.missing.empty())
            incoming.missing = value.name;
    }
    join(resource, incoming);
}

void Apply::keep_displaced(const Resource& resource, const std::string& key, const Record& displaced) {
    if (!resource.is_there) return;
    const auto row = store_.rows(resource).read(decode_key(key, resource.key.size()));
    if (!row) return;
    Quarantined entry{0,         resource.id,
                      key,       QuarantineKind::not_owner,
                      {},        "another insert of this key took its place",
                      now_.wall, displaced,
                      row->key,  {}};
    for (std::size_t i = 0; i < row->values.size(); ++i)
        entry.values.push_back({resource.columns[i].name, row->values[i]});
    store_.quarantine.put(entry);
    tell(EventKind::refused, resource, row->key, "a row gave way to another insert of the same key");
}

}  // namespace strandline::engine
