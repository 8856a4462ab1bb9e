#include "tests/scenarios/speech.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "tests/engine/group.h"

namespace strandline::tests::scenarios {

namespace {

/// Entries of a page that are shown at its beginning and at its end.
constexpr std::size_t kEntriesShown = 3;

std::string shown_range(const std::string& low, const std::optional<std::string>& high) {
    if (low.empty() && !high) return "everything";
    if (low.empty()) return "up to " + shown_key(*high);
    return "from " + shown_key(low) + (high ? " up to " + shown_key(*high) : "");
}

std::string shown_since_start(WallMs wall) {
    return shown_span(wall.value - Group::kStartMs);
}

/// Says one message; as a visitor of its kinds.
class Speaker {
public:
    Speaker(Names& names, std::vector<std::string>& lines) : names_(names), lines_(lines) {}

    void operator()(const message::Hello& hello) { say("Hello, clock " + shown_since_start(hello.wall)); }
    void operator()(const message::Ping& ping) { say("Ping " + std::to_string(ping.nonce)); }
    void operator()(const message::Pong& pong) { say("Pong " + std::to_string(pong.nonce)); }
    void operator()(const message::Waive& waive) {
        say("Waive of pull " + std::to_string(waive.pull) + ": " + waive.resource + ", " +
            shown_range(waive.range.low, waive.range.high));
    }
    void operator()(const message::Fetch& fetch) {
        const std::string value = "Fetch of value " + std::to_string(fetch.number);
        if (fetch.bytes == 0) return say(value + ": no more");
        say(value + ": " + counted(fetch.bytes, "byte") + " from " + std::to_string(fetch.offset));
    }
    void operator()(const message::Part& part) {
        const std::string value = "Part of value " + std::to_string(part.number) + ": ";
        say(value + (part.bytes ? counted(part.bytes->size(), "byte") + " from " + std::to_string(part.offset)
                                : "it is gone"));
    }
    void operator()(const message::Bye& bye) { say("Bye: " + names_.told(bye.reason)); }
    void operator()(const message::Have& have) {
        origins_ = &have.origins;
        std::vector<std::string> parts;
        for (const message::Holding& holding : have.holdings) {
            parts.push_back(
                holding.resource + (holding.device_owned ? " device-owned, " : ", ") +
                counted(holding.rows, "row") + ", " + shown_pieces(holding.pieces) +
                (holding.dropped.empty() ? "" : ", without " + joined(holding.dropped, ", ")) +
                (holding.cuts.empty() ? "" : ", cut in " + std::to_string(holding.cuts.size() + 1)) +
                (holding.waits ? ", some of it waits" : "") +
                (holding.forgotten.empty()
                     ? ""
                     : ", deletions forgotten up to " + shown_vector(holding.forgotten)));
        }
        if (!have.ceilings.empty()) parts.push_back("with ceilings " + shown_vector(have.ceilings));
        say((have.complete ? "Have in all: " : "Have: ") + (parts.empty() ? "nothing" : joined(parts, "; ")));
    }
    void operator()(const message::Pull& pull) {
        origins_ = &pull.origins;
        std::vector<std::string> parts;
        for (const message::Wanted& wanted : pull.wanted)
            parts.push_back(wanted.resource + ", " + shown_pieces(wanted.pieces));
        say("Pull " + std::to_string(pull.number) + ": " + joined(parts, "; "));
    }
    void operator()(const message::Pages& pages) {
        origins_ = &pages.origins;
        say((pages.pull == 0 ? "Push on Have " + std::to_string(pages.basis)
                             : "Pages of pull " + std::to_string(pages.pull)) +
            (pages.last ? ", the last" : ", more to come"));
        for (const message::Page& page : pages.pages) say_page(page);
    }
    void operator()(const message::Compare& compare) {
        say((compare.asks ? "Compare " : "Compared ") + std::to_string(compare.number));
        for (const message::Comparison& comparison : compare.comparisons) {
            if (comparison.stretches.empty()) say("  " + comparison.resource + ": nothing more");
            for (const message::Stretch& stretch : comparison.stretches)
                say("  " + comparison.resource + ", " + shown_stretch(stretch));
        }
    }

private:
    void say(std::string line) { lines_.push_back(std::move(line)); }

    void say_page(const message::Page& page) {
        say("  " + page.resource + ", " + shown_range(page.range.low, page.range.high) + " to " +
            shown_vector(page.vector) + (page.complete ? ", all there is" : "") +
            (page.forgotten.empty() ? "" : ", deletions forgotten up to " + shown_vector(page.forgotten)));
        const std::size_t count = page.entries.size();
        for (std::size_t i = 0; i < count; ++i) {
            if (count <= 2 * kEntriesShown || i < kEntriesShown || i >= count - kEntriesShown) {
                say("    " + shown_entry(page, page.entries[i]));
            } else if (i == kEntriesShown) {
                say("    ... " + std::to_string(count - 2 * kEntriesShown) + " rows between ...");
            }
        }
    }
    static std::string shown_stretch(const message::Stretch& stretch) {
        using Form = message::Stretch::Form;
        const std::string where = shown_range(stretch.range.low, stretch.range.high);
        if (stretch.form == Form::sums) return where + ": " + counted(stretch.bounds.size() + 1, "sum");
        const std::size_t rows = stretch.digests.size() / 8;
        if (stretch.form == Form::listed) return where + ": " + counted(rows, "row") + " listed";
        return where + ": " + (rows == 0 ? "all rows" : counted(rows, "row")) + " wanted";
    }
    std::string shown_entry(const message::Page& page, const message::Entry& entry) {
        std::string out = shown_key(entry.key);
        const bool is_deleted = !entry.row && entry.cells.empty();
        if (entry.era) out += (is_deleted ? " deleted by " : " after ") + shown_stamp(*entry.era);
        if (entry.row) out += " by " + shown_stamp(*entry.row);
        out += is_deleted ? "" : ":";
        for (std::size_t i = 0; i < entry.values.size(); ++i) {
            // Whole rows have a value for each column, cells alone have one for each cell.
            const std::size_t column = entry.row ? i : entry.cells[i].column;
            const bool is_dropped = std::ranges::binary_search(page.dropped, column);
            out += " " + page.columns[column] + "=" + (is_dropped ? "dropped" : shown(entry.values[i]));
            const auto cell = std::ranges::find(entry.cells, column, &message::Cell::column);
            if (cell != entry.cells.end()) out += " by " + shown_stamp(cell->stamp);
        }
        return out;
    }
    const OriginId& origin(Origin index) const { return (*origins_)[static_cast<std::size_t>(index)]; }
    std::string shown_stamp(const message::Stamp& stamp) {
        return names_.stamp(origin(stamp.origin), stamp.hlc);
    }
    std::string shown_vector(const message::Vector& vector) {
        std::vector<std::string> parts;
        for (const auto& [index, hlc] : vector) parts.push_back(names_.stamp(origin(index), hlc));
        std::ranges::sort(parts);
        return "{" + joined(parts, " ") + "}";
    }
    std::string shown_pieces(const std::vector<message::Piece>& pieces) {
        std::vector<std::string> parts;
        parts.reserve(pieces.size());
        for (const message::Piece& piece : pieces)
            parts.push_back(shown_range(piece.range.low, piece.range.high) + " " +
                            shown_vector(piece.vector));
        return joined(parts, ", ");
    }

    Names& names_;
    std::vector<std::string>& lines_;
    const std::vector<OriginId>* origins_ = nullptr;
};

}  // namespace

std::vector<std::string> lines_of(const Message& message, Names& names) {
    std::vector<std::string> lines;
    std::visit(Speaker(names, lines), message);
    return lines;
}

std::string line_of(const Event& event, Names& names) {
    std::string out = "at " + shown_since_start(event.at) + " " + std::string(name_of(event.kind));
    if (!event.resource.empty()) out += " " + event.resource;
    if (!event.peer.empty()) out += " " + names.told(event.peer);
    return out + ": " + names.told(event.text);
}

std::string line_of(const ResourceStatus& resource, Names& names) {
    std::vector<std::string> parts;
    for (const RangeStatus& range : resource.ranges) {
        std::vector<std::string> stamps;
        for (const WatermarkStatus& mark : range.watermarks)
            stamps.push_back(names.stamp(mark.origin, mark.hlc));
        std::ranges::sort(stamps);
        parts.push_back(shown_range(range.low, range.high) + " {" + joined(stamps, " ") + "}");
    }
    return resource.name + ", " + counted(static_cast<std::uint64_t>(resource.rows), "row") + ", " +
           joined(parts, ", ");
}

}  // namespace strandline::tests::scenarios
