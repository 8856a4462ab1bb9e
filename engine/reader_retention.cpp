#include <algorithm>
#include <utility>

#include "engine/reader.h"
#include "planted/planted.h"

// Reader, continued: what who lacks deletions that were forgotten here is given instead.
namespace strandline::engine {

using store::Resource;

void Reader::meet_forgotten() {
    Part& part = parts_.front();
    const auto& pieces = store_.forgotten(part.resource).pieces();
    const watermarks::Piece& piece = *std::ranges::find_if(
        pieces, [&](const watermarks::Piece& each) { return each.range.contains(part.range.low); });
    forgotten_ = piece.vector;
    const watermarks::Range here = *intersect(piece.range, part.range);
    // Rows that claim nothing go to who holds the same.
    const bool may_lack = !part.vector.empty() && !is_planted(planted::Bug::behind_unnoticed);
    if (may_lack && !part.base.dominates(forgotten_)) {
        // With each message anew: what was forgotten since must not be more than what is claimed.
        part.is_complete = true;
        part.base = {};
        part.claim = held_in(part.resource, part.range);
        part.keys.reset();
        part.held.clear();
        plan_held(part);  // Of what is held back, too, all there is.
    }
    if (here == part.range) return;
    Part rest = part;
    rest.range.low = *here.high;
    part.range = here;
    const auto is_behind = [&](const std::string& key) { return !here.contains(key); };
    for (Part* half : {&part, &rest}) {
        const auto is_other = [&](const std::string& key) { return is_behind(key) == (half == &part); };
        if (half->keys) std::erase_if(*half->keys, is_other);
        std::erase_if(half->held, is_other);
    }
    parts_.insert(parts_.begin() + 1, std::move(rest));
}

/// With a complete page goes all that is held back in its range: its receiver knows by it what is not.
void Reader::take_held_within(const Resource& resource, const Part& part, const watermarks::Range& range,
                              message::Pages& pages, OriginList& origins) {
    for (const std::string& key : part.held) {
        if (!range.contains(key)) continue;
        for (const store::Quarantined& held : store_.quarantine.held(resource.id, key))
            take_waiting(resource, held, origins);
    }
    add_waiting({resource.name, {range.low, range.high}, {}, {}, {}}, pages);
}

}  // namespace strandline::engine
