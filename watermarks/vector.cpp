#include "watermarks/vector.h"

#include <algorithm>
#include <limits>

namespace strandline::watermarks {

namespace {

using Entry = Vector::Entry;

bool is_before(const Entry& entry, Origin origin) {
    return entry.first < origin;
}

/// Walks both in the order of origins, once: visit(origin, hlc in a, hlc in b), zero where it is not named.
template <typename Visit>
void walk(const Vector& a, const Vector& b, Visit visit) {
    auto left = a.entries().begin();
    auto right = b.entries().begin();
    const auto left_end = a.entries().end();
    const auto right_end = b.entries().end();
    while (left != left_end || right != right_end) {
        if (right == right_end || (left != left_end && left->first < right->first)) {
            visit(left->first, left->second, Hlc{});
            ++left;
        } else if (left == left_end || right->first < left->first) {
            visit(right->first, Hlc{}, right->second);
            ++right;
        } else {
            visit(left->first, left->second, right->second);
            ++left;
            ++right;
        }
    }
}

}  // namespace

Vector Vector::from(std::vector<Entry> entries) {
    const auto is_nothing = [](const Entry& entry) { return entry.second <= Hlc{}; };
    entries.erase(std::remove_if(entries.begin(), entries.end(), is_nothing), entries.end());
    // The larger of one origin's first, so that it is the one that stays.
    const auto is_sooner = [](const Entry& a, const Entry& b) {
        return a.first != b.first ? a.first < b.first : a.second > b.second;
    };
    if (!std::is_sorted(entries.begin(), entries.end(), is_sooner)) {
        std::sort(entries.begin(), entries.end(), is_sooner);
    }
    const auto is_same = [](const Entry& a, const Entry& b) { return a.first == b.first; };
    entries.erase(std::unique(entries.begin(), entries.end(), is_same), entries.end());
    Vector vector;
    if (!entries.empty()) vector.entries_ = std::make_shared<std::vector<Entry>>(std::move(entries));
    return vector;
}

const std::vector<Entry>& Vector::entries() const {
    static const std::vector<Entry> none;
    return entries_ != nullptr ? *entries_ : none;
}

std::vector<Entry>& Vector::own() {
    if (entries_ == nullptr) {
        entries_ = std::make_shared<std::vector<Entry>>();
    } else if (entries_.use_count() > 1) {
        entries_ = std::make_shared<std::vector<Entry>>(*entries_);
    }
    return *entries_;
}

Hlc Vector::at(Origin origin) const {
    const auto found = std::lower_bound(entries().begin(), entries().end(), origin, is_before);
    return found != entries().end() && found->first == origin ? found->second : Hlc{};
}

bool Vector::dominates(const Vector& other) const {
    if (entries_ == other.entries_) return true;
    auto mine = entries().begin();
    const auto end = entries().end();
    for (const auto& [origin, hlc] : other.entries()) {
        while (mine != end && mine->first < origin) ++mine;
        if (mine == end || mine->first != origin || mine->second < hlc) return false;
    }
    return true;
}

void Vector::raise(Origin origin, Hlc to) {
    if (to <= at(origin)) return;
    std::vector<Entry>& entries = own();
    const auto found = std::lower_bound(entries.begin(), entries.end(), origin, is_before);
    if (found == entries.end() || found->first != origin) {
        entries.insert(found, {origin, to});
    } else {
        found->second = to;
    }
}

void Vector::raise(const Vector& other) {
    if (dominates(other)) return;
    if (other.dominates(*this)) {
        *this = other;
        return;
    }
    std::vector<Entry>& entries = own();
    auto mine = entries.begin();
    for (const auto& [origin, hlc] : other.entries()) {
        while (mine != entries.end() && mine->first < origin) ++mine;
        if (mine == entries.end() || mine->first != origin) {
            *this = larger(*this, other);
            return;
        }
        mine->second = std::max(mine->second, hlc);
    }
}

void Vector::share(const Vector& other) {
    if (*this == other) entries_ = other.entries_;
}

Vector larger(const Vector& a, const Vector& b) {
    std::vector<Entry> entries;
    entries.reserve(std::max(a.entries().size(), b.entries().size()));
    walk(a, b,
         [&](Origin origin, Hlc left, Hlc right) { entries.emplace_back(origin, std::max(left, right)); });
    return Vector::from(std::move(entries));
}

Vector smaller(const Vector& a, const Vector& b) {
    std::vector<Entry> entries;
    walk(a, b, [&](Origin origin, Hlc left, Hlc right) {
        if (std::min(left, right) > Hlc{}) entries.emplace_back(origin, std::min(left, right));
    });
    return Vector::from(std::move(entries));
}

Vector above(const Vector& v, const Vector& base) {
    std::vector<Entry> entries;
    walk(v, base, [&](Origin origin, Hlc hlc, Hlc known) {
        if (hlc > known) entries.emplace_back(origin, hlc);
    });
    return Vector::from(std::move(entries));
}

std::uint64_t distance(const Vector& a, const Vector& b) {
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t sum = 0;
    walk(a, b, [&](Origin, Hlc left, Hlc right) {
        const auto difference =
            static_cast<std::uint64_t>(std::max(left, right).value - std::min(left, right).value);
        sum = kMost - sum < difference ? kMost : sum + difference;
    });
    return sum;
}

}  // namespace strandline::watermarks
