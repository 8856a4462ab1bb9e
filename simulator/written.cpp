#include "simulator/written.h"

#include <algorithm>

namespace strandline::simulator {

void Written::add(const std::string& table, const std::string& key, const Stamp& stamp) {
    Changes& changes = changes_[table][stamp.origin];
    Change change{stamp.hlc, key};
    const auto at = std::ranges::lower_bound(changes, change);  // Nearly always the end.
    if (at == changes.end() || *at != change) changes.insert(at, std::move(change));
}

Written::Changes::const_iterator Written::end_of(const Changes& changes, Hlc watermark) {
    return std::ranges::upper_bound(changes, watermark, {}, &Change::first);
}

std::uint64_t Written::count_in(const Coverage& coverage) const {
    std::uint64_t count = 0;
    for (const auto& [table, origins] : changes_) {
        const auto covered = coverage.find(table);
        if (covered == coverage.end()) continue;
        const std::vector<Piece>& pieces = covered->second;
        for (const auto& [origin, changes] : origins) {
            for (std::size_t i = 0; i < pieces.size(); ++i) {
                const auto end = end_of(changes, pieces[i].vector.at(origin));
                const auto is_in_piece = [&](const Change& change) {
                    return change.second >= pieces[i].low &&
                           (i + 1 == pieces.size() || change.second < pieces[i + 1].low);
                };
                const auto held = pieces.size() == 1 ? end - changes.begin()
                                                     : std::count_if(changes.begin(), end, is_in_piece);
                count += static_cast<std::uint64_t>(held);
            }
        }
    }
    return count;
}

void Written::raise(Highest& highest, const Coverage& coverage) {
    for (const auto& [table, pieces] : coverage) {
        for (const Piece& piece : pieces) highest[table].raise(piece.vector);
    }
}

std::uint64_t Written::count_in(const Highest& highest) const {
    Coverage coverage;
    for (const auto& [table, vector] : highest) coverage[table].push_back({"", vector});
    return count_in(coverage);
}

}  // namespace strandline::simulator
