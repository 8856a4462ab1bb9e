#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <strandline/ids.h>
#include <strandline/time.h>
#include <strandline/value.h>

/// What two engines say to each other: the border between engine/ and net/.
///
/// A message never names its sender; the authenticated channel knows it. What each one means, and
/// when it is said, stands in docs/protocol.md.
///
/// Origins in messages are indexes into the message's own `origins`, which the codec has checked:
/// every index is in bounds. Vectors, like all lists of origins here, are sorted by index and hold
/// none twice.
namespace strandline::message {

// Limits that whoever makes a message must know; those that only readers check are in net/limits.h.

constexpr std::size_t kFrameBytesMax =
    64 * 1024 * 1024;                          // One row with large blobs; ten times a usual delta.
constexpr std::size_t kNameBytesMax = 255;     // Tables, columns, devices: what people name fits.
constexpr std::size_t kReasonBytesMax = 1024;  // A sentence or two, for a log.
/// A key is compared and indexed; larger ones are blobs. One byte is left for the key just behind it, which ends a range.
constexpr std::size_t kKeyBytesMax = 64 * 1024 - 1;
constexpr std::size_t kResourcesMax = 4096;  // Tables of one database.
constexpr std::size_t kMembersMax = 4096;    // Devices of one group, ever.
constexpr std::size_t kOriginsMax = 65536;   // 2.5 MiB of full ids; a group that large has other limits.
constexpr std::size_t kColumnsMax = 2000;    // SQLite's own default, SQLITE_MAX_COLUMN.
constexpr std::size_t kSpansMax = 2048;      // Of one message of a comparison: some 30 KiB.
/// A value that travels in parts. Whoever writes it into a table has the row in memory once.
constexpr std::uint64_t kLargeValueBytesMax = 256 * 1024 * 1024;
constexpr std::size_t kPartBytesMax = 512 * 1024;  // As a page of a backfill: an fsync is a small part of it.
constexpr std::size_t kLargeHashBytes = 8;         // The digest of a value, and three bytes more.

/// (hlc, origin) of one write.
struct Stamp {
    Hlc hlc;
    Origin origin{};
    friend bool operator==(const Stamp&, const Stamp&) = default;
};

/// One life of a key of a device-owned resource: from an insert until its delete.
struct Life {
    std::optional<Stamp> era;  ///< the delete that its inserter knew of
    Stamp row;                 ///< the insert
    friend bool operator==(const Life&, const Life&) = default;
};

/// Origin → "everything of it up to here". An origin that is not listed stands at zero.
using Vector = std::vector<std::pair<Origin, Hlc>>;

/// Encoded keys from `low` on, up to but without `high`. No high: to the end.
struct Range {
    std::string low;
    std::optional<std::string> high;
    friend bool operator==(const Range&, const Range&) = default;
};

/// A range, and what its holder's state dominates there.
struct Piece {
    Range range;
    Vector vector;
};

/// The columns of whole rows and cells are named once a page; a cell says which by index.
struct Cell {
    std::uint32_t column = 0;
    Stamp stamp;
};

/// Stands for a value that is too large for a message, and travels in parts when its receiver asks: Fetch.
struct LargeValue {
    std::uint32_t place = 0;   ///< among the entry's values, where NULL stands for it
    std::uint32_t number = 0;  ///< the sender's, by which it is asked for in this session; from 1 on
    bool is_text = false;      ///< else it is a BLOB
    std::uint64_t bytes = 0;
    std::string hash;  ///< kLargeHashBytes, of the storage class and the bytes (docs/protocol.md)
};

/// One row's state, or a part of it. Exactly one of three forms:
///   whole row: `row` set; one value per column of the page; `cells` stamps columns written since
///   cells only: no `row`, some `cells`, one value per cell
///   deleted:   no `row`, no `cells`, no values; `era` is the delete's stamp
struct Entry {
    std::string key;                ///< encoded, docs/schema.md
    std::optional<Values> key_raw;  ///< the key's values, where they are not what `key` decodes to
    std::optional<Stamp> era;
    std::optional<Stamp> row;
    std::vector<Cell> cells;
    Values values;
    /// Which of `values` are too large to travel, or are not at the sender, ascending: NULL stands in their places.
    std::vector<std::uint32_t> withheld = {};
    /// Of a device-owned resource, where there is no `row`: the life that the cells are of, or that was deleted.
    std::optional<Life> life = {};
    /// By their places, ascending. Such an entry is alone on a page of its own: nobody waits for it but its key.
    std::vector<LargeValue> large = {};
};

// What a Hello's `features` say.

/// Takes pages that are packed. The host's matter, who encodes: it says and hears this bit itself.
constexpr std::uint64_t kUnpacks = 1;

/// Answers two pulls at a time, hears what of them is waived, and wants to know where tables can be cut.
constexpr std::uint64_t kWaives = 2;

/// Knows what `forgotten` and `complete` of a page mean, and `waits` of a holding.
constexpr std::uint64_t kKnowsForgotten = 8;

/// Takes and gives large values in parts: Fetch and Part.
constexpr std::uint64_t kParts = 16;
/// Takes part in comparisons: Compare. (4 and 32 were of its first form, which nobody speaks any more.)
constexpr std::uint64_t kCompares = 64;

/// First message of a session, both ways.
struct Hello {
    std::string name;  ///< for people; may be empty
    Incarnation incarnation{};
    WallMs wall;  ///< the sender's clock, to tell skew
    /// What the sender knows beyond the first protocol, as bits, kUnpacks and the like: a message kind or form
    /// that came later is said only to a peer that knows it. Bits that the receiver does not know mean nothing to it.
    std::uint64_t features = 0;
};

/// One column of a table's key: what makes two values of it one.
struct KeyColumn {
    std::string type;                ///< SQLite's affinity: BLOB, TEXT, NUMERIC (INTEGER too) or REAL
    std::string collation;           ///< BINARY, NOCASE or RTRIM
    std::vector<std::string> names;  ///< as it is called now, and then as it was called before it was renamed
};

/// What the sender holds of one resource.
struct Holding {
    std::string resource;
    bool device_owned = false;
    std::uint64_t rows = 0;           ///< living rows, for honest progress
    std::vector<Piece> pieces;        ///< of a complete Have: without gaps from the first key to the end
    std::vector<KeyColumn> key = {};  ///< not complete: left out
    std::vector<std::string> dropped = {};  ///< columns that its pages lack values of; not complete: left out
    /// Keys that cut the table into parts of about as many rows, ascending: where a backfill from several peers
    /// may be divided. Said once of a large table to who lacks much of it; else left out.
    std::vector<std::string> cuts = {};
    /// Changes wait here for their time, or for their row: not all that is covered is in the state. Not complete: left out.
    bool waits = false;
    /// Deletions at or below this were forgotten in the whole table: who holds as much may forget them too.
    Vector forgotten = {};
};

/// Watermarks. At once an offer (pull what you lack) and a receipt (this is durable here).
struct Have {
    bool complete = false;  ///< all resources, replacing what was said before
    std::vector<OriginId> origins;
    std::vector<Holding> holdings;  ///< not complete: only what has risen
    /// Complete: every device that its sender has ever heard of, itself among them; empty where that is nobody else. Else
    /// those that it has heard of since.
    std::vector<DeviceId> members = {};
    /// Complete: stamps of these origins above this count as this, for their device's clock stood far ahead.
    Vector ceilings = {};
};

/// "Send what I lack": the pieces are the asker's coverage, cut to what it wants now.
struct Wanted {
    std::string resource;
    std::vector<Piece> pieces;
};
struct Pull {
    std::uint32_t number = 0;  ///< the asker's; answers repeat it
    std::vector<OriginId> origins;
    std::vector<Wanted> wanted;
};

/// "Of that pull I no longer want this range": somebody else brings it. What is on its way already is taken all the same.
struct Waive {
    std::uint32_t pull = 0;
    std::string resource;
    Range range;
};

/// A slice of one resource in key order: all that the sender holds in `range` and the base does not
/// cover. Once applied, the range's coverage rises to the larger of itself and `vector`.
struct Page {
    std::string resource;
    Range range;
    Vector vector;
    std::vector<std::string> columns;
    std::vector<Entry> entries;  ///< in key order; two entries of one key only where one is held back
    /// Which of `columns` were dropped where their values are not any more, ascending: all of those are withheld.
    std::vector<std::uint32_t> dropped = {};
    /// Deletions at or below this were forgotten at the sender in this range: it knows nothing of them any more.
    Vector forgotten = {};
    /// All that the sender holds in the range, whatever was asked for: what is not here, and stamped at or below
    /// `vector`, was deleted.
    bool complete = false;
};

/// One message of pages is one snapshot at its sender, and one transaction at its receiver.
struct Pages {
    std::uint32_t pull = 0;   ///< number of the pull that this answers; 0: a push
    std::uint32_t basis = 0;  ///< a push: how many complete Haves of the receiver it builds on
    bool last = false;        ///< of this pull, or of this push
    std::vector<OriginId> origins;
    std::vector<Page> pages;
};

struct Ping {
    std::uint64_t nonce = 0;
};
struct Pong {
    std::uint64_t nonce = 0;
};

/// The sender closes the session, and says why, for the other side's log.
struct Bye {
    std::string reason;
};

/// A range under comparison, and what its sender has there (docs/protocol.md, Comparing).
struct Stretch {
    enum class Form : std::uint8_t {
        sums = 0,    ///< `digests`: the sum of each span, all of 16 bytes or all of 8
        listed = 1,  ///< `digests`: the hash of each row, 8 bytes each
        wanted =
            2,  ///< `digests`: the hashes of rows that the sender wants to be sent; none: all that are there
    };
    Form form{};
    Range range;
    std::vector<std::string> bounds;  ///< sums: where each span but the first begins, ascending
    std::string digests;
    std::string unsettled =
        {};  ///< listed: hashes of the keys of rows that cannot be compared now, 8 bytes each
};

/// One resource under comparison.
struct Comparison {
    std::string resource;
    std::string columns;  ///< a digest of the table's columns, 8 bytes: with others nothing is comparable
    std::string
        forgotten;  ///< a digest of what the sender has forgotten, 16 bytes: else of listed rows nothing follows
    std::vector<Stretch>
        stretches;  ///< none: all sums that were asked about are the same, or nothing is comparable
};

/// Whether two devices hold the same, and where not: each answer says more of what differs.
struct Compare {
    std::uint32_t number = 0;  ///< the asker's; answers repeat it
    bool asks = false;         ///< else it answers
    std::vector<Comparison> comparisons;
};

/// "Send me this part of the large value of that number", or, with `bytes` 0: "I need no more of it".
struct Fetch {
    std::uint32_t number = 0;
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;  ///< 0: no more of it
};

/// The answer to one Fetch.
struct Part {
    std::uint32_t number = 0;
    std::uint64_t offset = 0;
    std::optional<std::string> bytes;  ///< none: the value is another one by now, or gone
};

using Message = std::variant<Hello, Have, Pull, Pages, Ping, Pong, Bye, Waive, Compare, Fetch, Part>;

}  // namespace strandline::message

namespace strandline {
using message::Message;
}
