#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <strandline/time.h>

#include "simulator/disk/chance.h"
#include "simulator/disk/image.h"

/// A disk in memory for SQLite, cruel on request. START HERE.
namespace strandline::simulator::disk {

struct DiskOptions {
    std::string name;  ///< of the VFS: what sqlite3_open_v2() and EngineOptions::vfs are given
    Chance chance;     ///< decides what survives, and is SQLite's randomness
    /// What SQLite takes for the time: julianday('now').
    std::function<WallMs()> wall_clock;
    /// A connection waits for a lock. No time passes by itself; empty: nobody wants to know.
    std::function<void(int microseconds)> slept = {};
};

/// The calls that an I/O error hits. A write that is hit does nothing, a truncation counts as one; of a
/// sync that is hit, a part drawn by chance is durable, and the rest waits for the next one.
enum class Hits { reads, writes, syncs, any };
struct IoError {
    Hits hits = Hits::any;
    std::uint64_t at_call = 1;  ///< the n-th such call from now on
    bool sticky = false;        ///< and every one after it
};

/// What a disk has done since it was made.
struct Counters {
    std::uint64_t calls = 0;  ///< that touched it: open, delete, read, write, truncate, sync
    std::uint64_t syncs = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t sleeps = 0;
    // Faults done:
    std::uint64_t power_cuts = 0;
    std::uint64_t crashes = 0;
    std::uint64_t io_errors_of_reads = 0;
    std::uint64_t io_errors_of_writes = 0;
    std::uint64_t io_errors_of_syncs = 0;
    std::uint64_t io_errors_of_others = 0;  ///< opening and deleting
    std::uint64_t disk_fulls = 0;
};

/// One device's disk: a file system of SQLite's (a VFS), which exists under its name for as long as it
/// lives. It keeps for each file what the processes see and what a power cut would leave.
///
/// Durable:   a file's bytes by a sync of that file; that it was made or deleted by a sync of the directory,
///            which happens where SQLite does it on Linux: with the first sync of a journal or WAL, and in
///            a deletion that asks for it. fsync(2) promises no more.
/// Not there: rename, memory-mapped files. Temporary files take no room and have no name.
/// Chance:    the same calls and the same draws leave the same bytes. Drawn by reboot() after a power cut, by
///            a sync that fails, and by xRandomness, which SQLite asks of the default VFS alone.
/// Callbacks: must not throw, and must not close the connection that waits.
/// Threads:   one, for a disk and all connections to it.
/// Lifetime:  connections are closed before the disk goes; it stops the program when one is not.
class Disk {
public:
    /// Begins with the image, all of it durable. Stops the program when the name is taken.
    explicit Disk(DiskOptions options, const DiskImage& image = {});
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    ~Disk();
    [[nodiscard]] const std::string& name() const;

    // --- ends of life. The disk is down afterwards: every call of SQLite's is an I/O error. The owner closes
    // --- its connections, which changes nothing any more, and reboots. A later end replaces one scheduled.

    /// Each unsynced write is kept, dropped, torn or garbled. At a call: the n-th from now on that touches the
    /// disk is the last, and a write among the unsynced ones.
    void cut_power(const Survival& survival);
    void cut_power_at_call(std::uint64_t n, const Survival& survival);
    /// The processes die and the operating system lives: handles, locks and shared memory are gone, and
    /// everything written is seen, synced or not.
    void crash();
    void crash_at_call(std::uint64_t n);
    [[nodiscard]] bool is_down() const;
    /// What survived is what is seen now. Connections of before, if any are still open, stay dead for ever.
    void reboot();

    // --- smaller faults -------------------------------------------------------------------------------

    /// One at a time: replaces the one before.
    void fail(const IoError& error);
    /// I/O works from now on.
    void heal();
    /// What all named files may hold together, in bytes; a write beyond it is SQLITE_FULL. Empty: no limit.
    void set_capacity(std::optional<std::int64_t> bytes);

    /// All that was written to files is durable from now on: what a system does by itself, sooner or later.
    void write_back();

    // --- images ---------------------------------------------------------------------------------------

    /// Whether a power cut at this moment would leave just what the processes see.
    [[nodiscard]] bool is_synced() const;
    [[nodiscard]] DiskImage visible_image() const;
    /// The least that a power cut at this moment would leave: nothing unsynced survived.
    [[nodiscard]] DiskImage durable_image() const;
    /// Puts an image in place of everything, durably, as if the disk had been taken out and written
    /// elsewhere: connections die as in crash(), what was scheduled is forgotten, and the disk is up.
    void restore(const DiskImage& image);

    /// Puts an image in place of everything, and connections live on: to them it is as if another process had written it
    /// all, and died, so that the next reader recovers the log. Not beneath a transaction. For who looks at many images of
    /// one WAL database, and would have to read its schema for each.
    void refill(const DiskImage& image);

    [[nodiscard]] const Counters& counters() const;

    struct Parts;

private:
    std::unique_ptr<Parts> parts_;
};

/// SQLite draws WAL salts, rowids and random() from one generator of the whole process. A run that must
/// repeat itself seeds it first; `seed` is not zero, which would mean the default VFS's chance again.
void seed_sqlite(int seed);

/// For a process that has one thread: SQLite without mutexes and without counts of its memory, which comes from lists (memory.h). Before its first use.
void run_sqlite_alone();

}  // namespace strandline::simulator::disk
