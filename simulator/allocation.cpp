// What `new` and `delete` are in the program that simulates, which has one thread: see simulator/disk/memory.h. A
// sanitizer has its own, which sees what this one cannot.
#ifndef __SANITIZE_ADDRESS__
#include <cstddef>
#include <new>

#include "simulator/disk/memory.h"

void* operator new(std::size_t bytes) {
    void* const memory = strandline::simulator::disk::take(bytes);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

void operator delete(void* memory) noexcept {
    if (memory != nullptr) strandline::simulator::disk::give_back(memory);
}

void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
    operator delete(memory);
}
#endif
