#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/disk/chance.h"
#include "simulator/disk/content.h"
#include "simulator/disk/locks.h"
#include "simulator/disk/shared_memory.h"

namespace strandline::simulator::disk {

/// What the handles of one file share for as long as their processes live.
struct Sharing {
    Locks locks;
    std::weak_ptr<SharedMemory> memory;  ///< lives as long as a handle has it mapped
};

/// One file, whatever names it has: what the processes see, what a power cut would leave, and between the
/// two the list of changes that were not synced yet, in their order.
///
/// Invariant: durable() with all unsynced changes done to it is visible().
class File {
public:
    File() = default;
    /// With a content that is durable already.
    explicit File(const Content& content) : visible_(content), durable_(content) {}

    [[nodiscard]] const Content& visible() const { return visible_; }
    [[nodiscard]] const Content& durable() const { return durable_; }

    /// Whether a power cut would leave what the processes see.
    [[nodiscard]] bool is_synced() const { return unsynced_.empty(); }

    void write(std::int64_t offset, std::string_view bytes);
    void truncate(std::int64_t size);
    void sync();
    /// A sync that failed: a number of changes drawn by chance, the oldest ones, is durable all the same.
    void sync_in_part(const Chance& chance);
    /// Power goes: what survives becomes all that there is, and durable.
    void lose_power(const Survival& survival, const Chance& chance);

    /// Another content, durable already, beneath the processes that have it open; the memory that they share begins as zeros.
    void refill(const Content& content);

    [[nodiscard]] const std::shared_ptr<Sharing>& sharing() const { return sharing_; }
    /// The processes have died: whoever opens the file from now on shares nothing with them.
    void forget_processes() { sharing_ = std::make_shared<Sharing>(); }

private:
    /// A write of bytes, which stand in unsynced_bytes_ in the same order, or a truncation. No write is empty.
    struct Change {
        std::int64_t offset = 0;  ///< of the first byte; of a truncation: the new size
        std::size_t size = 0;     ///< bytes written; a truncation has none
    };

    void apply(const Change& change, std::string_view bytes, Fate fate, const Chance& chance);

    Content visible_;
    Content durable_;
    std::vector<Change> unsynced_;
    std::string unsynced_bytes_;
    std::shared_ptr<Sharing> sharing_ = std::make_shared<Sharing>();
};

}  // namespace strandline::simulator::disk
