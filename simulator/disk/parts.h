#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>

#include "simulator/disk/directory.h"
#include "simulator/disk/disk.h"
#include "simulator/disk/faults.h"

namespace strandline::simulator::disk {

/// What the owner's doors (disk.cpp) and SQLite's (vfs.cpp) both work on.
struct Disk::Parts {
    explicit Parts(DiskOptions made_with) : options(std::move(made_with)) {}

    DiskOptions options;
    Directory directory;
    Faults faults;
    std::optional<std::int64_t> capacity_bytes;
    std::uint64_t life = 1;  ///< of the processes; handles of an earlier one are dead
    sqlite3_vfs vfs{};
};

/// SQLite's way in: fills parts.vfs, which then needs to be registered.
void make_vfs(Disk::Parts& parts);

}  // namespace strandline::simulator::disk
