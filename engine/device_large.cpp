#include <algorithm>

#include "engine/device.h"
#include "engine/limits.h"

// Device, continued: large values, which come in parts.
namespace strandline::engine {

using store::Resource;
using store::Transaction;
using watermarks::Piece;

void Device::keep_lacking(Session& session, const message::Pages& pages, const Applied& applied, Now now) {
    for (const Applied::Lacking& lacking : applied.lacking) {
        const message::Page& page = *lacking.page;
        const message::Entry& entry = page.entries.front();
        if (is_being_fetched(lacking.resource, entry.key)) {
            session.release_large(page);
            continue;
        }
        Fetching::Row row{lacking.resource,
                          {0, 0, true, pages.origins, {page}},
                          {},
                          store.forgotten(lacking.resource).at(entry.key),
                          lacking.values};
        for (const Piece& mine : store.coverage(lacking.resource).pieces()) {
            if (mine.range.contains(entry.key)) row.base = mine.vector;
        }
        session.fetching.keep(std::move(row), now);
    }
    for (const message::Page& page : pages.pages) {
        const bool is_lacking =
            std::ranges::find(applied.lacking, &page, &Applied::Lacking::page) != applied.lacking.end();
        if (is_lacking || page.entries.empty()) continue;
        const Resource& resource = *store.catalog.find(page.resource);
        if (!session.fetching.has(resource.id, page.entries.front().key)) session.release_large(page);
    }
    if (session.fetching.rows().size() > kFetchedRowsMax)
        session.close("it told of more rows with large values than may wait for them");
}

bool Device::is_being_fetched(std::int64_t resource, const std::string& key) const {
    return std::ranges::any_of(sessions,
                               [&](const auto& entry) { return entry.second.fetching.has(resource, key); });
}

backfill::Progress::Awaited Device::awaited() const {
    backfill::Progress::Awaited awaited;
    for (const auto& [peer, session] : sessions) {
        for (const Fetching::Row& row : session.fetching.rows()) add_awaited(awaited, row.values);
    }
    return awaited;
}

void Device::add_awaited(backfill::Progress::Awaited& awaited, const std::vector<Fetching::Value>& values) {
    ++awaited.rows;
    for (const Fetching::Value& value : values) awaited.bytes += value.cell.bytes - value.held;
}

// Done again when another process's lock was in the way: the session changes last.
void Device::take_part(Session& session, const message::Part& part, Now now) {
    if (!session.fetching.expects(part)) return session.close("a Part that nobody asked for");
    Fetching::Value* value = session.fetching.find(part.number);
    bool is_right = true;
    if (value != nullptr && part.bytes) {
        is_right = stage_part(*value, part, now);
    } else if (value != nullptr) {
        Transaction transaction(store.connection);
        store.parts.drop(value->cell.resource, value->cell.key, value->cell.column);
        transaction.commit();
    }
    session.fetching.came(now);
    // It was written since, or is gone: it is asked for as it is now.
    if (!part.bytes) session.fetching.end(part.number);
    if (!is_right) session.close("a large value that is not what it was said to be");
}

bool Device::stage_part(Fetching::Value& value, const message::Part& part, Now now) {
    Transaction transaction(store.connection);
    auto staged = store.parts.find(value.cell);
    if (!staged && part.offset == 0) {
        staged = store.parts.begin(value.cell, now.wall);
        store.parts.keep_below(kStagedBytesMax);
    }
    const bool is_next = staged && staged->held == part.offset;
    const bool is_right = !is_next || store.parts.add(*staged, *part.bytes);
    add_traffic();  // What is kept came, and is not sent again.
    transaction.commit();
    tempo.stepped({part.bytes->size(), 0}, now.steady, true);
    if (!is_next) {
        // What was here was removed meanwhile.
        value.asked = value.held = staged ? staged->held : 0;
        return true;
    }
    value.is_whole = staged->is_whole;
    if (!is_right) return false;
    value.held = staged->held;
    if (backfill_) {
        progress_->await(awaited());
        progress_->add(0, part.bytes->size(), now.steady);
        show_progress(now);
        figures_changed_ = true;
    }
    return true;
}

void Device::apply_fetched(Now now) {
    for (auto& [peer, session] : sessions) {
        const Fetching::Row* row = session.fetching.whole();
        if (row == nullptr || now.steady < tempo.next_at()) continue;
        const std::uint32_t number = row->values.front().number;
        message::Pages pages = row->pages;
        message::Page& page = pages.pages.front();
        const Resource* resource = store.catalog.find(page.resource);
        const bool is_as_then = resource != nullptr && resource->id == row->resource &&
                                store.forgotten(row->resource).at(page.entries.front().key) == row->forgotten;
        if (is_as_then && check_keys(*resource, page)) {
            // Lower watermarks than it builds on must not be raised by it; then its range is asked for again.
            const bool may_raise =
                std::ranges::all_of(store.coverage(resource->id).pieces(), [&](const Piece& mine) {
                    return !mine.range.contains(page.entries.front().key) || mine.vector.dominates(row->base);
                });
            if (!may_raise) {
                page.vector.clear();
                page.forgotten.clear();
            }
            apply_pages(session, pages, now);
        }
        session.fetching.end(number);
        follow(session, now);
    }
}

/// Who gives nothing of what it told of is not waited for, so that others are asked.
void Device::give_up_stalled_values(Now now) {
    if (!inbox.empty() || has_waiting()) return;
    for (auto& [peer, session] : sessions) {
        const auto owed_since = session.fetching.owed_since();
        if (!owed_since || now.steady.value < owed_since->value + kStallMs) continue;
        session.close("it gave nothing of a large value for " + std::to_string(kStallMs / 1'000) + " s");
        breakers_[peer].failed(now, entropy_());
    }
}

}  // namespace strandline::engine
