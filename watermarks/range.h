#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace strandline::watermarks {

/// Encoded keys from `low` on, up to but without `high`, in byte order. No high: to the end.
struct Range {
    std::string low;
    std::optional<std::string> high;

    [[nodiscard]] bool contains(std::string_view key) const { return low <= key && (!high || key < *high); }
    [[nodiscard]] bool is_empty() const { return high && *high <= low; }

    friend bool operator==(const Range&, const Range&) = default;
};

/// The keys in both; nothing when there are none.
[[nodiscard]] std::optional<Range> intersect(const Range& a, const Range& b);

}  // namespace strandline::watermarks
