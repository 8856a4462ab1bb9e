#include "engine/apply.h"

// Apply, continued: rows that wait in quarantine, or go there from the table.
namespace strandline::engine {

using store::NamedValue;
using store::Quarantined;
using store::QuarantineKind;
using store::Resource;
using store::StorageError;
using store::StoredRecord;

bool Apply::retry(const Resource& resource, Retry& walk, std::size_t& rows_left) {
    if (!resource.is_there) return false;
    const auto waiting = store_.quarantine.refused_after(resource.id, walk.after, rows_left);
    const bool is_at_end = waiting.size() < rows_left;
    rows_left -= waiting.size();
    for (const Quarantined& refused : waiting) {
        walk.after = refused.id;
        const StoredRecord before = store_.stamps.load(resource.id, refused.key);
        if (!before.record.is_alive()) continue;
        Incoming nothing_new;
        nothing_new.key = refused.key;
        StoredRecord after = before;
        try {
            if (!rewrite_quarantined(resource, refused, nothing_new, {}, after.digests).empty()) continue;
        } catch (const StorageError& error) {
            if (!error.is_about_row()) throw;
            continue;
        }
        store_.stamps.save(resource.id, refused.key, before, after);
        ++applied_.changed[resource.name];
        walk.has_progress = true;
    }
    return !is_at_end;
}

void Apply::due() {
    awaited_.merge(store_.quarantine.due(now_.wall));
}

void Apply::await_row(const Resource& resource, const Incoming& incoming) {
    constexpr std::int64_t kTryAgainMs = 600'000;
    constexpr const char* kRowMissing =
        "these are cells of a row that is not here; they are applied when it is";
    hold(resource, incoming, WallMs{now_.wall.value + kTryAgainMs}, kRowMissing);
    if (!is_finishing_) awaited_.emplace(resource.id, incoming.key);
}

void Apply::join_awaited() {
    is_finishing_ = true;
    while (!awaited_.empty()) {
        const auto [id, key] = *awaited_.begin();
        awaited_.erase(awaited_.begin());
        const Resource* resource = store_.catalog.find(id);
        for (const Quarantined& held : store_.quarantine.held(id, key)) {
            if (is_ahead(held.record)) continue;
            store_.quarantine.drop(held.id);
            if (resource != nullptr) rejoin(*resource, held);
        }
    }
}

void Apply::rejoin(const Resource& resource, const Quarantined& held) {
    Incoming incoming;
    incoming.key = held.key;
    if (!held.key_raw.empty()) incoming.key_raw = &held.key_raw;
    incoming.record = held.record;
    for (const NamedValue& value : held.values) {
        const auto known = resource.column(value.name);
        incoming.columns.push_back(known ? *known : store_.catalog.columns().id(resource.id, value.name));
        incoming.names.push_back(value.name);
        incoming.values.push_back(&value.value);
        incoming.withheld.push_back(value.is_withheld);
        if (!known && incoming.missing.empty()) incoming.missing = value.name;
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
    ++applied_.quarantined;
    tell(EventKind::refused, resource, row->key, "a row gave way to another insert of the same key");
}

}  // namespace strandline::engine
