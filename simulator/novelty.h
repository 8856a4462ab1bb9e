#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include <strandline/message.h>

#include "simulator/model.h"

namespace strandline::simulator {

/// What one device has been given, slot by slot, to tell what of a message it lacked. A row that it lacked holds a
/// stamp that is newer than what the device has in that slot; what is older would have changed nothing.
///
/// Memory: an entry for each row and column that ever came, not for each time.
class Novelty {
public:
    explicit Novelty(const DeviceId& device) : device_(device) {}

    struct News {
        std::uint64_t messages = 0;  ///< 1: there was a row that the device lacked
        std::uint64_t bytes = 0;     ///< of the frame, had it carried such rows alone
        std::vector<std::pair<std::uint64_t, Stamp>> slots;
    };
    [[nodiscard]] News in(const Message& message, std::size_t frame_bytes) const;
    /// The device has it now.
    void keep(const News& news);
    /// An older copy was put in its place: from now on its own writes of before may be news.
    void restored() { was_restored_ = true; }

private:
    /// Adds the slots of an entry that are new; how many.
    std::size_t look(const message::Pages& pages, const message::Page& page, const message::Entry& entry,
                     News& news) const;
    [[nodiscard]] message::Pages lacked_of(message::Pages pages) const;
    [[nodiscard]] bool is_new(std::uint64_t slot, const Stamp& stamp) const;

    DeviceId device_;
    bool was_restored_ = false;
    std::unordered_map<std::uint64_t, Stamp> newest_;  ///< looked up, and never walked
};

}  // namespace strandline::simulator
