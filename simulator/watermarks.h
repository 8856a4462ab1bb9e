#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <strandline/ids.h>
#include <strandline/time.h>

namespace strandline::simulator {

/// An origin, by the order in which this process met them: an id has 40 bytes, and a fleet has millions of watermarks.
enum class OriginNumber : std::uint32_t {};
[[nodiscard]] OriginNumber number_of(const OriginId& origin);
[[nodiscard]] const OriginId& origin_of(OriginNumber number);

/// Watermarks by origin, as the laws see them. Zero: nothing is held of an origin, and it is not listed.
class Vector {
public:
    using Entry = std::pair<OriginNumber, Hlc>;

    Vector() = default;
    /// In any order; of an origin named twice the larger counts.
    explicit Vector(std::vector<Entry> entries);
    [[nodiscard]] Hlc at(OriginNumber origin) const;
    [[nodiscard]] Hlc at(const OriginId& origin) const { return at(number_of(origin)); }
    /// For each origin the larger one.
    void raise(const Vector& other);
    /// For each origin the smaller one.
    void lower(const Vector& other);
    /// Forgets what is held of all lives of a device.
    void forget(const DeviceId& device);
    /// The first entry that is larger than what `other` has there; null: there is none.
    [[nodiscard]] const Entry* first_above(const Vector& other) const;
    friend bool operator==(const Vector&, const Vector&) = default;

private:
    std::vector<Entry> entries_;  ///< in the order of the numbers
};

}  // namespace strandline::simulator
