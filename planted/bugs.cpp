#include "planted/bugs.h"

#include <array>
#include <optional>
#include <utility>

#include "planted/planted.h"

namespace strandline::planted {
namespace {

constexpr std::array<std::pair<Bug, Name>, 19> kBugs{{
    {Bug::watermark_before_data,
     {"watermark-before-data", "coverage is committed before the rows that it claims"}},
    {Bug::acknowledge_before_sync, {"acknowledge-before-sync", "a commit is told before the disk has it"}},
    {Bug::claim_after_first_page, {"claim-after-first-page", "the first page of a range claims all of it"}},
    {Bug::maximum_of_ranges, {"maximum-of-ranges", "ranges that are joined take the larger watermarks"}},
    {Bug::stamp_reused, {"stamp-reused", "a restored copy goes on as the same origin"}},
    {Bug::tie_by_arrival, {"tie-by-arrival", "of two equal readings the one that was there first wins"}},
    {Bug::tombstone_forgotten, {"tombstone-forgotten", "a deletion that arrives leaves nothing behind"}},
    {Bug::off_by_one_at_resume, {"off-by-one-at-resume", "the next page begins one key too late"}},
    {Bug::delete_loses, {"delete-loses", "a row with an edit outlives a delete that came after it"}},
    {Bug::page_in_two, {"page-in-two", "rows are applied in one transaction, their coverage in the next"}},
    {Bug::stranger_served, {"stranger-served", "who is not trusted is let in"}},
    {Bug::counter_not_persisted,
     {"counter-not-persisted", "the clock keeps its milliseconds without its counter"}},
    {Bug::journal_ignored, {"journal-ignored", "a page is read while the journal has rows"}},
    {Bug::column_not_counted, {"column-not-counted", "a fingerprint leaves out one column"}},
    {Bug::push_own_only, {"push-own-only", "a push leaves out what others have stamped"}},
    {Bug::switch_starts_over,
     {"switch-starts-over", "who goes on with another's backfill is asked for what has come, too"}},
    {Bug::absence_trusted,
     {"absence-trusted", "absence counts as deletion in pages that are not complete, too"}},
    {Bug::behind_unnoticed,
     {"behind-unnoticed", "who lacks forgotten deletions is given what it asked for, and no more"}},
    {Bug::claims_not_asked,
     {"claims-not-asked", "rows are compared that the other side has not said to hold"}},
}};

std::optional<Bug> armed;

}  // namespace

std::vector<Name> names() {
    std::vector<Name> out;
    for (const auto& [bug, name] : kBugs) out.push_back(name);
    return out;
}

bool plant(const std::string& name) {
    for (const auto& [bug, known] : kBugs) {
        if (known.name != name) continue;
        armed = bug;
        return true;
    }
    return false;
}

bool is_planted(Bug bug) {
    return armed == bug;
}

}  // namespace strandline::planted
