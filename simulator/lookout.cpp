#include "simulator/lookout.h"

#include <algorithm>
#include <variant>

namespace strandline::simulator {
namespace {

/// What a peer may be sent and has not yet said to be durable (docs/protocol.md, Sessions).
constexpr std::size_t kInFlightBytesMax = 2 * 1024 * 1024;

/// A table that is fetched from the beginning is asked for in one piece.
bool is_in_the_middle(const message::Wanted& wanted) {
    return wanted.pieces.size() > 1 || (wanted.pieces.size() == 1 && !wanted.pieces[0].range.low.empty());
}

/// Whether it was written by somebody else than who brings it.
bool is_relayed(const message::Entry& entry, const std::vector<OriginId>& origins, const DeviceId& peer) {
    const auto is_foreign = [&](const message::Stamp& stamp) {
        return origins[static_cast<std::size_t>(stamp.origin)].device != peer;
    };
    return (entry.row && is_foreign(*entry.row)) || (entry.era && is_foreign(*entry.era)) ||
           std::ranges::any_of(entry.cells, [&](const auto& cell) { return is_foreign(cell.stamp); });
}

}  // namespace

void Lookout::said(const DeviceId& peer, const message::Message& message, std::size_t bytes) {
    Talk& talk = talks_[peer];
    if (const auto* have = std::get_if<message::Have>(&message)) {
        if (have->complete) ++talk.complete_haves;
    } else if (const auto* pull = std::get_if<message::Pull>(&message)) {
        asked(peer, *pull);
    } else if (std::holds_alternative<message::Pages>(message)) {
        talk.unanswered_bytes += bytes;
        if (talk.unanswered_bytes >= kInFlightBytesMax)
            chronicle_.count_situation(Situation::in_flight_limit);
    }
}

void Lookout::asked(const DeviceId& peer, const message::Pull& pull) {
    for (const message::Wanted& wanted : pull.wanted) {
        const auto before = asked_of_.find(wanted.resource);
        if (is_in_the_middle(wanted)) {
            chronicle_.count_situation(Situation::resumed);
            if (before != asked_of_.end() && before->second != peer)
                chronicle_.count_situation(Situation::switched);
        }
        asked_of_[wanted.resource] = peer;
    }
}

void Lookout::heard(const DeviceId& peer, const message::Message& message) {
    if (std::holds_alternative<message::Have>(message)) talks_[peer].unanswered_bytes = 0;
    if (const auto* pages = std::get_if<message::Pages>(&message)) took(peer, *pages);
}

void Lookout::took(const DeviceId& peer, const message::Pages& pages) {
    const bool is_push = pages.pull == 0;
    if (is_push && pages.basis != talks_[peer].complete_haves)
        chronicle_.count_situation(Situation::stale_push);
    if (!pages.last)
        chronicle_.count_situation(is_push ? Situation::push_in_parts : Situation::pull_in_parts);
    for (const message::Page& page : pages.pages) {
        const auto is_it = [&](const auto& entry) { return is_relayed(entry, pages.origins, peer); };
        if (std::ranges::any_of(page.entries, is_it)) chronicle_.count_situation(Situation::relayed);
        if (!page.forgotten.empty()) chronicle_.count_situation(Situation::forgotten);
        if (page.complete) chronicle_.count_situation(Situation::complete_page);
    }
}

void Lookout::told(const Event& event) {
    switch (event.kind) {
        case EventKind::incarnation:
            if (event.text.starts_with("this device's clock"))
                chronicle_.count_situation(Situation::put_right);
            return chronicle_.count_situation(Situation::incarnation);
        case EventKind::held:
            return chronicle_.count_situation(Situation::held);
        case EventKind::quarantined:
            return chronicle_.count_situation(Situation::quarantined);
        case EventKind::backfill_started:
            return chronicle_.count_situation(Situation::backfill);
        case EventKind::written_again:
            return chronicle_.count_situation(Situation::written_again);
        case EventKind::clock_skew:
            return chronicle_.count_situation(Situation::skewed);
        case EventKind::changes_applied:
            // What no peer brought just now had waited here.
            if (event.peer.empty()) chronicle_.count_situation(Situation::let_in);
            return;
        default:
            return;
    }
}

}  // namespace strandline::simulator
