#include "net/tcp/rivals.h"

namespace strandline::net::tcp {

bool takes_over(const Rival& newcomer, const Rival& existing, const DeviceId& self, const DeviceId& peer) {
    if (newcomer.inbound && existing.inbound) return true;
    if (newcomer.inbound && newcomer.began > existing.heard) return true;
    const DeviceId& dialled_newcomer = newcomer.inbound ? peer : self;
    const DeviceId& dialled_existing = existing.inbound ? peer : self;
    return dialled_newcomer < dialled_existing;
}

}  // namespace strandline::net::tcp
