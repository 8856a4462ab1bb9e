#include "engine/asking.h"

#include <algorithm>

#include "backfill/plan.h"

namespace strandline::engine {

void Asking::begin(PullLength length, Wanted wanted, Now now) {
    Pull pull{++numbers_, length, std::move(wanted), {}, false, now.steady};
    pull.left = pull.wanted;
    pulls_.push_back(std::move(pull));
}

void Asking::brought(std::uint32_t number, std::int64_t resource, const watermarks::Range& range, Now now) {
    const auto pull = std::ranges::find(pulls_, number, &Pull::number);
    if (pull == pulls_.end()) return;
    pull->heard_at = now.steady;
    pull->leave(resource, range);
}

void Asking::waive(std::uint32_t number, std::int64_t resource, const watermarks::Range& range) {
    const auto pull = std::ranges::find(pulls_, number, &Pull::number);
    if (pull != pulls_.end()) pull->leave(resource, range);
}

void Asking::Pull::leave(std::int64_t resource, const watermarks::Range& range) {
    for (auto& [asked, pieces] : left) {
        if (asked == resource) pieces = backfill::without(pieces, {range});
    }
}

void Asking::end(std::uint32_t number) {
    std::erase_if(pulls_, [&](const Pull& pull) { return pull.number == number; });
}

const Asking::Pull* Asking::find(PullLength length) const {
    const auto at = std::ranges::find(pulls_, length, &Pull::length);
    return at != pulls_.end() ? &*at : nullptr;
}

const Asking::Pull* Asking::find(std::uint32_t number) const {
    const auto at = std::ranges::find(pulls_, number, &Pull::number);
    return at != pulls_.end() ? &*at : nullptr;
}

const Asking::Pull* Asking::next_to_say() {
    const auto at = std::ranges::find(pulls_, false, &Pull::is_said);
    if (at == pulls_.end()) return nullptr;
    at->is_said = true;
    return &*at;
}

std::vector<watermarks::Range> Asking::left_of(std::int64_t resource) const {
    std::vector<watermarks::Range> left;
    for (const Pull& pull : pulls_) {
        for (const auto& [asked, pieces] : pull.left) {
            if (asked != resource) continue;
            for (const watermarks::Piece& piece : pieces) left.push_back(piece.range);
        }
    }
    return left;
}

}  // namespace strandline::engine
