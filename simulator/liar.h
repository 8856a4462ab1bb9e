#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <strandline/ids.h>
#include <strandline/message.h>

#include "simulator/random.h"

namespace strandline::simulator {

/// A member that has been let in and does not play by the rules: what its engine says is twisted on its way out.
///
/// It lies about itself alone. Whoever has been let in vouches for what it passes on of others, and nothing in the
/// protocol could contradict it (docs/simulator.md, Hostile peers).
class Liar {
public:
    Liar(const DeviceId& self, Random random);

    /// The frames that go out in the place of this message. Not one of them is empty.
    [[nodiscard]] std::vector<std::string> instead_of(Message message);

private:
    /// One lie at a time, for as long as it is told.
    enum class Manner {
        malformed,      ///< frames that are cut, bent, or nothing at all
        oversized,      ///< lists of four thousand million, and megabytes of nothing
        too_high,       ///< its own watermark
        too_low,        ///< its own watermark, and back again
        far_future,     ///< stamps years ahead
        foreign_cells,  ///< edits of rows that others own
        two_contents,   ///< another text for each peer under one stamp
        wrong_basis,    ///< pushes that build on what was never said
        flood,          ///< everything a hundred times
    };
    static constexpr std::size_t kManners = 9;

    [[nodiscard]] std::string bent(std::string frame);
    void twist(message::Have& have);
    void twist(message::Pages& pages);
    [[nodiscard]] message::Page edits_of_others(const message::Page& page,
                                                const std::vector<OriginId>& origins) const;
    void twist(message::Entry& entry, const std::vector<OriginId>& origins);
    /// Of its own origin: the first that it meets, since peers that believe a lie make it begin another.
    void twist(message::Vector& vector, const std::vector<OriginId>& origins);
    [[nodiscard]] bool is_own(const message::Stamp& stamp, const std::vector<OriginId>& origins) const;

    DeviceId self_;
    Random random_;
    Manner manner_;
    std::int64_t ahead_;  ///< what is added to watermarks, or to stamps
    std::optional<OriginId> origin_;
};

}  // namespace strandline::simulator
