#include "engine/store/coverage.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace strandline::engine::store {
namespace {

/// The vector of the piece that begins there; empty: none does.
const watermarks::Vector* vector_from(const watermarks::Coverage& coverage, const std::string& low) {
    const auto at = std::ranges::lower_bound(coverage.pieces(), low, {},
                                             [](const watermarks::Piece& piece) { return piece.range.low; });
    return at != coverage.pieces().end() && at->range.low == low ? &at->vector : nullptr;
}

}  // namespace

watermarks::Coverage load_coverage(Connection& connection, std::int64_t resource, const std::string& table) {
    std::vector<std::pair<std::string, std::vector<watermarks::Vector::Entry>>> found;
    Statement statement = connection.prepare("SELECT low, origin, hlc FROM " + table +
                                             " WHERE resource = ? ORDER BY low, origin");
    statement.bind(1, resource);
    while (statement.step()) {
        if (found.empty() || found.back().first != statement.bytes(0))
            found.emplace_back(statement.text(0), std::vector<watermarks::Vector::Entry>());
        found.back().second.emplace_back(static_cast<Origin>(statement.integer(1)),
                                         Hlc{statement.integer(2)});
    }
    if (found.empty()) return {};
    std::vector<watermarks::Piece> pieces;
    for (std::size_t i = 0; i < found.size(); ++i) {
        watermarks::Range range{found[i].first, std::nullopt};
        if (i + 1 < found.size()) range.high = found[i + 1].first;
        pieces.push_back({std::move(range), watermarks::Vector::from(std::move(found[i].second))});
    }
    return watermarks::Coverage(std::move(pieces));
}

void save_coverage(Connection& connection, std::int64_t resource, const watermarks::Coverage& before,
                   const watermarks::Coverage& after, Origin anchor, const std::string& table) {
    const watermarks::Vector nothing;
    Statement put = connection.prepare(
        "INSERT INTO " + table +
        "(resource, low, origin, hlc) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET hlc = excluded.hlc");
    const auto at = [&](Statement& statement, const std::string& low, Origin origin) -> Statement& {
        return statement.bind(1, resource).bind_blob(2, low).bind(3, static_cast<std::int64_t>(origin));
    };
    for (const watermarks::Piece& piece : after.pieces()) {
        const std::string& low = piece.range.low;
        const watermarks::Vector* old = vector_from(before, low);
        const watermarks::Vector& was = old != nullptr ? *old : nothing;
        auto known = was.entries().begin();
        for (const auto& [origin, hlc] : piece.vector.entries()) {
            while (known != was.entries().end() && known->first < origin) ++known;
            const bool is_known = known != was.entries().end() && *known == std::pair(origin, hlc);
            if (!is_known) at(put, low, origin).bind(4, hlc.value).run();
        }
        // Each piece gets a row for `anchor` even where its watermark is zero, so that the piece is there at all.
        if (piece.vector.at(anchor) == Hlc{}) at(put, low, anchor).bind(4, std::int64_t{0}).run();
        if (piece.vector.dominates(was)) continue;
        Statement drop =
            connection.prepare("DELETE FROM " + table + " WHERE resource = ? AND low = ? AND origin = ?");
        for (const auto& [origin, hlc] : was.entries()) {
            if (origin != anchor && piece.vector.at(origin) == Hlc{}) at(drop, low, origin).run();
        }
    }
    for (const watermarks::Piece& piece : before.pieces()) {
        if (vector_from(after, piece.range.low) != nullptr) continue;
        connection.prepare("DELETE FROM " + table + " WHERE resource = ? AND low = ?")
            .bind(1, resource)
            .bind_blob(2, piece.range.low)
            .run();
    }
}

}  // namespace strandline::engine::store
