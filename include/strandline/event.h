#pragma once

#include <string>
#include <string_view>

#include <strandline/ids.h>
#include <strandline/time.h>

namespace strandline {

/// What can happen. Each kind is told once for each time that it happens, and kept in the database, but for one.
enum class EventKind {
    tracked,    ///< a table is kept in step from now on
    untracked,  ///< a table is no longer kept in step
    trusted,    ///< a device was let in
    parked,   ///< deletions do not wait for a device that was let in, or wait for it again; `text` says which
    peer_up,  ///< an authenticated peer is connected
    peer_down,         ///< a peer is gone; `text` says why
    backfill_started,  ///< a peer sends a table, or a part of one, from the beginning
    backfill_done,     ///< the last page of that is durable
    backfill_progress,  ///< how far it is, once a second, for who runs the device alone: it is not kept, and has no number
    cut_complete,  ///< after a backfill: all tables are as they were at one moment, no transaction in parts
    changes_applied,  ///< rows from a peer are durable and visible here
    in_step,          ///< this device and that peer hold the same
    quarantined,      ///< a row could not be applied; it is kept, and passed on
    held,             ///< a change bears a time too far ahead; it is kept until then
    refused,          ///< a change that its device had no right to make
    clock_skew,       ///< a peer's clock and ours are far apart
    incarnation,      ///< this database goes on as a new origin; `text` says why
    not_exchanged,  ///< a table is tracked on one side alone, or is another one there; `text` says what to do
    capture_repaired,  ///< triggers were missing and are back; the table was compared with its metadata
    damaged,  ///< rows of a table were deleted or altered behind Strandline's back; they are asked of peers
    written_again,  ///< what this device had counts as written by it now: `text` says why that was needed
    snapshot,       ///< the database as it was is kept beside it, or no longer; `text` says where, and why
    verified,       ///< this device and that peer were compared by fingerprints; `text` says what differed
    trouble,        ///< the database or a peer gave an error; `text` has the sentence
};

/// The kind's name, as it stands in JSON and in the database.
[[nodiscard]] std::string_view name_of(EventKind kind);

/// One thing that happened.
struct Event {
    std::int64_t number = 0;  ///< ascending, in the order of happening; never used twice
    WallMs at;
    EventKind kind{};
    std::string resource;  ///< empty: not about one table
    std::string peer;      ///< the device id in hex; empty: not about one peer
    std::string text;      ///< a sentence for people
    std::int64_t rows = 0;
};

}  // namespace strandline
