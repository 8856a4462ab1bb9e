#include "watermarks/coverage.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "watermarks/check.h"

namespace strandline::watermarks {

bool is_unfetched(const Vector& vector, Origin self) {
    return vector.empty() || (vector.entries().size() == 1 && vector.entries().front().first == self);
}

bool is_without_gaps(const std::vector<Piece>& pieces) {
    if (pieces.empty() || !pieces.front().range.low.empty() || pieces.back().range.high) return false;
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
        const Range& range = pieces[i].range;
        if (range.is_empty() || range.high != pieces[i + 1].range.low) return false;
    }
    return true;
}

Coverage::Coverage() : pieces_(1) {}

Coverage::Coverage(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
    check(is_without_gaps(pieces_),
          "coverage was made of pieces that do not run from the first key to the end");
    join_equal(0, pieces_.size() - 1);
}

const Vector& Coverage::at(std::string_view key) const {
    return pieces_[index_of(key)].vector;
}

Vector Coverage::floor() const {
    Vector lowest = pieces_.front().vector;
    for (std::size_t i = 1; i < pieces_.size(); ++i) lowest = smaller(lowest, pieces_[i].vector);
    return lowest;
}

bool Coverage::dominates(const Range& range, const Vector& vector) const {
    if (range.is_empty()) return true;
    if (is_whole()) return pieces_.front().vector.dominates(vector);
    for (std::size_t i = index_of(range.low); i < pieces_.size(); ++i) {
        if (range.high && *range.high <= pieces_[i].range.low) break;
        if (!pieces_[i].vector.dominates(vector)) return false;
    }
    return true;
}

bool Coverage::dominates(const Coverage& other) const {
    return std::all_of(other.pieces_.begin(), other.pieces_.end(),
                       [&](const Piece& piece) { return dominates(piece.range, piece.vector); });
}

void Coverage::raise(const Range& range, const Vector& vector) {
    if (dominates(range, vector)) return;
    const std::size_t first = split(range.low);
    const std::size_t end = range.high ? split(*range.high) : pieces_.size();
    for (std::size_t i = first; i < end; ++i) pieces_[i].vector.raise(vector);
    join_equal(first == 0 ? 0 : first - 1, std::min(end, pieces_.size() - 1));
}

void Coverage::raise_all(Origin origin, Hlc to) {
    for (Piece& piece : pieces_) piece.vector.raise(origin, to);
    join_equal(0, pieces_.size() - 1);
}

void Coverage::share(const Coverage& other) {
    if (*this == other) *this = other;
}

std::size_t Coverage::index_of(std::string_view key) const {
    const auto is_beyond = [](std::string_view wanted, const Piece& piece) {
        return wanted < piece.range.low;
    };
    const auto beyond = std::upper_bound(pieces_.begin(), pieces_.end(), key, is_beyond);
    return static_cast<std::size_t>(std::distance(pieces_.begin(), beyond)) - 1;
}

std::size_t Coverage::split(std::string_view key) {
    const std::size_t index = index_of(key);
    if (pieces_[index].range.low == key) return index;
    Piece upper = pieces_[index];
    upper.range.low = key;
    pieces_[index].range.high = key;
    pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(upper));
    return index + 1;
}

void Coverage::join_equal(std::size_t first, std::size_t last) {
    std::size_t kept = first;
    for (std::size_t i = first + 1; i <= last; ++i) {
        if (pieces_[i].vector == pieces_[kept].vector) {
            pieces_[kept].range.high = std::move(pieces_[i].range.high);
        } else if (++kept != i) {
            pieces_[kept] = std::move(pieces_[i]);
        }
    }
    const auto begin = pieces_.begin();
    pieces_.erase(begin + static_cast<std::ptrdiff_t>(kept) + 1,
                  begin + static_cast<std::ptrdiff_t>(last) + 1);
}

}  // namespace strandline::watermarks
