#include "simulator/watermarks.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <unordered_map>

namespace strandline::simulator {
namespace {

struct HashOfOrigin {
    std::size_t operator()(const OriginId& origin) const {
        std::uint64_t first = 0;  // A device's id is random, and so is an incarnation.
        std::memcpy(&first, origin.device.bytes.data(), sizeof first);
        return first ^ static_cast<std::uint64_t>(origin.incarnation);
    }
};

struct Registry {
    std::unordered_map<OriginId, OriginNumber, HashOfOrigin> numbers;  ///< looked up, and never walked
    std::deque<OriginId> origins;
};

Registry& registry() {
    static Registry all;
    return all;
}

}  // namespace

OriginNumber number_of(const OriginId& origin) {
    Registry& all = registry();
    const auto [known, is_new] =
        all.numbers.try_emplace(origin, static_cast<OriginNumber>(all.origins.size()));
    if (is_new) all.origins.push_back(origin);
    return known->second;
}

const OriginId& origin_of(OriginNumber number) {
    return registry().origins[static_cast<std::size_t>(number)];
}

Vector::Vector(std::vector<Entry> entries) : entries_(std::move(entries)) {
    std::erase_if(entries_, [](const Entry& entry) { return entry.second == Hlc{}; });
    const auto is_before = [](const Entry& a, const Entry& b) {
        return a.first != b.first ? a.first < b.first : a.second > b.second;
    };
    if (!std::ranges::is_sorted(entries_, is_before)) std::ranges::sort(entries_, is_before);
    const auto [twice, end] = std::ranges::unique(entries_, {}, &Entry::first);
    entries_.erase(twice, end);
}

Hlc Vector::at(OriginNumber origin) const {
    const auto found = std::ranges::lower_bound(entries_, origin, {}, &Entry::first);
    return found != entries_.end() && found->first == origin ? found->second : Hlc{};
}

void Vector::raise(const Vector& other) {
    auto mine = entries_.begin();
    for (const auto& [origin, hlc] : other.entries_) {
        while (mine != entries_.end() && mine->first < origin) ++mine;
        if (mine == entries_.end() || mine->first != origin) mine = entries_.insert(mine, {origin, hlc});
        mine->second = std::max(mine->second, hlc);
    }
}

void Vector::lower(const Vector& other) {
    for (auto& [origin, hlc] : entries_) hlc = std::min(hlc, other.at(origin));
    std::erase_if(entries_, [](const Entry& entry) { return entry.second == Hlc{}; });
}

void Vector::forget(const DeviceId& device) {
    std::erase_if(entries_, [&](const Entry& entry) { return origin_of(entry.first).device == device; });
}

const Vector::Entry* Vector::first_above(const Vector& other) const {
    auto theirs = other.entries_.begin();
    for (const Entry& entry : entries_) {
        while (theirs != other.entries_.end() && theirs->first < entry.first) ++theirs;
        const bool is_named = theirs != other.entries_.end() && theirs->first == entry.first;
        if (!is_named || theirs->second < entry.second) return &entry;
    }
    return nullptr;
}

}  // namespace strandline::simulator
