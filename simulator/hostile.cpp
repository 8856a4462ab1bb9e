// Faults' hostile kinds: strangers at the door, and a member that lies.
#include <memory>
#include <set>

#include "simulator/faults.h"
#include "simulator/liar.h"
#include "simulator/stranger.h"

namespace strandline::simulator {

/// Somebody with a key of their own, on the machine of one device, comes to another one's door.
void Faults::stranger() {
    const auto [from, to] = link();
    if (victims_.links.empty()) return;
    victims_.chronicle.count_fault("stranger", {from, to});
    const Random own = chance_->fork("stranger", chance_->next());
    std::make_shared<Stranger>(victims_.network, own)->knock(from, to);
}

/// One device of a world. In the end it is gone, as far as the others are concerned.
void Faults::liar() {
    if (liar_ == nullptr) {
        Device& chosen = device();
        // Of two with one key nobody can tell who lies.
        if (&chosen == victims_.original || &chosen == victims_.twin) return;
        if (has_left_ || !chosen.is_up() || !are_connected_without(chosen)) return;
        has_left_ = true;
        liar_ = &chosen;
        victims_.distrust(chosen.id());
    }
    liar_->lie(Liar(liar_->id(), chance_->fork("liar", chance_->next())));
    victims_.chronicle.count_fault("liar", {liar_->index(), {}});
    later(seconds(1, 10), [this] { liar_->lie({}); });
}

bool Faults::are_connected_without(const Device& gone) const {
    // A copy of one of them is the last, and perhaps not there.
    const std::size_t count = victims_.devices.size() - (victims_.twin != nullptr ? 1 : 0);
    if (count < 3) return false;
    std::set<std::size_t> reached;
    std::vector<std::size_t> todo{gone.index() == 0 ? std::size_t{1} : std::size_t{0}};
    while (!todo.empty()) {
        const std::size_t at = todo.back();
        todo.pop_back();
        if (at == gone.index() || at == count || !reached.insert(at).second) continue;
        for (const auto& [from, to] : victims_.links) {
            if (from == at) todo.push_back(to);
            if (to == at) todo.push_back(from);
        }
    }
    return reached.size() + (gone.index() < count ? 1 : 0) == count;
}

}  // namespace strandline::simulator
