#include "simulator/situations.h"

#include <array>

#include "simulator/check.h"

namespace strandline::simulator {
namespace {

struct Named {
    Situation situation;
    const char* name;
    bool is_demanded = true;  ///< of the swarm
};

constexpr std::array<Named, 33> kAll{{
    {Situation::incarnation, "an incarnation started"},
    {Situation::held, "a change from too far ahead was held"},
    {Situation::quarantined, "a row was quarantined"},
    {Situation::let_in, "a row that had waited was let in"},
    {Situation::still_quarantined, "rows were in quarantine at the end"},
    {Situation::skewed, "two clocks were far apart"},
    {Situation::backfill, "a backfill started"},
    {Situation::resumed, "a backfill went on in its middle"},
    {Situation::switched, "a backfill went on from another peer"},
    {Situation::relayed, "a change came through a relay"},
    {Situation::pull_in_parts, "a pull was answered in several messages"},
    // Two of the first 500 seeds met it, as long as nobody was cloned in them: too seldom to be demanded. A story in
    // tests/scenarios/ is made of it.
    {Situation::push_in_parts, "a push came in several messages", false},
    {Situation::in_flight_limit, "a peer was sent no more until it had acknowledged"},
    {Situation::stale_push, "a push was dropped for its basis"},
    {Situation::rivals, "one connection took another's place"},
    {Situation::lock_awaited, "messages waited for an app's lock"},
    {Situation::wrote_alone, "an app wrote while no engine ran"},
    {Situation::full_in_fold, "the disk was full while the journal was folded"},
    {Situation::disk_failed, "an engine stopped on a failing disk"},
    {Situation::down_again, "a device crashed while it came back"},
    {Situation::commits_lost, "the power took commits that were not synced"},
    {Situation::writes_lost, "writes went with a device that left, or with a newer state"},
    {Situation::lied, "a member said what it must not"},
    {Situation::damaged, "rows were damaged behind an engine, and mended"},
    {Situation::key_refused, "a database was not opened, as it was under another device's key"},
    {Situation::twins_met, "a copy met its original"},
    {Situation::twin_wrote, "a copy wrote beside its original"},
    {Situation::put_right, "a clock was put right"},
    {Situation::parked_back, "a parked device came back"},
    {Situation::courier, "the courier went to another island", false},
    {Situation::forgotten, "a page came from who had forgotten deletions", false},
    {Situation::complete_page, "a device that lacked forgotten deletions took a complete page", false},
    {Situation::written_again, "a device wrote again what it had written without knowledge of a deletion",
     false},
}};

}  // namespace

const char* name_of(Situation situation) {
    const Named& named = kAll[static_cast<std::size_t>(situation)];
    check(named.situation == situation, "the situations have their names in another order");
    return named.name;
}

std::vector<std::string> never_met(const SituationCounts& counts) {
    std::vector<std::string> missing;
    for (const Named& named : kAll) {
        if (named.is_demanded && !counts.contains(named.name)) missing.emplace_back(named.name);
    }
    return missing;
}

}  // namespace strandline::simulator
