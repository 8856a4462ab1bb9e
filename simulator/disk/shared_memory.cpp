#include "simulator/disk/shared_memory.h"

#include <algorithm>

namespace strandline::simulator::disk {
namespace {

unsigned bits_of(int first, int count) {
    return ((1U << static_cast<unsigned>(count)) - 1U) << static_cast<unsigned>(first);
}

bool has(unsigned bits, std::size_t slot) {
    return (bits >> slot & 1U) != 0;
}

}  // namespace

char* SharedMemory::region(std::size_t number, std::size_t bytes, bool make) {
    if (number >= regions_.size() && !make) return nullptr;
    region_bytes_ = bytes;
    while (regions_.size() <= number) regions_.push_back(std::make_unique<char[]>(bytes));
    return regions_[number].get();
}

void SharedMemory::clear() {
    for (const auto& region : regions_) std::fill_n(region.get(), region_bytes_, '\0');
}

bool SharedMemory::lock_shared(Held& mine, int first, int count) {
    const unsigned wanted = bits_of(first, count) & ~mine.shared;
    for (std::size_t i = 0; i < kSlots; ++i) {
        if (has(wanted, i) && slots_[i].is_exclusive) return false;
    }
    for (std::size_t i = 0; i < kSlots; ++i) slots_[i].readers += has(wanted, i) ? 1 : 0;
    mine.shared |= wanted;
    return true;
}

bool SharedMemory::lock_exclusive(Held& mine, int first, int count) {
    const unsigned wanted = bits_of(first, count) & ~mine.exclusive;
    for (std::size_t i = 0; i < kSlots; ++i) {
        if (has(wanted, i) && (slots_[i].is_exclusive || slots_[i].readers > 0)) return false;
    }
    for (std::size_t i = 0; i < kSlots; ++i) slots_[i].is_exclusive |= has(wanted, i);
    mine.exclusive |= wanted;
    return true;
}

void SharedMemory::unlock(Held& mine, int first, int count) {
    const unsigned given = bits_of(first, count);
    for (std::size_t i = 0; i < kSlots; ++i) {
        if (has(given & mine.shared, i)) --slots_[i].readers;
        if (has(given & mine.exclusive, i)) slots_[i].is_exclusive = false;
    }
    mine.shared &= ~given;
    mine.exclusive &= ~given;
}

}  // namespace strandline::simulator::disk
