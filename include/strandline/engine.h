#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <strandline/event.h>
#include <strandline/ids.h>
#include <strandline/message.h>
#include <strandline/result.h>
#include <strandline/status.h>
#include <strandline/time.h>

/// START HERE.
///
/// Engine is one device: a database, what it knows about the others, and nothing else. It has no
/// socket, no clock, no random source and no thread; a host brings these and carries what passes
/// through the doors. strandline::Node (node.h) is such a host, over TCP; the simulator is another.
namespace strandline {

/// Draws 64 random bits. Called seldom: when a new incarnation begins.
using Entropy = std::function<std::uint64_t()>;

/// What is known of a device's openings outside its database, where no copy of the database takes it along.
struct Opening {
    std::uint64_t count = 0;  ///< how often the device was opened, and closed in an orderly way
    /// Tells the device's files from every copy of them: no restore brings the same one back. Opaque to the engine;
    /// empty: the host knows none.
    std::string mark;
    friend bool operator==(const Opening&, const Opening&) = default;
};

struct EngineOptions {
    std::string database;  ///< path of the SQLite file
    DeviceId device;
    std::string vfs;  ///< name of the SQLite VFS to open it on; empty: the default one
    Entropy entropy;
    /// As the host finds it now. Another one than the database remembers means that these are not the files we
    /// left: restored from a copy, or copied. The device then goes on as a new incarnation, before anything is
    /// folded. Empty: the host does not count; else it must call remember() next.
    std::optional<Opening> opening = {};
    /// Asked now and then inside long steps, on the thread that does them: whether to end now. Such a step is taken back,
    /// or as much of it as is not committed; open() and track() then fail (busy), all else is tried again later.
    std::function<bool()> stop_asked = {};
    /// What peers are asked for, first of all in a backfill, is applied no faster than this: bytes of keys and values, rows.
    std::optional<std::int64_t> bytes_per_second_max = {};
    std::optional<std::int64_t> rows_per_second_max = {};
    /// A value of more bytes is large: it travels in parts, and is taken into memory in parts. Empty: 1 MiB.
    std::optional<std::size_t> whole_value_bytes_max = {};
    /// Memory for pages of the database: by default enough for the inner pages of tables with millions of rows.
    std::int64_t page_cache_bytes = std::int64_t{16} * 1024 * 1024;
    /// Whether deletions are forgotten that all members have acknowledged, but for those that are parked. Else they are
    /// remembered for good.
    bool forgets = true;
    /// It runs a copy that is thrown away: what it says to hold is then no receipt to anybody, so that nobody forgets a
    /// deletion for it, and it forgets none.
    bool is_trial = false;
};

/// How to make a database a device's.
struct InitOptions {
    std::string database;
    DeviceId device;
    std::string name;  ///< for people; may be empty
    std::string vfs;
    Entropy entropy;
};

/// Makes Strandline's tables in `database`, which is made when missing, and turns on WAL mode, a
/// lasting property of that file. Error: it is a device already, not a database, not writable.
[[nodiscard]] Result<void> init_database(const InitOptions& options, Now now);

/// How far a track() is, in rows of the table that it is at.
struct TrackProgress {
    std::int64_t rows_done = 0;
    std::int64_t rows_total = 0;
};

/// What a verification with one peer has shown.
struct Verification {
    DeviceId peer;
    bool is_same = false;      ///< both devices hold the same
    bool is_all = true;        ///< else but for rows that were written all the while, or wait for their time
    std::int64_t rounds = 0;   ///< of questions, 128 at most in each; one, where nothing differed
    std::int64_t rows = 0;     ///< that differed, before they were repaired
    std::int64_t damaged = 0;  ///< rows here that were deleted or altered behind Strandline's back
    std::int64_t mended = 0;   ///< of these
    /// What this device moved from the beginning of the comparison to its end, with whichever peers: see TrafficStatus.
    std::int64_t bytes_sent = 0;
    std::int64_t bytes_received = 0;
    std::vector<std::string> left = {};  ///< sentences on what could not be compared, or differs still
};

/// One device.
///
/// Invariant: a message comes out only after the change it reports is durable, so a host that dies
///            between the two doors loses nothing.
/// Threads:   one at a time. The engine never blocks on anything but its own database, and on that
///            at most kBusyMs (engine/limits.h) when another process holds its write lock.
/// Trouble:   the caller's shows as a Result. A peer's closes that session: its next_message() gives
///            Bye, then is_closed(). The disk's rolls the step back, is told as an event, and leaves
///            every door in refusing work with the same sentence: see failure().
class Engine {
public:
    /// Error: not a device's database, a newer format, another device's id, locked, read-only.
    static Result<Engine> open(const EngineOptions& options, Now now);
    Engine(Engine&&) noexcept;
    Engine& operator=(Engine&&) noexcept;
    ~Engine();

    // --- what an operator asks for ---------------------------------------------------------------

    /// Keeps these tables in step from now on, rows already there included; all of them or none.
    [[nodiscard]] Result<void> track(const std::vector<std::string>& tables, Ownership ownership, Now now);
    /// Of a track() under way, for whoever waits for it: other threads may call this one.
    [[nodiscard]] TrackProgress track_progress() const;
    /// Stops, and forgets; the tables and their rows stay.
    [[nodiscard]] Result<void> untrack(const std::vector<std::string>& tables, Now now);
    /// Lets a device in. Error (usage): it is this one; the name is longer than 255 bytes or has control characters.
    [[nodiscard]] Result<void> trust(const DeviceId& device, const std::string& name, Now now);
    [[nodiscard]] bool is_trusted(const DeviceId& device) const;
    /// Whether deletions are forgotten here without waiting for a device that was ever heard of. If it is let in it stays so, and
    /// may return: then it is told all there is. README's known limits say when that has failed.
    /// Error (usage): this device itself, or one that was never heard of.
    [[nodiscard]] Result<void> park(const DeviceId& device, bool is_parked, Now now);
    /// Has the host count, outside the database, what it will find at the next opening, and writes it down: `count` is
    /// called once the database is locked for this. An end of the process between the two costs a new incarnation,
    /// and nothing else. Error: the host's, or the database's; busy: nothing was counted.
    [[nodiscard]] Result<void> remember(const std::function<Result<Opening>()>& count);

    /// Proves, with the first peer that is in step, or nearly where writes never end, that both hold the same, and repairs what differs. `is_deep`: reads
    /// the rows of all tables before, and mends those that were deleted or altered behind our back. Told as an event
    /// of kind `verified`. Owed from now on, also when this process ends, until it has succeeded.
    [[nodiscard]] Result<void> verify(bool is_deep, Now now);
    /// The last one since verify(); empty: it is not done.
    [[nodiscard]] const std::optional<Verification>& verified() const;

    /// Has an event of kind `snapshot` say what the host did with one.
    [[nodiscard]] Result<void> note_snapshot(const std::string& text, Now now);

    // --- doors in -------------------------------------------------------------------------------

    /// Somebody may have committed to the database: picks up local writes and requests of other
    /// processes. Early and repeated calls are harmless; a host calls it whenever the file changes.
    void database_changed(Now now);
    /// A connection to an authenticated, trusted device is up. At most one per device at a time.
    void peer_up(const DeviceId& peer, Now now);
    void peer_down(const DeviceId& peer, const std::string& reason, Now now);
    /// Takes one message from a connected peer. A bad one closes that peer's session, only.
    void receive(const DeviceId& from, message::Message message, Now now);
    /// Lets time pass. Early and repeated calls are harmless.
    void advance(Now now);
    /// Traffic as the host's network saw it, for the counters.
    void count_bytes(std::int64_t sent, std::int64_t received);

    // --- doors out ------------------------------------------------------------------------------

    /// What to say to `peer` next; empty: nothing just now. Pages are read when they are asked for,
    /// so a host that asks only while its send buffer is short holds little in memory.
    [[nodiscard]] std::optional<message::Message> next_message(const DeviceId& peer, Now now);
    /// Whether the session is over: say what next_message() still has, then close the connection.
    [[nodiscard]] bool is_closed(const DeviceId& peer) const;
    /// Whether receive() can take more now. While false (another process holds the database's lock)
    /// a host leaves bytes in the socket.
    [[nodiscard]] bool wants_input() const;
    [[nodiscard]] std::optional<Event> next_event();
    /// Empty when advance() will never have work; ask again after any door in.
    [[nodiscard]] std::optional<SteadyMs> next_deadline() const;

    // --- what is so -----------------------------------------------------------------------------

    [[nodiscard]] DeviceId device() const;
    /// Since when another process's lock on the database has been in the way of work; empty: it is not.
    [[nodiscard]] std::optional<SteadyMs> locked_since() const;
    /// Both ways: all that we hold of the tables both track, the peer has acknowledged, and the reverse.
    [[nodiscard]] bool is_in_step(const DeviceId& peer) const;
    [[nodiscard]] Status status() const;
    /// The disk's trouble that stopped this engine; empty while all is well.
    [[nodiscard]] std::optional<Error> failure() const;

    struct Parts;

private:
    explicit Engine(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

/// A durable request to the process that runs a device, from one that does not: `command` is
/// "track", "track-device-owned", "untrack", "trust", "park" or "unpark", taken up within a second; or "verify", "deep" or
/// "shallow" and the id of the peer to prove with (any, when it is not given), answered when it is done.
struct Request {
    std::string command;
    std::vector<std::string> arguments;
};
/// Writes the request; its number. The running engine finds it in database_changed().
[[nodiscard]] Result<std::int64_t> leave_request(const std::string& database, const Request& request);
/// The answer to a request: empty while there is none; an Error when the answer is no.
[[nodiscard]] Result<bool> request_answered(const std::string& database, std::int64_t number);
/// What a "verify" came to whose answer is yes.
[[nodiscard]] Result<Verification> request_verified(const std::string& database, std::int64_t number);

}  // namespace strandline
