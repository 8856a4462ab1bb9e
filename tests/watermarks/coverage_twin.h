#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "watermarks/coverage.h"

namespace strandline::watermarks {

/// The naive twin of Coverage, over a key space so small that it keeps one vector a key.
struct CoverageTwin {
    static constexpr std::size_t kKeys = 12;
    std::array<Vector, kKeys> at;

    /// Key 0 is the empty key, before all others; the last one stands for everything behind it, too.
    static std::string key(std::size_t number) {
        return number == 0 ? std::string() : std::string(1, static_cast<char>('a' + number));
    }

    /// Keys [low, high), so to the end when high is kKeys; empty when they are equal.
    static Range range(std::size_t low, std::size_t high) {
        return {key(low), low < kKeys && high == kKeys ? std::nullopt : std::optional(key(high))};
    }

    [[nodiscard]] std::vector<Piece> pieces() const {
        std::vector<Piece> pieces;
        std::size_t low = 0;
        for (std::size_t i = 1; i <= kKeys; ++i) {
            if (i < kKeys && at[i] == at[low]) continue;
            pieces.push_back({range(low, i), at[low]});
            low = i;
        }
        return pieces;
    }

    void raise(std::size_t low, std::size_t high, const Vector& vector) {
        for (std::size_t i = low; i < high; ++i) at[i] = larger(at[i], vector);
    }

    [[nodiscard]] bool dominates(std::size_t low, std::size_t high, const Vector& vector) const {
        for (std::size_t i = low; i < high; ++i) {
            if (!at[i].dominates(vector)) return false;
        }
        return true;
    }

    [[nodiscard]] Vector floor() const {
        Vector lowest = at[0];
        for (const Vector& vector : at) lowest = smaller(lowest, vector);
        return lowest;
    }

    /// Tries every pair anew for each join.
    bool join_past(std::size_t pieces_max, Origin self) {
        bool lowered = false;
        for (auto list = pieces(); list.size() > pieces_max; list = pieces()) {
            auto least = std::numeric_limits<std::uint64_t>::max();
            std::size_t best = list.size();
            for (std::size_t i = 0; i + 1 < list.size(); ++i) {
                const bool both_unfetched =
                    is_unfetched(list[i].vector, self) && is_unfetched(list[i + 1].vector, self);
                const Vector joined = smaller(list[i].vector, list[i + 1].vector);
                if (is_unfetched(joined, self) && !both_unfetched) continue;
                const auto loss = distance(list[i].vector, list[i + 1].vector);
                if (best < list.size() && loss >= least) continue;
                least = loss;
                best = i;
            }
            if (best == list.size()) break;
            lower(list[best], list[best + 1]);
            lowered = true;
        }
        return lowered;
    }

private:
    void lower(const Piece& left, const Piece& right) {
        const Vector joined = smaller(left.vector, right.vector);
        for (std::size_t i = 0; i < kKeys; ++i) {
            if (left.range.contains(key(i)) || right.range.contains(key(i))) at[i] = joined;
        }
    }
};

}  // namespace strandline::watermarks
