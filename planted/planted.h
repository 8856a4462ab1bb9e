#pragma once

#include <cstddef>
#include <vector>

/// Bugs planted on purpose, to prove that the simulator finds such mistakes (docs/simulator.md lists them with where each
/// is found). Each is one line at the place where a person could really make it, behind is_planted().
///
/// The library that ships carries none: there is_planted() is the constant false, and the line is not compiled in.
/// A second build of the same sources, with STRANDLINE_PLANTED, asks bugs.cpp what is armed; only the program
/// strandline-sim-planted links it.
namespace strandline::planted {

enum class Bug {
    watermark_before_data,    ///< coverage is committed, and then the rows that it claims
    acknowledge_before_sync,  ///< a commit is told before the disk has it
    claim_after_first_page,   ///< the first page of a range claims all of it
    maximum_of_ranges,        ///< ranges that are joined take the larger watermarks
    stamp_reused,             ///< a restored copy goes on as the same origin
    tie_by_arrival,           ///< of two equal readings the one that was there first wins
    tombstone_forgotten,      ///< a deletion that arrives leaves nothing behind
    off_by_one_at_resume,     ///< the next page begins one key too late
    delete_loses,             ///< a row with an edit outlives a delete that came after it
    page_in_two,              ///< rows in one transaction, their coverage in the next
    stranger_served,          ///< who is not trusted is let in
    counter_not_persisted,    ///< the clock keeps its milliseconds, and forgets its counter
    journal_ignored,          ///< a page is read while the journal has rows
    column_not_counted,       ///< a fingerprint leaves out one column
    push_own_only,            ///< a push leaves out what others have stamped
    switch_starts_over,       ///< who goes on with another's backfill is asked for what has come, too
    absence_trusted,          ///< absence counts as deletion in pages that are not complete, too
    behind_unnoticed,         ///< who lacks forgotten deletions is given what it asked for, and no more
    claims_not_asked,         ///< rows are compared that the other side has not said to hold
};

/// For push_own_only: rows that bear another origin's stamp.
template <typename Pages, typename OriginId>
void leave_out_others(Pages& pages, const OriginId& self) {
    const auto is_foreign = [&](const auto& entry) {
        return entry.row && pages.origins[static_cast<std::size_t>(entry.row->origin)] != self;
    };
    for (auto& page : pages.pages) std::erase_if(page.entries, is_foreign);
}

/// Ends the transaction in the middle of what must be one, and begins the next.
constexpr const char* kCommitEarly = "COMMIT; BEGIN IMMEDIATE";

#ifdef STRANDLINE_PLANTED
[[nodiscard]] bool is_planted(Bug bug);
#else
[[nodiscard]] constexpr bool is_planted(Bug /*bug*/) {
    return false;
}
#endif

}  // namespace strandline::planted
