#include "simulator/disk/chance.h"

namespace strandline::simulator::disk {

Fate draw_fate(const Survival& survival, const Chance& chance) {
    std::uint64_t drawn =
        chance() % (std::uint64_t{survival.kept} + survival.dropped + survival.torn + survival.garbled);
    if (drawn < survival.kept) return Fate::kept;
    drawn -= survival.kept;
    if (drawn < survival.dropped) return Fate::dropped;
    drawn -= survival.dropped;
    return drawn < survival.torn ? Fate::torn : Fate::garbled;
}

}  // namespace strandline::simulator::disk
