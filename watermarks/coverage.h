#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <strandline/ids.h>
#include <strandline/time.h>

#include "watermarks/range.h"
#include "watermarks/vector.h"

namespace strandline::watermarks {

/// A range, and what its holder's state dominates there.
struct Piece {
    Range range;
    Vector vector;

    friend bool operator==(const Piece&, const Piece&) = default;
};

/// Whether the vector says that nobody has given us anything there yet: it names no origin but `self`.
[[nodiscard]] bool is_unfetched(const Vector& vector, Origin self);
/// Whether the pieces run without gaps, overlaps or empty ranges from the first key to the end: ask
/// before a Coverage is made of pieces that a peer or the disk brought.
[[nodiscard]] bool is_without_gaps(const std::vector<Piece>& pieces);

/// What a device holds of one resource. Each piece (R, V) claims: for every key in R, our state dominates
/// every change with hlc <= V[origin]. More than one piece is a checkpoint: a backfill under way.
///
/// Invariant: the pieces run without gaps from the first key to the end, and neighbours differ.
/// Law:       nothing is ever lowered, except by the minimum when join_past() joins two pieces.
/// Cost:      linear in what is touched; one piece, the normal case, is raised in place.
/// Threads:   one at a time. Durable by the caller, in the transaction that brings the rows.
class Coverage {
public:
    /// One piece that claims nothing.
    Coverage();
    /// Equal neighbours join. The pieces must be without gaps; the program stops when they are not.
    explicit Coverage(std::vector<Piece> pieces);

    [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
    [[nodiscard]] bool is_whole() const { return pieces_.size() == 1; }
    [[nodiscard]] const Vector& at(std::string_view key) const;
    /// Componentwise minimum over all pieces: what is held of the whole resource.
    [[nodiscard]] Vector floor() const;
    /// Whether every key of the range stands at least at `vector`; an empty range always does.
    [[nodiscard]] bool dominates(const Range& range, const Vector& vector) const;
    [[nodiscard]] bool dominates(const Coverage& other) const;

    /// Componentwise maximum for the keys of the range: splits where needed, then equal neighbours join.
    /// Neither argument may be a part of this coverage, whose pieces move.
    void raise(const Range& range, const Vector& vector);
    /// Every piece at once: a local write is held wherever it lies.
    void raise_all(Origin origin, Hlc to);
    /// Shares the vectors of `other`, if both say the same.
    void share(const Coverage& other);
    /// While there are more than `pieces_max` (at least one), joins by the minimum the two neighbours
    /// that lose least, the first of equals. Never a join that makes a fetched piece unfetched, so that
    /// joining cannot undo a backfill; more pieces than asked for may stay for it. Returns whether any
    /// watermark was lowered: what stands above it flows again, as a small delta.
    bool join_past(std::size_t pieces_max, Origin self);

    friend bool operator==(const Coverage&, const Coverage&) = default;

private:
    /// The piece that holds the key: its index.
    [[nodiscard]] std::size_t index_of(std::string_view key) const;
    /// Makes a piece begin at `key`, and returns its index.
    std::size_t split(std::string_view key);
    /// Joins equal neighbours among the pieces [first, last].
    void join_equal(std::size_t first, std::size_t last);

    std::vector<Piece> pieces_;
};

}  // namespace strandline::watermarks
