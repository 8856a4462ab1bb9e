#include "simulator/novelty.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "net/codec.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace strandline::simulator {
namespace {

constexpr std::string_view kEra;               // No column has an empty name,
constexpr std::string_view kRow = "\x01 row";  // nor one with a control character.

std::uint64_t slot_of(const std::string& table, const std::string& key, std::string_view column) {
    const std::uint64_t row =
        XXH3_64bits_withSeed(key.data(), key.size(), XXH3_64bits(table.data(), table.size()));
    return XXH3_64bits_withSeed(column.data(), column.size(), row);
}

}  // namespace

bool Novelty::is_new(std::uint64_t slot, const Stamp& stamp) const {
    const auto known = newest_.find(slot);
    if (known != newest_.end()) return known->second < stamp;
    return was_restored_ || stamp.origin.device != device_;
}

std::size_t Novelty::look(const message::Pages& pages, const message::Page& page, const message::Entry& entry,
                          News& news) const {
    const std::size_t before = news.slots.size();
    const auto look_at = [&](std::string_view column, const message::Stamp& stamp) {
        const std::uint64_t slot = slot_of(page.resource, entry.key, column);
        const Stamp full{stamp.hlc, pages.origins[static_cast<std::size_t>(stamp.origin)]};
        if (is_new(slot, full)) news.slots.emplace_back(slot, full);
    };
    if (entry.era) look_at(kEra, *entry.era);
    if (entry.row) look_at(kRow, *entry.row);
    for (const message::Cell& cell : entry.cells) look_at(page.columns[cell.column], cell.stamp);
    return news.slots.size() - before;
}

Novelty::News Novelty::in(const Message& message, std::size_t frame_bytes) const {
    News news;
    const auto* pages = std::get_if<message::Pages>(&message);
    if (pages == nullptr) return news;
    bool is_all_new = true;
    for (const message::Page& page : pages->pages) {
        for (const message::Entry& entry : page.entries) {
            if (look(*pages, page, entry, news) == 0) is_all_new = false;
        }
    }
    if (news.slots.empty()) return news;
    news.messages = 1;
    news.bytes = is_all_new ? frame_bytes : net::encode(lacked_of(*pages)).size();
    return news;
}

/// Without the rows that the device had.
message::Pages Novelty::lacked_of(message::Pages pages) const {
    for (message::Page& page : pages.pages) {
        const auto is_known = [&](const message::Entry& entry) {
            News none;
            return look(pages, page, entry, none) == 0;
        };
        std::erase_if(page.entries, is_known);
    }
    return pages;
}

void Novelty::keep(const News& news) {
    for (const auto& [slot, stamp] : news.slots) {
        Stamp& newest = newest_[slot];
        newest = std::max(newest, stamp);
    }
}

}  // namespace strandline::simulator
