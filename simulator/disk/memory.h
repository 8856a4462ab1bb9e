#pragma once

#include <cstddef>

namespace strandline::simulator::disk {

/// Memory from lists of blocks that were freed, a list for each size. A world allocates and frees some million small
/// blocks a second, and a general allocator is a seventh of its time, twice: SQLite's, and all other.
///
/// For a process that has one thread. Memory once taken is used again. Small blocks are never given back, and of each
/// size of larger ones a few are kept. Null: there is none.
[[nodiscard]] void* take(std::size_t bytes);
void give_back(void* memory);

/// Before SQLite's first use. False: SQLite would not have it.
[[nodiscard]] bool give_sqlite_lists_of_blocks();

}  // namespace strandline::simulator::disk
