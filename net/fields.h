#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <strandline/message.h>

#include "net/bytes.h"
#include "net/cursor.h"
#include "net/limits.h"

namespace strandline::net {

constexpr std::uint64_t kHlcMax = std::numeric_limits<std::int64_t>::max();  // The sign bit stays clear.

inline void demand(bool holds, const char* sentence) {
    if (!holds) throw Malformed(sentence);
}

/// What `of` gives for each item must be there once.
template <typename T, typename Of>
void demand_no_doubles(const std::vector<T>& items, Of of, const char* sentence) {
    std::vector<decltype(of(items.front()))> seen;
    seen.reserve(items.size());
    for (const T& item : items) seen.push_back(of(item));
    std::sort(seen.begin(), seen.end());
    demand(std::adjacent_find(seen.begin(), seen.end()) == seen.end(), sentence);
}

/// What recurs in messages (docs/protocol.md), and how records and lists are read. Throws Malformed.
///
/// Invariant: no list takes memory before its count was checked, and all lists of a message together stay below
///            kListBytesMax.
class Fields {
protected:
    explicit Fields(std::string_view bytes) : cursor(bytes) {}

    /// An array whose first fields we know. Each of `next` reads one behind those, which need not be there; what a
    /// later version put behind them is skipped.
    template <typename T, typename Read, typename... Next>
    T record(const char* what, std::size_t fields, Read read, Next... next) {
        const std::size_t count = cursor.array(what, message::kFrameBytesMax);
        if (count < fields) throw Malformed(std::string(what) + " has too few fields");
        T record;
        read(record);
        std::size_t left = count - fields;
        (static_cast<void>(left > 0 && (next(record), left-- > 0)), ...);
        for (; left > 0; --left) cursor.skip();
        return record;
    }

    template <typename T, typename Read>
    std::vector<T> list(const char* what, std::size_t count_max, Read read) {
        const std::size_t count = cursor.array(what, count_max);
        std::vector<T> items = reserved<T>(count);
        while (items.size() < count) items.push_back(read());
        return items;
    }

    /// Room for `count` items, on the account of the whole message.
    template <typename T>
    std::vector<T> reserved(std::size_t count) {
        demand(count * sizeof(T) <= list_bytes_left_, "it holds more than a message may");
        list_bytes_left_ -= count * sizeof(T);
        std::vector<T> items;
        items.reserve(count);
        return items;
    }

    std::uint32_t number32(const char* what) {
        return static_cast<std::uint32_t>(cursor.number(what, std::numeric_limits<std::uint32_t>::max()));
    }

    std::vector<OriginId> origins() {
        auto origins = list<OriginId>("the list of origins", kOriginsMax, [this] { return origin_id(); });
        demand_no_doubles(
            origins, [](const OriginId& origin) { return origin; }, "it names an origin twice");
        origins_count_ = origins.size();
        return origins;
    }

    OriginId origin_id() {
        const std::string_view bytes = cursor.binary("an origin", kOriginBytes);
        demand(bytes.size() == kOriginBytes, "an origin has not 40 bytes");
        OriginId origin;
        std::copy_n(bytes.begin(), origin.device.bytes.size(), origin.device.bytes.begin());
        origin.incarnation = Incarnation{from_big_endian(bytes.substr(origin.device.bytes.size()))};
        return origin;
    }

    DeviceId device_id() {
        const std::string_view bytes = cursor.binary("a device", DeviceId().bytes.size());
        DeviceId device;
        demand(bytes.size() == device.bytes.size(), "a device's id has not 32 bytes");
        std::copy_n(bytes.begin(), device.bytes.size(), device.bytes.begin());
        return device;
    }

    Origin origin() {
        const std::uint32_t index = number32("an origin's index");
        demand(index < origins_count_, "an origin's index is not in its list of origins");
        return Origin{index};
    }

    message::Vector vector() {
        const std::size_t count = cursor.array("a vector", 2 * origins_count_);
        demand(count % 2 == 0, "a vector is not in pairs");
        message::Vector vector = reserved<message::Vector::value_type>(count / 2);
        while (vector.size() < count / 2) {
            const Origin origin = this->origin();
            demand(vector.empty() || vector.back().first < origin, "a vector's origins are not in order");
            vector.emplace_back(origin, Hlc{static_cast<std::int64_t>(cursor.number("an HLC", kHlcMax))});
        }
        return vector;
    }

    message::Range range() {
        message::Range range;
        range.low = cursor.binary("a range's beginning", kBoundBytesMax);
        if (!cursor.take_nil()) range.high = cursor.binary("a range's end", kBoundBytesMax);
        demand(!range.high || range.low < *range.high, "a range ends before it begins");
        return range;
    }

    std::string resource() {
        std::string name(cursor.text("a resource's name", message::kNameBytesMax));
        demand(!name.empty(), "a resource has no name");
        return name;
    }

    Values values(const char* what, std::size_t count_min) {
        Values values = list<Value>(what, message::kColumnsMax, [this] { return cursor.value(); });
        demand(values.size() >= count_min, "a key has no values");
        return values;
    }

    static constexpr std::size_t kOriginBytes = sizeof(DeviceId::bytes) + 8;

    Cursor cursor;

private:
    std::size_t list_bytes_left_ = kListBytesMax;
    std::size_t origins_count_ = 0;
};

}  // namespace strandline::net
