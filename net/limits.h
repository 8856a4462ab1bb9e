#pragma once

#include <cstddef>

#include <strandline/message.h>

/// What the wire may carry, each with its unit and its reason; what the engine must know too when it makes
/// a message stands in <strandline/message.h>. All are checked before memory is taken,
/// and an announced count is never believed beyond the bytes that are really there.
///
/// There is no limit of nesting: known fields nest as deep as docs/protocol.md draws them and no deeper,
/// and unknown ones are skipped by a counter, without recursion.
namespace strandline::net {

// --- the channel ---------------------------------------------------------------------------------------

constexpr std::size_t kNoiseMessageBytesMax = 65535;  // The Noise specification, section 3.
constexpr std::size_t kNoiseTagBytes = 16;            // Poly1305.
constexpr std::size_t kPieceBytesMax = kNoiseMessageBytesMax - kNoiseTagBytes;
constexpr std::size_t kHandshakeBytesMax = 512;  // The longest of version 1 has 193; room for later ones.

// --- messages ------------------------------------------------------------------------------------------

using message::kColumnsMax;
using message::kFrameBytesMax;
using message::kKeyBytesMax;
using message::kMembersMax;
using message::kNameBytesMax;
using message::kOriginsMax;
using message::kReasonBytesMax;
using message::kResourcesMax;
using message::kSpansMax;

/// Lists, before their texts: what one decoded message may take. Four times the frame, because an absent
/// value is one byte on the wire and 40 in memory.
constexpr std::size_t kListBytesMax = 4 * kFrameBytesMax;

constexpr std::size_t kBoundBytesMax = kKeyBytesMax + 1;  // The end of a range: the key just behind another.
constexpr std::size_t kPiecesMax = 4096;             // Ranges of one resource; holders join theirs far below.
constexpr std::size_t kPagesMax = 4096;              // Several for each of some tables.
constexpr std::size_t kShortDigestBytes = 8;         // Of a row, or a column, in a comparison.
constexpr std::size_t kLongDigestBytes = 16;         // Of a range of rows.
constexpr std::size_t kDigestsBytesMax = 64 * 1024;  // Rows are listed where there are a few.
constexpr std::size_t kEntriesPerPageMax = 1024 * 1024;  // A whole frame of rows of 64 bytes.

// --- packing -------------------------------------------------------------------------------------------

constexpr std::size_t kPackedBytesMin = 1024;  // A few rows: what could be spared is less than a packet.
/// Two deltas. What is larger is one large value, most of them packed already, and would be in memory twice.
constexpr std::size_t kPackedBytesMax = 8 * 1024 * 1024;
constexpr std::size_t kPackingSharePays = 8;      // Less than an eighth is not worth the receiver's work.
constexpr std::size_t kPackedMessagesJudged = 8;  // Two windows of pages, which come in bursts.
constexpr std::size_t kPackingRestMost = 64;      // Some 30 MiB, until what follows is tried again.

}  // namespace strandline::net
