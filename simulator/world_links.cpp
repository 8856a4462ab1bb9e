#include <algorithm>
#include <utility>

#include "simulator/world.h"

// World, continued: who is linked with whom, and the courier between islands.
namespace strandline::simulator {
namespace {

constexpr std::int64_t kCourierStayUs = 10 * kUsPerSecond;

}  // namespace

void World::lay_links(Topology topology) {
    Random random = random_.fork("topology");
    const std::size_t count = options_.devices;
    const auto mesh = [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            for (std::size_t j = begin; j < i; ++j) {
                // Who is filled dials, and so need not wait until it is dialled again.
                const bool is_filled = options_.filled_rows > 0;
                const bool is_both = random.one_in(4) && !is_filled;
                const bool is_up = random.one_in(2) || is_filled;
                if (is_up || is_both) links_.emplace_back(i, j);
                if (!is_up || is_both) links_.emplace_back(j, i);
            }
        }
    };
    switch (topology) {
        case Topology::line:
        case Topology::ring:
            for (std::size_t i = 1; i < count; ++i) links_.emplace_back(i, i - 1);
            if (topology == Topology::ring && count > 2) links_.emplace_back(0, count - 1);
            break;
        case Topology::star:
            for (std::size_t i = 1; i < count; ++i) links_.emplace_back(i, 0);
            break;
        case Topology::mesh:
            mesh(0, count);
            break;
        case Topology::random:
            for (std::size_t i = 1; i < count; ++i) {
                links_.emplace_back(i, random.below(i));
                if (const std::size_t other = random.below(i); random.one_in(2))
                    links_.emplace_back(other, i);
            }
            break;
        case Topology::islands: {
            const std::size_t courier = count - 1;
            const std::size_t size = std::max<std::size_t>(1, std::min<std::size_t>(4, courier / 2));
            for (std::size_t begin = 0; begin < courier; begin += size) {
                const std::size_t end = std::min(courier, begin + size);
                mesh(begin, end);
                links_.emplace_back(courier, begin);
                islands_.push_back({begin});
            }
            break;
        }
    }
}

/// The courier reaches one island at a time.
void World::move_courier(std::size_t island) {
    if (!is_first_act_ || islands_.empty()) return;
    const std::size_t courier = options_.devices - 1;
    for (std::size_t i = 0; i < islands_.size(); ++i) {
        for (const std::size_t port : islands_[i]) {
            network_.block(courier, port, i != island);
            network_.block(port, courier, i != island);
        }
    }
    chronicle_.count_situation(Situation::courier);
    schedule_.after(kCourierStayUs, [this, island] { move_courier((island + 1) % islands_.size()); });
}

}  // namespace strandline::simulator
