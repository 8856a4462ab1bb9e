#include <algorithm>
#include <set>
#include <utility>

#include "simulator/world.h"

// World, continued: who is linked with whom, and the courier between islands.
namespace strandline::simulator {
namespace {

constexpr std::int64_t kCourierStayUs = 10 * kUsPerSecond;
/// Until a device has its sessions back that its copy had: a dial comes up to 30 s later.
constexpr std::int64_t kReunionUs = 60 * kUsPerSecond;

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

/// One device may be copied onto a machine of its own, which then knows whom the original knows. In half of the worlds the two
/// meet. In the other half they do not, and both dial everybody, as a third one keeps the session with whom it has and dials
/// nobody else of that id.
void World::make_room_for_copy(const Surroundings& world) {
    Random random = random_.fork("clone");
    original_ = devices_[random.below(options_.devices)].get();
    const Random own = random_.fork("device", options_.devices);
    const Random identity = random_.fork("device", original_->index());
    const std::size_t twin = options_.devices;
    devices_.push_back(std::make_unique<Device>(world, twin, own, identity));
    twin_ = devices_.back().get();
    workloads_.emplace_back(original_->index(), own.fork("workload"));
    paces_.push_back(own.fork("pace"));
    const bool they_meet = random.one_in(2) || options_.devices == 1;
    std::set<std::size_t> neighbours;
    std::set<std::size_t> dialled;
    for (const auto& [from, to] : links_) {
        if (from == original_->index()) dialled.insert(to);
        if (from == original_->index()) neighbours.insert(to);
        if (to == original_->index()) neighbours.insert(from);
    }
    for (const std::size_t neighbour : neighbours) {
        links_.emplace_back(twin, neighbour);
        if (!they_meet && !dialled.contains(neighbour)) links_.emplace_back(original_->index(), neighbour);
        for (const auto& [a, b] : {std::pair(twin, neighbour), std::pair(neighbour, twin)})
            network_.link(a, b) = network_.link(original_->index(), neighbour);
    }
    if (they_meet)
        links_.emplace_back(random.one_in(2) ? std::pair(twin, original_->index())
                                             : std::pair(original_->index(), twin));
}

/// Whether there is another one just now with the same key.
bool World::has_copy_beside(const Device& device) const {
    if (twin_ == nullptr || (&device != twin_ && &device != original_)) return false;
    const auto is_there = [](const Device& one) {
        return one.life() != Device::Life::absent && one.life() != Device::Life::left;
    };
    return is_there(*twin_) && is_there(*original_);
}

/// As long as two have one key, they take each other's connections, and there is no silence.
void World::end_copy() {
    if (twin_ == nullptr || twin_->life() == Device::Life::absent) return;
    twin_->leave();
    converge(after(schedule_.now(), kReunionUs));
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
