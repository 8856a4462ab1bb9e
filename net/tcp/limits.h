#pragma once

#include <cstddef>
#include <cstdint>

/// Every number of the TCP host, with its unit and its reason.
namespace strandline::net::tcp {

/// From the first packet of a dial, or from accept, until both sides know each other. A key exchange
/// takes two round trips; ten seconds is a very bad radio link, and more only serves idlers.
constexpr std::int64_t kHandshakeMs = 10'000;
/// A peer that takes not one byte for so long is gone, whatever its TCP says.
constexpr std::int64_t kWriteStallMs = 30'000;
/// How long a goodbye may take to flush and to be answered: half of what Node::stop() promises.
constexpr std::int64_t kGoodbyeMs = 1'000;

/// Connections that came in and have not yet said who they are. The oldest makes room for the
/// newest: a crowd of idlers cannot keep out a device that does its two round trips.
constexpr std::size_t kStrangersMost = 64;
/// What one turn reads from a socket: large enough to be cheap, small enough to be fair.
constexpr std::size_t kReadBytesMax = 64 * 1024;
/// The engine is asked for more only while less than this waits to be sent. Two pages and some.
constexpr std::size_t kOutputBytesMax = 1024 * 1024;

/// The database is looked at so often in any case: it serves where the kernel does not tell (network
/// file systems), and is the pulse by which deadlines of connections are checked.
constexpr std::int64_t kPulseMs = 1'000;
/// The first gap after a look that came before the commit could be seen: a fast disk's sync.
constexpr std::int64_t kLookGapMinUs = 100;
/// The rest after a look that found something, so that a busy writer's commits are folded many at a time:
/// at least what nobody notices, at most what people still call "at once".
constexpr std::int64_t kLookRestMsMin = 1;
constexpr std::int64_t kLookRestMsMax = 20;

/// A lock of another process's that is in the way for so long is told. Shorter ones nobody notices.
constexpr std::int64_t kLockToldMs = 2'000;
/// Between two tries to open a database that another process has locked.
constexpr std::int64_t kOpenAgainMs = 50;

/// Reconnecting: exponential backoff with full jitter between nothing and the ceiling.
constexpr std::int64_t kBackoffBaseMs = 200;
constexpr std::int64_t kBackoffCapMs = 30'000;
/// A session that lasted so long worked; after it the backoff starts from its base again.
constexpr std::int64_t kSessionProvenMs = 5'000;

/// Of two devices with one key: one that has said nothing for so long makes room for the other, and any that has had its turn.
/// A device that lost its network and dials again at once is refused for as long, and tries on.
constexpr std::int64_t kTurnRestMs = 2'000;
constexpr std::int64_t kTurnMs = 30'000;

/// Lines for people: the same one once in this time, and not more than this many different ones.
constexpr std::int64_t kNoticeWindowMs = 60'000;
constexpr std::size_t kNoticesMost = 30;

}  // namespace strandline::net::tcp
