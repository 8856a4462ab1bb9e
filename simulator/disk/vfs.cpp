// SQLite's callbacks, in the order of a file's life. What they promise is written at sqlite3_vfs and
// sqlite3_io_methods in SQLite's documentation; where that leaves room, they do what SQLite's own VFS does on Linux.
#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "simulator/disk/parts.h"

namespace strandline::simulator::disk {
namespace {

/// One open file of one connection.
struct Handle : sqlite3_file {
    Disk::Parts* disk = nullptr;
    std::uint64_t life = 0;
    std::shared_ptr<File> file;
    std::shared_ptr<Sharing> sharing;
    std::shared_ptr<SharedMemory> memory;  ///< null while it is not mapped
    SharedMemory::Held held;
    Lock lock = Lock::none;
    bool is_temporary = false;
    bool syncs_directory = false;  ///< with the next sync

    [[nodiscard]] bool is_alive() const { return !disk->faults.down() && life == disk->life; }
    [[nodiscard]] Verdict admit(Call call) const {
        return is_alive() ? disk->faults.admit(call) : Verdict::failed;
    }
};

Handle& handle_of(sqlite3_file* file) {
    return *static_cast<Handle*>(file);
}

Disk::Parts& parts_of(sqlite3_vfs* vfs) {
    return *static_cast<Disk::Parts*>(vfs->pAppData);
}

/// The answer to a call that changed something, or would have.
int told(Verdict verdict, int error) {
    return verdict == Verdict::done ? SQLITE_OK : error;
}

// --- one file: bytes ---------------------------------------------------------------------------------

int read_file(sqlite3_file* file, void* to, int bytes, sqlite3_int64 offset) {
    const Handle& handle = handle_of(file);
    if (handle.admit(Call::read) != Verdict::done) return SQLITE_IOERR_READ;
    const std::int64_t there = handle.file->visible().read(offset, static_cast<char*>(to), bytes);
    return there == bytes ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

bool has_room(const Handle& handle, std::int64_t end) {
    const auto& capacity = handle.disk->capacity_bytes;
    const std::int64_t growth = end - handle.file->visible().size();
    return !capacity || handle.is_temporary || growth <= 0 ||
           handle.disk->directory.bytes() + growth <= *capacity;
}

int write_file(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 offset) {
    const Handle& handle = handle_of(file);
    const Verdict verdict = handle.admit(Call::write);
    if (verdict == Verdict::failed) return SQLITE_IOERR_WRITE;
    Counters& counters = handle.disk->faults.counters;
    if (!has_room(handle, offset + bytes)) {
        ++counters.disk_fulls;
        return SQLITE_FULL;
    }
    counters.bytes_written += static_cast<std::uint64_t>(bytes);
    handle.file->write(offset, {static_cast<const char*>(from), static_cast<std::size_t>(bytes)});
    return told(verdict, SQLITE_IOERR_WRITE);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
    const Handle& handle = handle_of(file);
    const Verdict verdict = handle.admit(Call::truncate);
    if (verdict != Verdict::failed) handle.file->truncate(size);
    return told(verdict, SQLITE_IOERR_TRUNCATE);
}

int sync_file(sqlite3_file* file, int /*flags*/) {
    Handle& handle = handle_of(file);
    if (!handle.is_alive()) return SQLITE_IOERR_FSYNC;
    const Verdict verdict = handle.admit(Call::sync);
    if (verdict == Verdict::failed) handle.file->sync_in_part(handle.disk->options.chance);
    if (verdict != Verdict::done) return SQLITE_IOERR_FSYNC;
    ++handle.disk->faults.counters.syncs;
    handle.file->sync();
    if (handle.syncs_directory) handle.disk->directory.sync();
    handle.syncs_directory = false;
    return SQLITE_OK;
}

int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
    const Handle& handle = handle_of(file);
    if (!handle.is_alive()) return SQLITE_IOERR_FSTAT;
    *size = handle.file->visible().size();
    return SQLITE_OK;
}

// --- one file: locks and shared memory ---------------------------------------------------------------

int lock_file(sqlite3_file* file, int lock) {
    Handle& handle = handle_of(file);
    if (!handle.is_alive()) return SQLITE_IOERR_LOCK;
    return handle.sharing->locks.raise(handle.lock, static_cast<Lock>(lock)) ? SQLITE_OK : SQLITE_BUSY;
}

int unlock_file(sqlite3_file* file, int lock) {
    Handle& handle = handle_of(file);
    handle.sharing->locks.lower(handle.lock, static_cast<Lock>(lock));
    return SQLITE_OK;
}

int check_reserved_lock(sqlite3_file* file, int* is_reserved) {
    const Handle& handle = handle_of(file);
    if (!handle.is_alive()) return SQLITE_IOERR_CHECKRESERVEDLOCK;
    *is_reserved = handle.sharing->locks.is_reserved() ? 1 : 0;
    return SQLITE_OK;
}

int map_memory(sqlite3_file* file, int number, int bytes, int make, void volatile** region) {
    Handle& handle = handle_of(file);
    if (!handle.is_alive()) return SQLITE_IOERR_SHMMAP;
    if (handle.memory == nullptr) handle.memory = handle.sharing->memory.lock();
    if (handle.memory == nullptr) {
        handle.memory = std::make_shared<SharedMemory>();
        handle.sharing->memory = handle.memory;
    }
    *region =
        handle.memory->region(static_cast<std::size_t>(number), static_cast<std::size_t>(bytes), make != 0);
    return SQLITE_OK;
}

int lock_memory(sqlite3_file* file, int first, int count, int flags) {
    Handle& handle = handle_of(file);
    if (handle.memory == nullptr) return SQLITE_IOERR_SHMLOCK;
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        handle.memory->unlock(handle.held, first, count);
        return SQLITE_OK;
    }
    if (!handle.is_alive()) return SQLITE_IOERR_SHMLOCK;
    const bool is_shared = (flags & SQLITE_SHM_SHARED) != 0;
    const bool is_held = is_shared ? handle.memory->lock_shared(handle.held, first, count)
                                   : handle.memory->lock_exclusive(handle.held, first, count);
    return is_held ? SQLITE_OK : SQLITE_BUSY;
}

void memory_barrier(sqlite3_file* /*file*/) {}  // One thread sees its own writes.

int unmap_memory(sqlite3_file* file, int /*deletes*/) {
    Handle& handle = handle_of(file);
    if (handle.memory != nullptr) handle.memory->unlock(handle.held, 0, SharedMemory::kSlots);
    handle.memory.reset();
    return SQLITE_OK;
}

// --- one file: the rest ------------------------------------------------------------------------------

int close_file(sqlite3_file* file) {
    unmap_memory(file, 0);
    unlock_file(file, SQLITE_LOCK_NONE);
    std::destroy_at(&handle_of(file));
    return SQLITE_OK;
}

int control_file(sqlite3_file* /*file*/, int /*operation*/, void* /*argument*/) {
    return SQLITE_NOTFOUND;
}

int sector_size(sqlite3_file* /*file*/) {
    return 4096;  // As on Linux; what tears is smaller.
}

int characteristics(sqlite3_file* /*file*/) {
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;  // A write that fails harms only the bytes that it meant.
}

constexpr sqlite3_io_methods kFileMethods = {
    2,  // iVersion: with shared memory, without memory-mapped files
    close_file, read_file,   write_file,          truncate_file, sync_file,   size_of_file,
    lock_file,  unlock_file, check_reserved_lock, control_file,  sector_size, characteristics,
    map_memory, lock_memory, memory_barrier,      unmap_memory,  nullptr,     nullptr,
};

// --- the directory -----------------------------------------------------------------------------------

/// The file to open, made if need be; null: it cannot be.
std::shared_ptr<File> found_or_made(Directory& directory, const char* name, int flags) {
    if (name == nullptr) return std::make_shared<File>();
    auto file = directory.find(name);
    const bool must_be_new = (flags & SQLITE_OPEN_EXCLUSIVE) != 0;
    if (file != nullptr) return must_be_new ? nullptr : file;
    return (flags & SQLITE_OPEN_CREATE) != 0 ? directory.create(name) : nullptr;
}

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
    Disk::Parts& parts = parts_of(vfs);
    file->pMethods = nullptr;
    if (parts.faults.down()) return SQLITE_IOERR;
    const Verdict verdict = parts.faults.admit(Call::open);
    if (verdict == Verdict::failed) return SQLITE_CANTOPEN;
    auto opened = found_or_made(parts.directory, name, flags);
    if (opened == nullptr || verdict != Verdict::done) return SQLITE_CANTOPEN;

    auto* handle = new (file) Handle;
    handle->pMethods = &kFileMethods;
    handle->disk = &parts;
    handle->life = parts.life;
    handle->sharing = opened->sharing();
    handle->file = std::move(opened);
    handle->is_temporary = name == nullptr;
    constexpr int kJournals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    handle->syncs_directory = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & kJournals) != 0;
    if (flags_out != nullptr) *flags_out = flags;
    return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* name, int syncs_directory) {
    Disk::Parts& parts = parts_of(vfs);
    if (parts.faults.down()) return SQLITE_IOERR_DELETE;
    const Verdict verdict = parts.faults.admit(Call::remove);
    if (verdict == Verdict::failed) return SQLITE_IOERR_DELETE;
    if (parts.directory.find(name) == nullptr) return SQLITE_IOERR_DELETE_NOENT;
    parts.directory.remove(name);
    if (verdict == Verdict::done && syncs_directory != 0) parts.directory.sync();
    return told(verdict, SQLITE_IOERR_DELETE);
}

int access_file(sqlite3_vfs* vfs, const char* name, int what, int* is_so) {
    const Disk::Parts& parts = parts_of(vfs);
    if (parts.faults.down()) return SQLITE_IOERR_ACCESS;
    const auto file = parts.directory.find(name);
    // An empty file counts as none: it may be a journal that was made and never written.
    *is_so = file != nullptr && (what != SQLITE_ACCESS_EXISTS || file->visible().size() > 0) ? 1 : 0;
    return SQLITE_OK;
}

int full_pathname(sqlite3_vfs* /*vfs*/, const char* name, int bytes_max, char* out) {
    const std::size_t size = std::strlen(name) + 1;  // A disk has one folder, so a name is a path.
    if (size > static_cast<std::size_t>(bytes_max)) return SQLITE_CANTOPEN;
    std::memcpy(out, name, size);
    return SQLITE_OK;
}

// --- the machine -------------------------------------------------------------------------------------

int randomness(sqlite3_vfs* vfs, int bytes, char* out) {
    const Chance& chance = parts_of(vfs).options.chance;
    std::generate_n(out, bytes, [&] { return static_cast<char>(chance()); });
    return bytes;
}

int sleep(sqlite3_vfs* vfs, int microseconds) {
    Disk::Parts& parts = parts_of(vfs);
    ++parts.faults.counters.sleeps;
    if (parts.options.slept) parts.options.slept(microseconds);
    return microseconds;
}

int current_time(sqlite3_vfs* vfs, sqlite3_int64* julian_ms) {
    constexpr std::int64_t kJulianMsOf1970 = 210'866'760'000'000;
    *julian_ms = kJulianMsOf1970 + parts_of(vfs).options.wall_clock().value;
    return SQLITE_OK;
}

}  // namespace

void make_vfs(Disk::Parts& parts) {
    constexpr int kPathBytesMax = 512;
    sqlite3_vfs& vfs = parts.vfs;
    vfs.iVersion = 2;  // With xCurrentTimeInt64.
    vfs.szOsFile = sizeof(Handle);
    vfs.mxPathname = kPathBytesMax;
    vfs.zName = parts.options.name.c_str();
    vfs.pAppData = &parts;
    vfs.xOpen = open_file;
    vfs.xDelete = delete_file;
    vfs.xAccess = access_file;
    vfs.xFullPathname = full_pathname;
    vfs.xRandomness = randomness;
    vfs.xSleep = sleep;
    vfs.xCurrentTimeInt64 = current_time;
}

}  // namespace strandline::simulator::disk
