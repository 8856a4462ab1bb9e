#include <strandline/event.h>
#include <strandline/status.h>

namespace strandline {

std::string_view name_of(EventKind kind) {
    switch (kind) {
        case EventKind::tracked:
            return "tracked";
        case EventKind::untracked:
            return "untracked";
        case EventKind::trusted:
            return "trusted";
        case EventKind::parked:
            return "parked";
        case EventKind::peer_up:
            return "peer_up";
        case EventKind::peer_down:
            return "peer_down";
        case EventKind::backfill_started:
            return "backfill_started";
        case EventKind::backfill_done:
            return "backfill_done";
        case EventKind::backfill_progress:
            return "backfill_progress";
        case EventKind::cut_complete:
            return "cut_complete";
        case EventKind::changes_applied:
            return "changes_applied";
        case EventKind::in_step:
            return "in_step";
        case EventKind::quarantined:
            return "quarantined";
        case EventKind::held:
            return "held";
        case EventKind::refused:
            return "refused";
        case EventKind::clock_skew:
            return "clock_skew";
        case EventKind::incarnation:
            return "incarnation";
        case EventKind::not_exchanged:
            return "not_exchanged";
        case EventKind::damaged:
            return "damaged";
        case EventKind::written_again:
            return "written_again";
        case EventKind::snapshot:
            return "snapshot";
        case EventKind::verified:
            return "verified";
        case EventKind::capture_repaired:
            return "capture_repaired";
        case EventKind::trouble:
            return "trouble";
    }
    return "unknown";
}

const char* name_of(Ownership ownership) {
    return ownership == Ownership::shared ? "shared" : "device_owned";
}

const char* name_of(DeviceState state) {
    switch (state) {
        case DeviceState::uninitialized:
            return "uninitialized";
        case DeviceState::backfilling:
            return "backfilling";
        case DeviceState::catching_up:
            return "catching_up";
        case DeviceState::ready:
            return "ready";
        case DeviceState::paused:
            return "paused";
    }
    return "unknown";
}

}  // namespace strandline
