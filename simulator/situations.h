#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// Sometimes: what a long run must have met. A run that never gets there is clean and proves nothing
/// (FoundationDB's test macros of that name are the model).
namespace strandline::simulator {

enum class Situation {
    incarnation,
    held,
    quarantined,
    let_in,
    still_quarantined,
    skewed,
    backfill,
    resumed,
    switched,
    relayed,
    pull_in_parts,
    push_in_parts,
    in_flight_limit,
    stale_push,
    rivals,
    lock_awaited,
    wrote_alone,
    full_in_fold,
    disk_failed,
    down_again,
    commits_lost,
    writes_lost,
    lied,
    damaged,
    key_refused,
    twins_met,
    twin_wrote,
    put_right,
    parked_back,
    courier,
    forgotten,
    complete_page,
    written_again,
};

/// In words, for the summary.
[[nodiscard]] const char* name_of(Situation situation);

/// How often each was met, by name.
using SituationCounts = std::map<std::string, std::uint64_t>;

/// Those that the swarm must meet and did not, by name.
[[nodiscard]] std::vector<std::string> never_met(const SituationCounts& counts);

}  // namespace strandline::simulator
