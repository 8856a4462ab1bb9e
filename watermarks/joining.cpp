#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "planted/planted.h"
#include "watermarks/coverage.h"

namespace strandline::watermarks {

namespace {

/// The pieces as a chain, with what each possible join would lose, so that many joins in a row stay cheap.
/// A join that is not allowed has no rank.
class Chain {
public:
    Chain(std::vector<Piece> pieces, Origin self) : pieces_(std::move(pieces)), self_(self) {
        for (std::size_t i = 0; i < pieces_.size(); ++i) {
            links_.push_back({i - 1, i + 1, 0, true});
            if (i > 0) rank(i - 1);
        }
    }

    /// Joins the pair that loses least. False: no pair may be joined.
    bool join_cheapest() {
        if (ranked_.empty()) return false;
        const std::size_t left = ranked_.begin()->second;
        const std::size_t right = links_[left].next;
        unrank(left);
        if (left > 0) unrank(links_[left].previous);
        if (links_[right].next < pieces_.size()) {
            unrank(right);
            links_[links_[right].next].previous = left;
        }
        const auto joined = is_planted(planted::Bug::maximum_of_ranges) ? larger : smaller;
        pieces_[left].vector = joined(pieces_[left].vector, pieces_[right].vector);
        pieces_[left].range.high = std::move(pieces_[right].range.high);
        links_[left].next = links_[right].next;
        links_[right].is_there = false;
        if (left > 0) rank(links_[left].previous);
        if (links_[left].next < pieces_.size()) rank(left);
        return true;
    }

    [[nodiscard]] std::vector<Piece> take() {
        std::vector<Piece> left;
        for (std::size_t i = 0; i < pieces_.size(); ++i) {
            if (links_[i].is_there) left.push_back(std::move(pieces_[i]));
        }
        return left;
    }

private:
    struct Link {
        std::size_t previous;
        std::size_t next;
        std::uint64_t loss;
        bool is_there;
    };

    /// Two fetched pieces with no origin in common would leave one that looks unfetched: not allowed either.
    [[nodiscard]] bool may_join(const Vector& left, const Vector& right) const {
        if (is_unfetched(left, self_) && is_unfetched(right, self_)) return true;
        return !is_unfetched(smaller(left, right), self_);
    }

    void rank(std::size_t left) {
        const Vector& here = pieces_[left].vector;
        const Vector& there = pieces_[links_[left].next].vector;
        if (!may_join(here, there)) return;
        links_[left].loss = distance(here, there);
        ranked_.emplace(links_[left].loss, left);
    }

    void unrank(std::size_t left) { ranked_.erase({links_[left].loss, left}); }

    std::vector<Piece> pieces_;
    Origin self_;
    std::vector<Link> links_;
    std::set<std::pair<std::uint64_t, std::size_t>> ranked_;  // (loss, left piece)
};

}  // namespace

bool Coverage::join_past(std::size_t pieces_max, Origin self) {
    const std::size_t wanted = std::max<std::size_t>(pieces_max, 1);
    const std::size_t before = pieces_.size();
    if (before <= wanted) return false;
    Chain chain(std::move(pieces_), self);
    std::size_t count = before;
    while (count > wanted && chain.join_cheapest()) --count;
    pieces_ = chain.take();
    join_equal(0, pieces_.size() - 1);
    // Neighbours differed, so the first join already lowered something.
    return count < before;
}

}  // namespace strandline::watermarks
