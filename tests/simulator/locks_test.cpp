#include "simulator/disk/locks.h"

#include <catch2/catch.hpp>

#include <array>

#include "simulator/disk/shared_memory.h"

using namespace strandline::simulator::disk;

TEST_CASE("many may read, one may reserve, and it writes when the others have gone") {
    Locks locks;
    std::array<Lock, 3> held{};
    CHECK(locks.raise(held[0], Lock::shared));
    CHECK(locks.raise(held[1], Lock::shared));
    CHECK_FALSE(locks.is_reserved());
    CHECK(locks.raise(held[0], Lock::reserved));
    CHECK(locks.is_reserved());
    CHECK_FALSE(locks.raise(held[1], Lock::reserved));
    CHECK(locks.raise(held[2], Lock::shared));
    CHECK_FALSE(locks.raise(held[0], Lock::exclusive));
    CHECK(held[0] == Lock::pending);
    locks.lower(held[2], Lock::none);
    CHECK_FALSE(locks.raise(held[2], Lock::shared));
    CHECK(held[2] == Lock::none);
    CHECK_FALSE(locks.raise(held[0], Lock::exclusive));
    locks.lower(held[1], Lock::none);
    CHECK(locks.raise(held[0], Lock::exclusive));
    CHECK_FALSE(locks.raise(held[1], Lock::shared));
    locks.lower(held[0], Lock::shared);
    CHECK_FALSE(locks.is_reserved());
    CHECK(locks.raise(held[1], Lock::reserved));
    locks.lower(held[0], Lock::none);
    locks.lower(held[1], Lock::none);
    locks.lower(held[1], Lock::none);
    CHECK(locks.raise(held[2], Lock::exclusive));
}

TEST_CASE(
    "a slot of shared memory has readers or one writer, and several are locked together or not at all") {
    SharedMemory memory;
    SharedMemory::Held one;
    SharedMemory::Held two;
    CHECK(memory.lock_shared(one, 3, 1));
    CHECK(memory.lock_shared(two, 3, 1));
    CHECK_FALSE(memory.lock_exclusive(two, 2, 3));
    CHECK(memory.lock_exclusive(one, 2, 1));
    CHECK_FALSE(memory.lock_shared(two, 2, 1));
    memory.unlock(one, 3, 1);
    CHECK_FALSE(memory.lock_exclusive(one, 3, 1));
    memory.unlock(two, 0, SharedMemory::kSlots);
    CHECK(memory.lock_exclusive(one, 3, 5));
    CHECK_FALSE(memory.lock_exclusive(two, 7, 1));
    CHECK(memory.lock_shared(two, 0, 2));
    memory.unlock(one, 0, SharedMemory::kSlots);
    CHECK(memory.lock_exclusive(two, 2, 6));
}

TEST_CASE("a region of shared memory begins as zeros, is made on request alone, and stays in its place") {
    SharedMemory memory;
    constexpr std::size_t kBytes = 32'768;
    CHECK(memory.region(1, kBytes, false) == nullptr);
    char* region = memory.region(1, kBytes, true);
    REQUIRE(region != nullptr);
    CHECK(region[kBytes - 1] == '\0');
    region[0] = 'x';
    CHECK(memory.region(0, kBytes, false) != nullptr);
    for (std::size_t number = 2; number < 40; ++number) CHECK(memory.region(number, kBytes, true) != nullptr);
    CHECK(memory.region(1, kBytes, false) == region);
    CHECK(*memory.region(1, kBytes, false) == 'x');
}
