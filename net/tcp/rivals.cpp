#include "net/tcp/rivals.h"

#include "net/tcp/limits.h"

namespace strandline::net::tcp {
namespace {

bool is_in_use(const Rival& rival, SteadyMs now) {
    return now.value < rival.heard_last.value + kTurnRestMs && now.value < rival.heard.value + kTurnMs;
}

}  // namespace

bool takes_over(const Rival& newcomer, const Rival& existing, const DeviceId& self, const DeviceId& peer) {
    const bool has_dialled_again = existing.inbound || newcomer.began > existing.heard;
    if (newcomer.inbound && has_dialled_again) return !is_in_use(existing, newcomer.heard);
    const DeviceId& dialled_newcomer = newcomer.inbound ? peer : self;
    const DeviceId& dialled_existing = existing.inbound ? peer : self;
    return dialled_newcomer < dialled_existing;
}

}  // namespace strandline::net::tcp
