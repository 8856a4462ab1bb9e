#pragma once

namespace strandline::simulator::disk {

/// SQLite's memory from lists of blocks that were freed, a list for each size. A world allocates and frees some million small
/// blocks a second, mostly as statements are parsed, and a general allocator is a seventh of its time.
///
/// Before SQLite's first use, and for a process that has one thread. Memory once taken is used again, and never given
/// back. False: SQLite would not have it.
[[nodiscard]] bool give_sqlite_lists_of_blocks();

}  // namespace strandline::simulator::disk
