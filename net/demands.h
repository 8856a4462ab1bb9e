#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <strandline/message.h>

#include "net/fields.h"

/// What must hold between the parts of a message, once they are read. Throws Malformed.
namespace strandline::net {

inline void demand_whole(const message::Holding& holding) {
    demand(holding.pieces.front().range.low.empty() && !holding.pieces.back().range.high,
           "a holding does not reach from the first key to the end");
    for (std::size_t i = 1; i < holding.pieces.size(); ++i)
        demand(holding.pieces[i - 1].range.high == holding.pieces[i].range.low, "a holding has a gap");
}

inline void demand_keys_fit(const message::Page& page) {
    std::string_view previous = page.range.low;
    for (const message::Entry& entry : page.entries) {
        demand(previous <= entry.key, "a page's keys are not in order, or begin before its range");
        previous = entry.key;
    }
    demand(page.entries.empty() || !page.range.high || previous < *page.range.high,
           "a page has keys behind its range");
    for (const message::Entry& entry : page.entries) {
        if (entry.large.empty()) continue;
        const bool is_alone =
            page.entries.size() == 1 && page.range.low == entry.key && page.range.high == entry.key + '\0';
        demand(is_alone, "an entry with large values is not alone on its page");
    }
}

inline void demand_places(const std::vector<message::LargeValue>& large, const message::Entry& entry) {
    for (std::size_t i = 0; i < large.size(); ++i) {
        const std::uint32_t place = large[i].place;
        demand(i == 0 || large[i - 1].place < place, "the large values are not in order");
        demand(place < entry.values.size() && entry.values[place] == Value{} &&
                   !std::ranges::binary_search(entry.withheld, place),
               "a large value is there, or has no place");
    }
}

inline void demand_spans(const message::Stretch& stretch) {
    std::string_view previous = stretch.range.low;
    for (const std::string& bound : stretch.bounds) {
        demand(previous < bound, "the bounds are not in order");
        previous = bound;
    }
    demand(stretch.bounds.empty() || !stretch.range.high || previous < *stretch.range.high,
           "a bound lies behind the range");
    const std::size_t spans = stretch.bounds.size() + 1;
    if (stretch.form == message::Stretch::Form::sums) {
        demand(stretch.digests.size() == spans * kLongDigestBytes, "there is not one sum for each span");
    } else {
        demand(stretch.bounds.empty() && stretch.digests.size() % kShortDigestBytes == 0,
               "rows are listed with bounds, or a digest is cut off");
    }
}

}  // namespace strandline::net
