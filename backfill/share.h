#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "watermarks/coverage.h"

/// Several peers at one backfill. There is one rule: who has nothing to do takes over a part of what another has still to
/// bring, from its end, such that both are done at about the same time. So the first peer is asked for everything, the
/// next one halves that, and who is slower keeps less.
namespace strandline::backfill {

/// How fast a peer brings what it is asked for, over its last seconds of work.
class Pace {
public:
    /// It brought so much, that many milliseconds after it was asked or had brought the last.
    void count(std::size_t bytes, std::size_t rows, std::int64_t ms);

    /// Empty: it has brought nothing yet.
    [[nodiscard]] std::optional<double> bytes_per_ms() const;
    [[nodiscard]] std::optional<double> bytes_per_row() const;

private:
    double bytes_ = 0;
    double rows_ = 0;
    double ms_ = 0;
};

/// A part of what a peer is asked for and has not brought, in the order in which it will bring it.
struct Slice {
    std::int64_t resource = 0;
    watermarks::Piece piece;
    double rows = 0;       ///< about so many
    bool is_held = false;  ///< who might take it over holds it
};

/// Cuts a piece at the keys that lie inside it; each part counts `rows`. Whether they are held is left open.
[[nodiscard]] std::vector<Slice> sliced(std::int64_t resource, const watermarks::Piece& piece,
                                        const std::vector<std::string>& cuts, double rows);

/// Below that, asking somebody else costs more than it saves: a round trip is some pages.
constexpr double kTakenRowsMin = 256;

/// Which of the slices, by index, ascending, somebody who has nothing to do takes over. `rows_in_hand`, of the first
/// ones, are on their way already and stay. `pace`: how many times as fast as their present holder the taker is.
[[nodiscard]] std::vector<std::size_t> taken_over(const std::vector<Slice>& slices, double rows_in_hand,
                                                  double pace);

}  // namespace strandline::backfill
