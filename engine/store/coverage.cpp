#include "engine/store/coverage.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace strandline::engine::store {
namespace {

using Cells = std::map<std::pair<std::string, Origin>, Hlc>;

/// Each piece gets a row for `self` even where its watermark is zero, so that the piece is there at all.
Cells cells_of(const watermarks::Coverage& coverage, Origin self) {
    Cells cells;
    for (const watermarks::Piece& piece : coverage.pieces()) {
        cells[{piece.range.low, self}] = Hlc{};
        for (const auto& [origin, hlc] : piece.vector.entries()) cells[{piece.range.low, origin}] = hlc;
    }
    return cells;
}

}  // namespace

watermarks::Coverage load_coverage(Connection& connection, std::int64_t resource) {
    std::vector<std::pair<std::string, std::vector<watermarks::Vector::Entry>>> found;
    Statement statement = connection.prepare(
        "SELECT low, origin, hlc FROM strandline_coverage WHERE resource = ? ORDER BY low, origin");
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
                   const watermarks::Coverage& after, Origin self) {
    const Cells old = cells_of(before, self);
    const Cells now = cells_of(after, self);
    Statement put = connection.prepare(
        "INSERT INTO strandline_coverage(resource, low, origin, hlc) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET hlc = excluded.hlc");
    for (const auto& [place, hlc] : now) {
        const auto at = old.find(place);
        if (at != old.end() && at->second == hlc && hlc != Hlc{}) continue;
        put.bind(1, resource)
            .bind_blob(2, place.first)
            .bind(3, static_cast<std::int64_t>(place.second))
            .bind(4, hlc.value)
            .run();
    }
    Statement drop =
        connection.prepare("DELETE FROM strandline_coverage WHERE resource = ? AND low = ? AND origin = ?");
    for (const auto& [place, hlc] : old) {
        if (now.contains(place)) continue;
        drop.bind(1, resource)
            .bind_blob(2, place.first)
            .bind(3, static_cast<std::int64_t>(place.second))
            .run();
    }
}

}  // namespace strandline::engine::store
