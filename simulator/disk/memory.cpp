#include "simulator/disk/memory.h"

#include <sqlite3.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace strandline::simulator::disk {
namespace {

/// In front of each block: its size, header and all. What follows lies as it would for any allocator: slabs begin where a
/// header is missing to that.
constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kStepBytes = 16;  ///< sizes are multiples of this
/// Larger blocks have so many sizes that complete lists of them would be a quarter of a large world's memory: of each
/// size a few are kept, which nearly all that are taken come from.
constexpr std::size_t kSmallBytesMost = 1024;
constexpr std::size_t kListedBytesMost = 32 * 1024;
constexpr std::size_t kLargeKeptMost = 16;
constexpr std::size_t kSlabBytes = 256 * 1024;

struct Free {
    Free* next;
};

std::array<Free*, kListedBytesMost / kStepBytes + 1> free_blocks{};  ///< by size
/// How many those are, of large ones.
std::array<std::size_t, kListedBytesMost / kStepBytes + 1> large_kept{};
std::byte* slab = nullptr;
std::size_t slab_left = 0;

std::size_t block_bytes(std::size_t bytes) {
    return (bytes + kHeaderBytes + kStepBytes - 1) / kStepBytes * kStepBytes;
}

std::byte* header_of(void* memory) {
    return static_cast<std::byte*>(memory) - kHeaderBytes;
}

std::size_t block_of(void* memory) {
    std::uint64_t block = 0;
    std::memcpy(&block, header_of(memory), sizeof block);
    return block;
}

std::byte* from_system(std::size_t bytes) {
    void* const memory = std::malloc(bytes + kHeaderBytes);
    return memory != nullptr ? static_cast<std::byte*>(memory) + kHeaderBytes : nullptr;
}

std::byte* new_block(std::size_t block) {
    if (block > kSmallBytesMost) return from_system(block);
    if (slab_left < block) {
        slab = from_system(kSlabBytes);
        slab_left = slab != nullptr ? kSlabBytes : 0;
        if (slab == nullptr) return nullptr;
    }
    std::byte* const taken = slab;
    slab += block;
    slab_left -= block;
    return taken;
}

int size_of(void* memory) {
    return memory != nullptr ? static_cast<int>(block_of(memory) - kHeaderBytes) : 0;
}

int rounded(int bytes) {
    return static_cast<int>(block_bytes(static_cast<std::size_t>(bytes)) - kHeaderBytes);
}

void* take_for_sqlite(int bytes) {
    return take(static_cast<std::size_t>(bytes));
}

void* resize(void* memory, int bytes) {
    if (bytes <= size_of(memory) && rounded(bytes) == size_of(memory)) return memory;
    void* const other = take_for_sqlite(bytes);
    if (other == nullptr) return nullptr;
    std::memcpy(other, memory, static_cast<std::size_t>(bytes < size_of(memory) ? bytes : size_of(memory)));
    give_back(memory);
    return other;
}

int begin(void* /*data*/) {
    return SQLITE_OK;
}

void end(void* /*data*/) {}

}  // namespace

void* take(std::size_t bytes) {
    const std::uint64_t block = block_bytes(bytes);
    if (block <= kListedBytesMost) {
        Free*& first = free_blocks[block / kStepBytes];
        if (first != nullptr) {
            void* const memory = first;
            first = first->next;
            if (block > kSmallBytesMost) --large_kept[block / kStepBytes];
            return memory;
        }
    }
    std::byte* const made = new_block(block);
    if (made == nullptr) return nullptr;
    std::memcpy(made, &block, sizeof block);
    return made + kHeaderBytes;
}

void give_back(void* memory) {
    const std::size_t block = block_of(memory);
    const std::size_t size = block / kStepBytes;
    if (block > kSmallBytesMost && (block > kListedBytesMost || large_kept[size] == kLargeKeptMost))
        return std::free(header_of(memory) - kHeaderBytes);
    if (block > kSmallBytesMost) ++large_kept[size];
    free_blocks[size] = new (memory) Free{free_blocks[size]};
}

bool give_sqlite_lists_of_blocks() {
    static const sqlite3_mem_methods methods{take_for_sqlite, give_back, resize, size_of,
                                             rounded,         begin,     end,    nullptr};
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK;
}

}  // namespace strandline::simulator::disk
