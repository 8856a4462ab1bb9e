#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <strandline/ids.h>
#include <strandline/time.h>

namespace strandline::watermarks {

/// Watermarks for all origins: origin → "everything of it up to here is durably held".
///
/// Invariant: entries are sorted by origin, hold none twice, and none at or below zero: an origin
///            that is not listed stands at zero. So equal meaning is equal entries.
/// Cost:      the functions of two vectors walk each once; at() and raise() of one origin search. Copies share their entries
///            until one is changed: of a large group vectors are long, a device keeps several for each peer and table, and mostly
///            they say the same.
class Vector {
public:
    using Entry = std::pair<Origin, Hlc>;

    Vector() = default;
    /// From entries in any order, as they come off the wire or the disk. Of an origin named twice the
    /// larger counts; zero and less are dropped.
    [[nodiscard]] static Vector from(std::vector<Entry> entries);

    [[nodiscard]] Hlc at(Origin origin) const;
    [[nodiscard]] bool covers(Origin origin, Hlc stamp) const { return stamp <= at(origin); }
    /// At least `other` for every origin.
    [[nodiscard]] bool dominates(const Vector& other) const;
    [[nodiscard]] bool empty() const { return entries_ == nullptr; }
    [[nodiscard]] const std::vector<Entry>& entries() const;

    /// The larger of what stands there and `to`; never lowers.
    void raise(Origin origin, Hlc to);
    /// The componentwise maximum; shares the entries of `other` where that is all.
    void raise(const Vector& other);
    /// Shares the entries of `other`, if both say the same.
    void share(const Vector& other);

    friend bool operator==(const Vector& a, const Vector& b) {
        return a.entries_ == b.entries_ || a.entries() == b.entries();
    }

private:
    /// For writing to.
    [[nodiscard]] std::vector<Entry>& own();

    std::shared_ptr<std::vector<Entry>> entries_;  ///< null: none
};

/// Componentwise maximum: what two holders of one range hold together.
[[nodiscard]] Vector larger(const Vector& a, const Vector& b);
/// Componentwise minimum: what is surely held in two ranges. Names only origins that both name.
[[nodiscard]] Vector smaller(const Vector& a, const Vector& b);
/// Only the entries where `v` is above `base`: what to say to somebody who knows `base`.
[[nodiscard]] Vector above(const Vector& v, const Vector& base);
/// The sum of all differences; zero exactly when they are equal. Stops at the largest number there is
/// (some 160 origins apart by their whole history), so it ranks near vectors and calls far ones far.
[[nodiscard]] std::uint64_t distance(const Vector& a, const Vector& b);

}  // namespace strandline::watermarks
