#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace strandline::simulator::disk {

/// The memory that the connections to one WAL database share, and its eight locks. Never on the disk.
class SharedMemory {
public:
    static constexpr int kSlots = 8;

    /// What one handle holds, a bit per slot.
    struct Held {
        unsigned shared = 0;
        unsigned exclusive = 0;
    };

    /// The region of that number, null when it does not exist and must not be made. It begins as zeros, and
    /// stays in its place.
    [[nodiscard]] char* region(std::size_t number, std::size_t bytes, bool make);
    /// All regions are zeros again, in their places.
    void clear();

    /// All slots of `count` from `first`, or none.
    [[nodiscard]] bool lock_shared(Held& mine, int first, int count);
    [[nodiscard]] bool lock_exclusive(Held& mine, int first, int count);
    /// Lets go of what the handle holds there.
    void unlock(Held& mine, int first, int count);

private:
    struct Slot {
        int readers = 0;
        bool is_exclusive = false;
    };
    std::vector<std::unique_ptr<char[]>> regions_;
    std::size_t region_bytes_ = 0;  ///< each
    std::array<Slot, kSlots> slots_{};
};

}  // namespace strandline::simulator::disk
