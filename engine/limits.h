#pragma once

#include <cstddef>
#include <cstdint>

#include <strandline/message.h>

/// Every number that bounds the engine, with its unit and its reason.
namespace strandline::engine {

/// One page of a backfill: large enough that its fsync is a small part of it, small enough that a
/// reader of the app's waits milliseconds for the write lock.
constexpr std::size_t kPageBytesMax = 512 * 1024;

/// One delta that is applied whole, so that a transaction of the writer is one at the reader.
constexpr std::size_t kDeltaBytesMax = 4 * 1024 * 1024;

/// The key as spelled and the values of one row, or of its cells, in a message. What is larger is withheld. The
/// rest of the frame is for what may stand beside it: a delta that is all but full, its pages and origins.
constexpr std::size_t kRowBytesMax = 48 * 1024 * 1024;
static_assert(kDeltaBytesMax + kRowBytesMax + 8 * 1024 * 1024 <= message::kFrameBytesMax);

/// A value of more bytes is taken into memory in parts, and travels in them: EngineOptions::whole_value_bytes_max says
/// otherwise. Two pages: what is smaller costs little, and most rows have nothing larger.
constexpr std::size_t kWholeValueBytesMax = 1024 * 1024;
/// Large values of one row, in all: what is larger is withheld. Half of what SQLite's own limit is for a row.
constexpr std::uint64_t kLargeBytesMax = 512 * 1024 * 1024;
/// Large values that a peer was told of and has not yet, or those of one row; then no more rows with such are read.
constexpr std::size_t kReferredMax = 16;
/// What is read of a large value at a time, for the parts that are asked for next: a 64th of the largest.
constexpr std::uint64_t kReadAheadBytes = std::uint64_t{4} * 1024 * 1024;
/// Large values that one message speaks of are hashed for it: some 20 ms.
constexpr std::uint64_t kHashedBytesMax = 32 * 1024 * 1024;
/// Parts that are asked for at a time: they keep disk and link busy, and are what a receiver that dies gets again.
constexpr std::size_t kFetchesMax = 4;
/// Rows of one peer that wait for their large values. It tells of kReferredMax values, and those of one row more.
constexpr std::size_t kFetchedRowsMax = 2 * kReferredMax;
/// Bytes that are announced of values which are here in part, of all peers: some of the largest.
constexpr std::uint64_t kStagedBytesMax = std::uint64_t{2} * 1024 * 1024 * 1024;
/// What is here in part, and was begun so long ago, nobody will finish.
constexpr std::int64_t kStagedForMs = std::int64_t{7} * 24 * 3'600'000;

/// Changed keys that are collected for one delta by the index; beyond that the scan is as good.
constexpr std::size_t kDeltaKeysMax = 64 * 1024;

/// Journal rows folded in one transaction: about 0.2 s of work, the longest that we hold the lock.
constexpr std::size_t kFoldRowsMax = 50'000;

/// Refused rows that one step tries again: some 10 ms; the rest at the next.
constexpr std::size_t kRetryRowsMax = 200;

/// Records of forgotten deletions that one step takes away in each table: some 5 ms; and when the next step is due.
constexpr std::size_t kForgetRowsMax = 500;
constexpr std::int64_t kForgetEveryMs = 100;

/// How often refused rows are tried together, each time without those that found no place.
constexpr int kSettleRoundsMax = 8;

/// Pieces of one coverage: each interrupted backfill leaves at most one more.
constexpr std::size_t kCoveragePiecesMax = 64;

/// How long a step waits for another process's write lock before it is put off: apps commit sooner. Meanwhile no
/// peer is heard and nobody can stop us, so it is short; what is put off is tried again for as long as it takes.
constexpr int kBusyMs = 200;
/// How long it is put off. Apps commit in milliseconds.
constexpr std::int64_t kBusyRetryMs = 50;
/// How often one schema may be met in vain, by steps that fail, before the device stops with the error: five seconds.
constexpr int kStaleTriesMax = 100;

/// A heartbeat when nothing else was said, and how long a silent peer counts as there.
constexpr std::int64_t kPingEveryMs = 10'000;
constexpr std::int64_t kSilenceMaxMs = 35'000;

/// Questions of a comparison that are out to one peer at a time: some MiB of answers, so a slow line is busy.
constexpr std::size_t kQuestionsMax = 128;
/// Of a peer that wait for an answer: those that are out, and as many of a comparison that has begun again meanwhile.
constexpr std::size_t kQuestionsWaitingMax = 2 * kQuestionsMax;
/// They take no more memory than the largest message.
constexpr std::size_t kQuestionBytesMax = message::kFrameBytesMax;
/// While so many words of comparisons wait to be said to a peer, none of its questions is answered.
constexpr std::size_t kAnswersMax = 8;

/// An offer of what the writer itself will push to us anyway waits this long for that push.
constexpr std::int64_t kOfferPatienceMs = 1'000;

/// What a peer was sent and has not yet said to be durable; then no more pages are read for it. Four pages
/// keep disk and link busy at once, and are what a receiver that dies may be sent again.
constexpr std::size_t kInFlightBytesMax = 4 * kPageBytesMax;

/// Pages of the log after which we bring them into the database: half of SQLite's own number, at which an app's commit has
/// to do it.
constexpr int kLogPagesMax = 500;

/// What was written is folded by the next step of a backfill, when that is due so soon.
constexpr std::int64_t kFoldWithStepMs = 50;

/// Pages that wait for their turn, in all; then nothing more is taken in. What eight peers have in flight.
constexpr std::size_t kWaitingBytesMax = 8 * kInFlightBytesMax;

/// Who is asked and brings nothing durable for so long is left, where somebody else has it: several pages of a slow link.
constexpr std::int64_t kStallMs = 15'000;

/// Where a table may be cut for a backfill from several peers: at most into so many parts, so the rest that nobody else
/// can take over is a small share, and each of a few hundred rows at least, some ten milliseconds of a link.
constexpr std::size_t kCutsMax = 63;
constexpr std::int64_t kCutRowsMin = 256;
/// A key that is longer is no place to cut: all cuts of a table go into one message.
constexpr std::size_t kCutBytesMax = 1024;

/// What a row is taken to cost on the wire until some have come.
constexpr double kRowBytesGuess = 200;

/// Counters and peers' figures reach the database this often when nothing else commits.
constexpr std::int64_t kFiguresEveryMs = 1'000;
/// And this often when only bytes were counted: what else is said is heartbeats, and a device that has nothing to do is to
/// leave its disk alone.
constexpr std::int64_t kTrafficEveryMs = 60'000;

/// A busy writer's peer falls out of step and back all the time: from one telling to the next it is twice as long as it
/// was before, up to this, so that ten thousand events last for days.
constexpr std::int64_t kInStepEveryMsMax = 60'000;

/// Rises of our own watermark that are kept from each opening on. A disk that was put back lost what was written before
/// that: it lies below what the opening folds, or below the first fold after it.
constexpr std::size_t kRisesKept = 2;

/// Rows that a peer is behind are counted so far in each table, when somebody asks: about 10 ms of an index.
constexpr std::int64_t kBehindMax = 100'000;

/// Rows of one message that events name with their keys, for one reason; the rest are counted.
constexpr std::size_t kNamedRowsMax = 10;

/// Keys that share a kept sum: an edit costs one look at so many when the table is compared next, and a million rows
/// have two thousand sums.
constexpr std::size_t kBucketRows = 512;
/// Rows that one step sums up: some 20 ms.
constexpr std::size_t kSummedRowsMax = 20'000;
/// Rows of the app's tables that one step of an inspection reads: some 10 ms.
constexpr std::size_t kInspectedRowsMax = 5'000;
/// A proof that is owed begins so long after the opening: the app and its peers come first.
constexpr std::int64_t kProofAfterMs = 5'000;
/// One that did not succeed is tried again so much later, when no other peer can be asked before.
constexpr std::int64_t kProofAgainMs = 600'000;
/// How often a device proves unasked that it holds what its peers hold. Of a table that did not change that costs
/// some hundred bytes.
constexpr std::int64_t kProofEveryMs = std::int64_t{24} * 3'600'000;

/// Rows of one range of a comparison that are looked at one by one. Honest peers ask about a few.
constexpr std::size_t kListedRowsMax = 4'096;
/// Comparisons end when one finds nothing; what still differs after so many, and as many repairs, is told.
constexpr int kPassesMax = 4;
/// A peer that is not in step has so long to get there; then the comparison begins beside what is written.
constexpr std::int64_t kStepPatienceMs = 1'000;
/// Where nothing differed but what is on its way is compared once more, after a wait that doubles with each such pass. What is
/// not the same in the last one waits for its time, or is written all the time.
constexpr int kVainPassesMax = 5;
constexpr std::int64_t kMovingPatienceMs = 100;
/// No comparison begins with a peer that has not acknowledged so many changes of a table: they would be listed in vain.
constexpr std::int64_t kMovingRowsMax = 1'000;
/// How long an answer may take before the comparison is given up; the peer may have a large table to sum up.
constexpr std::int64_t kAnswerPatienceMs = 120'000;

/// Events that the database keeps; the oldest go first.
constexpr std::int64_t kEventsMax = 10'000;

/// Events waiting for the host. One that never asks keeps the newest.
constexpr std::size_t kEventQueueMax = 1'000;

/// Clocks of two devices further apart than this are told. Half of what holds a change back.
constexpr std::int64_t kSkewTellMs = 150'000;

/// A clock that shows less, 2023, has forgotten the time: that two agree in it says nothing of a third reading.
constexpr std::int64_t kClockBelievedFromMs = 1'672'531'200'000;

/// Bytes of a value's digest kept beside each row, to tell which columns an UPDATE really changed:
/// one missed edit in 2^40 statements, and only where the statement assigned several columns.
constexpr std::size_t kDigestBytes = 5;

}  // namespace strandline::engine
