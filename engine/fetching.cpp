#include "engine/fetching.h"

#include <algorithm>

#include "engine/limits.h"

namespace strandline::engine {

void Fetching::keep(Row row, Now now) {
    if (asked_.empty()) heard_at_ = now.steady;
    rows_.push_back(std::move(row));
}

std::optional<message::Fetch> Fetching::next_to_say(std::size_t part_bytes) {
    if (!releases_.empty()) {
        const message::Fetch release = releases_.front();
        releases_.pop_front();
        return release;
    }
    if (asked_.size() >= kFetchesMax) return std::nullopt;
    for (Row& row : rows_) {
        for (Value& value : row.values) {
            const std::uint64_t left = value.cell.bytes - value.asked;
            if (left == 0) continue;
            const auto bytes = std::min<std::uint64_t>(
                {left, message::kPartBytesMax, std::max<std::size_t>(1, part_bytes / 2)});
            asked_.push_back({value.number, value.asked, static_cast<std::uint32_t>(bytes)});
            value.asked += bytes;
            return asked_.back();
        }
    }
    return std::nullopt;
}

bool Fetching::expects(const message::Part& part) const {
    if (asked_.empty()) return false;
    const message::Fetch& asked = asked_.front();
    return part.number == asked.number && part.offset == asked.offset &&
           (!part.bytes || part.bytes->size() == asked.bytes);
}

Fetching::Value* Fetching::find(std::uint32_t number) {
    for (Row& row : rows_) {
        const auto value = std::ranges::find(row.values, number, &Value::number);
        if (value != row.values.end()) return &*value;
    }
    return nullptr;
}

void Fetching::came(Now now) {
    asked_.pop_front();
    heard_at_ = now.steady;
}

const Fetching::Row* Fetching::whole() const {
    const auto whole = std::ranges::find_if(
        rows_, [](const Row& row) { return std::ranges::all_of(row.values, &Value::is_whole); });
    return whole != rows_.end() ? &*whole : nullptr;
}

/// All that the row told of is released, also what was here.
void Fetching::end(std::uint32_t number) {
    const auto row = std::ranges::find_if(rows_, [&](const Row& waiting) {
        return std::ranges::find(waiting.values, number, &Value::number) != waiting.values.end();
    });
    if (row == rows_.end()) return;
    for (const message::LargeValue& large : row->pages.pages.front().entries.front().large)
        release(large.number, large.bytes);
    rows_.erase(row);
}

void Fetching::clear() {
    rows_.clear();
    asked_.clear();
    releases_.clear();
}

bool Fetching::has(std::int64_t resource, const std::string& key) const {
    return std::ranges::any_of(rows_, [&](const Row& row) {
        return row.resource == resource && row.pages.pages.front().entries.front().key == key;
    });
}

std::optional<SteadyMs> Fetching::owed_since() const {
    return asked_.empty() ? std::nullopt : std::optional(heard_at_);
}

}  // namespace strandline::engine
