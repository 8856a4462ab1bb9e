#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include <strandline/message.h>

/// Whether two messages are the same in every field, reals to the bit (0.0 and -0.0 are two).
namespace strandline::message {

inline bool same(const Value& a, const Value& b) {
    const auto* const left = std::get_if<double>(&a);
    const auto* const right = std::get_if<double>(&b);
    if (left == nullptr || right == nullptr) return a == b;
    return std::bit_cast<std::uint64_t>(*left) == std::bit_cast<std::uint64_t>(*right);
}

inline bool same(const Piece& a, const Piece& b);
inline bool same(const Cell& a, const Cell& b);
inline bool same(const Entry& a, const Entry& b);
inline bool same(const LargeValue& a, const LargeValue& b);
inline bool same(const KeyColumn& a, const KeyColumn& b);
inline bool same(const Holding& a, const Holding& b);
inline bool same(const Wanted& a, const Wanted& b);
inline bool same(const Page& a, const Page& b);
inline bool same(const Stretch& a, const Stretch& b);
inline bool same(const Comparison& a, const Comparison& b);

template <typename T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const T& x, const T& y) { return same(x, y); });
}

inline bool same(const Piece& a, const Piece& b) {
    return a.range == b.range && a.vector == b.vector;
}
inline bool same(const Cell& a, const Cell& b) {
    return a.column == b.column && a.stamp == b.stamp;
}
inline bool same(const Entry& a, const Entry& b) {
    const bool same_raw = a.key_raw && b.key_raw ? same(*a.key_raw, *b.key_raw) : !a.key_raw && !b.key_raw;
    return same_raw && a.key == b.key && a.era == b.era && a.row == b.row && same(a.cells, b.cells) &&
           same(a.values, b.values) && a.withheld == b.withheld && a.life == b.life && same(a.large, b.large);
}
inline bool same(const LargeValue& a, const LargeValue& b) {
    return a.place == b.place && a.number == b.number && a.is_text == b.is_text && a.bytes == b.bytes &&
           a.hash == b.hash;
}
inline bool same(const KeyColumn& a, const KeyColumn& b) {
    return a.type == b.type && a.collation == b.collation && a.names == b.names;
}
inline bool same(const Holding& a, const Holding& b) {
    return a.resource == b.resource && a.device_owned == b.device_owned && a.rows == b.rows &&
           same(a.pieces, b.pieces) && same(a.key, b.key) && a.dropped == b.dropped && a.cuts == b.cuts &&
           a.waits == b.waits && a.forgotten == b.forgotten;
}
inline bool same(const Wanted& a, const Wanted& b) {
    return a.resource == b.resource && same(a.pieces, b.pieces);
}
inline bool same(const Page& a, const Page& b) {
    return a.resource == b.resource && a.range == b.range && a.vector == b.vector && a.columns == b.columns &&
           same(a.entries, b.entries) && a.dropped == b.dropped && a.forgotten == b.forgotten &&
           a.complete == b.complete;
}

inline bool same(const Stretch& a, const Stretch& b) {
    return a.form == b.form && a.range == b.range && a.bounds == b.bounds && a.digests == b.digests &&
           a.unsettled == b.unsettled;
}
inline bool same(const Comparison& a, const Comparison& b) {
    return a.resource == b.resource && a.columns == b.columns && a.forgotten == b.forgotten &&
           same(a.stretches, b.stretches);
}

inline bool same(const Hello& a, const Hello& b) {
    return a.name == b.name && a.incarnation == b.incarnation && a.wall == b.wall && a.features == b.features;
}
inline bool same(const Have& a, const Have& b) {
    return a.complete == b.complete && a.origins == b.origins && same(a.holdings, b.holdings) &&
           a.members == b.members && a.ceilings == b.ceilings;
}
inline bool same(const Pull& a, const Pull& b) {
    return a.number == b.number && a.origins == b.origins && same(a.wanted, b.wanted);
}
inline bool same(const Pages& a, const Pages& b) {
    return a.pull == b.pull && a.basis == b.basis && a.last == b.last && a.origins == b.origins &&
           same(a.pages, b.pages);
}
inline bool same(const Ping& a, const Ping& b) {
    return a.nonce == b.nonce;
}
inline bool same(const Pong& a, const Pong& b) {
    return a.nonce == b.nonce;
}
inline bool same(const Bye& a, const Bye& b) {
    return a.reason == b.reason;
}
inline bool same(const Compare& a, const Compare& b) {
    return a.number == b.number && a.asks == b.asks && same(a.comparisons, b.comparisons);
}

inline bool same(const Waive& a, const Waive& b) {
    return a.pull == b.pull && a.resource == b.resource && a.range == b.range;
}

inline bool same(const Fetch& a, const Fetch& b) {
    return a.number == b.number && a.offset == b.offset && a.bytes == b.bytes;
}
inline bool same(const Part& a, const Part& b) {
    return a.number == b.number && a.offset == b.offset && a.bytes == b.bytes;
}

inline bool same(const Message& a, const Message& b) {
    if (a.index() != b.index()) return false;
    return std::visit(
        [&b](const auto& left) { return same(left, std::get<std::decay_t<decltype(left)>>(b)); }, a);
}

}  // namespace strandline::message
