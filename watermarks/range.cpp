#include "watermarks/range.h"

#include <algorithm>

namespace strandline::watermarks {

std::optional<Range> intersect(const Range& a, const Range& b) {
    const auto& high = !a.high || (b.high && *b.high < *a.high) ? b.high : a.high;
    const auto& low = std::max(a.low, b.low);
    if (high && *high <= low) return std::nullopt;
    return Range{low, high};
}

}  // namespace strandline::watermarks
