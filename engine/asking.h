#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <strandline/time.h>

#include "watermarks/coverage.h"

namespace strandline::engine {

/// Pieces of resources, in the order in which they are wanted: the body of a pull.
using Wanted = std::vector<std::pair<std::int64_t, std::vector<watermarks::Piece>>>;

/// A pull is long when it asks for ranges that were never fetched, or much else: then a short one may be out beside
/// it, so that what is written now does not wait until a backfill is through.
enum class PullLength { is_short, is_long };

/// The pulls that are out to one peer, and what each has still to bring: at most one of each length.
class Asking {
public:
    struct Pull {
        std::uint32_t number = 0;  ///< from 1 on
        PullLength length{};
        Wanted wanted;
        Wanted left;  ///< what no page has brought yet
        bool is_said = false;
        SteadyMs heard_at;  ///< when it was asked, or pages of it were durable last

        /// Nothing of this range is to come any more.
        void leave(std::int64_t resource, const watermarks::Range& range);
    };

    /// Asked from now on; there is no pull of that length.
    void begin(PullLength length, Wanted wanted, Now now);
    /// A page of that pull brought a range.
    void brought(std::uint32_t number, std::int64_t resource, const watermarks::Range& range, Now now);
    /// Somebody else is asked for the range from now on; the peer is to be told.
    void waive(std::uint32_t number, std::int64_t resource, const watermarks::Range& range);
    void end(std::uint32_t number);
    void clear() { pulls_.clear(); }

    [[nodiscard]] bool empty() const { return pulls_.empty(); }
    [[nodiscard]] const std::vector<Pull>& pulls() const { return pulls_; }
    [[nodiscard]] const Pull* find(PullLength length) const;
    [[nodiscard]] const Pull* find(std::uint32_t number) const;
    /// The next pull that is not said yet, as said from now on; null: there is none.
    [[nodiscard]] const Pull* next_to_say();
    /// What is still to come of a resource.
    [[nodiscard]] std::vector<watermarks::Range> left_of(std::int64_t resource) const;

private:
    std::vector<Pull> pulls_;
    std::uint32_t numbers_ = 0;
};

}  // namespace strandline::engine
