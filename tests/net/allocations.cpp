#include "tests/net/allocations.h"

#include <algorithm>
#include <cstdlib>
#include <new>

// These replace the library's own for the whole program. They stand apart from the tests that use them, because
// where g++ can inline one of the two it takes the pair for a mismatch.
void* operator new(std::size_t size) {
    strandline::tests::largest_allocation = std::max(strandline::tests::largest_allocation, size);
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t& /*nothrow*/) noexcept {
    strandline::tests::largest_allocation = std::max(strandline::tests::largest_allocation, size);
    return std::malloc(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}

namespace strandline::tests {

std::size_t largest_allocation = 0;

}  // namespace strandline::tests
