#include "simulator/laws.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "simulator/check.h"
#include "simulator/tables.h"

namespace strandline::simulator {

OriginId origin_from(const std::string& device, std::int64_t incarnation) {
    OriginId origin;
    std::ranges::copy(device, origin.device.bytes.begin());
    origin.incarnation = static_cast<Incarnation>(incarnation);
    return origin;
}

namespace {

std::string short_text(const OriginId& origin) {
    return short_hex(origin.device) +
           fmt::format("/{:04x}", static_cast<std::uint64_t>(origin.incarnation) >> 48);
}

/// A partial Have names only what has risen, which may be a part of a table.
bool is_whole_table(const std::vector<message::Piece>& pieces) {
    std::optional<std::string> next = "";
    for (const message::Piece& piece : pieces) {
        if (piece.range.low != next) return false;
        next = piece.range.high;
    }
    return !next;
}

}  // namespace

std::string printable(const std::string& bytes) {
    std::string out;
    for (const char c : bytes)
        out += c >= ' ' && c <= '~' ? std::string(1, c)
                                    : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    return out;
}

bool is_covered(const std::optional<Stamp>& stamp, const Vector& vector) {
    return stamp && stamp->hlc <= vector.at(stamp->origin);
}

std::optional<OriginId> read_origin(Sql& sql) {
    auto device = sql.ask("SELECT device, incarnation FROM strandline_device");
    if (!device.step()) return std::nullopt;
    return origin_from(device.bytes(0), device.integer(1));
}

std::optional<Coverage> read_coverage(Sql& sql, const std::string& from) {
    Coverage coverage;
    for (const Table& table : tables()) coverage[table.name];
    // One snapshot, and no join, which would look up the same few names for every watermark.
    auto read = sql.ask(
        "SELECT 0, id, 0, device, incarnation FROM strandline_origins UNION ALL "
        "SELECT 1, id, 0, name, 0 FROM strandline_resources UNION ALL "
        "SELECT 2, resource, origin, low, hlc FROM " +
        from);
    std::unordered_map<std::int64_t, OriginNumber> origins;
    std::map<std::int64_t, std::vector<Piece>*> pieces_of;
    std::vector<Piece>* pieces = nullptr;
    std::vector<Vector::Entry> entries;
    const auto end_piece = [&] {
        if (pieces != nullptr) pieces->back().vector = Vector(std::exchange(entries, {}));
    };
    while (read.step()) {
        const std::int64_t what = read.integer(0);
        if (what == 0) {
            origins[read.integer(1)] = number_of(origin_from(read.bytes(3), read.integer(4)));
        } else if (what == 1) {
            pieces_of[read.integer(1)] = &coverage[read.bytes(3)];
        } else {
            std::vector<Piece>* const of_table = pieces_of.at(read.integer(1));
            std::string low = read.bytes(3);
            if (of_table != pieces || pieces->back().low != low) {
                end_piece();
                pieces = of_table;
                pieces->push_back({std::move(low), {}});
            }
            entries.emplace_back(origins.at(read.integer(2)), Hlc{read.integer(4)});
        }
    }
    if (!read.is_done()) return std::nullopt;
    end_piece();
    for (auto& [table, all] : coverage) {
        const auto same = [](const Piece& a, const Piece& b) { return a.vector == b.vector; };
        all.erase(std::unique(all.begin(), all.end(), same), all.end());
        if (all.empty()) all.push_back({});
    }
    return coverage;
}

Vector floor_of(const std::vector<Piece>& pieces) {
    Vector floor = pieces.front().vector;
    for (std::size_t i = 1; i < pieces.size(); ++i) floor.lower(pieces[i].vector);
    return floor;
}

const Vector& vector_at(const std::vector<Piece>& pieces, const std::string& key) {
    auto piece = std::ranges::upper_bound(pieces, key, {}, &Piece::low);
    return piece == pieces.begin() ? piece->vector : std::prev(piece)->vector;
}

// --- what was said ------------------------------------------------------------------------------

void Promises::said(const message::Message& message) {
    const auto numbers_of = [](const std::vector<OriginId>& origins) {
        std::vector<OriginNumber> numbers;
        numbers.reserve(origins.size());
        for (const OriginId& origin : origins) numbers.push_back(number_of(origin));
        return numbers;
    };
    const auto vector_of = [](const message::Vector& said, const std::vector<OriginNumber>& numbers) {
        std::vector<Vector::Entry> entries;
        for (const auto& [origin, hlc] : said)
            entries.emplace_back(numbers[static_cast<std::size_t>(origin)], hlc);
        return Vector(std::move(entries));
    };
    if (const auto* have = std::get_if<message::Have>(&message)) {
        const auto numbers = numbers_of(have->origins);
        for (const message::Holding& holding : have->holdings) {
            if (!is_whole_table(holding.pieces)) continue;
            std::vector<Piece> pieces;
            for (const message::Piece& piece : holding.pieces)
                pieces.push_back({piece.range.low, vector_of(piece.vector, numbers)});
            said_[holding.resource].raise(floor_of(pieces));
        }
    } else if (const auto* pages = std::get_if<message::Pages>(&message)) {
        const auto numbers = numbers_of(pages->origins);
        for (const message::Page& page : pages->pages) {
            const bool is_whole = page.range.low.empty() && !page.range.high;
            if (is_whole) said_[page.resource].raise(vector_of(page.vector, numbers));
        }
    }
}

void Promises::demand(const Floors& floors, const Coverage& coverage, int law) const {
    for (const auto& [table, vector] : floors) {
        const Vector held = floor_of(coverage.at(table));
        const Vector::Entry* above = vector.first_above(held);
        if (above == nullptr) continue;
        const auto& [origin, hlc] = *above;
        throw LawBroken(
            law, fmt::format("device {}: {} of origin {} was {} up to {} and is held up to {} now", device_,
                             table, short_text(origin_of(origin)), law == 2 ? "held" : "said to be held",
                             hlc.value, held.at(origin).value));
    }
}

void Promises::forget(Floors& floors, const DeviceId& device) {
    for (auto& [table, vector] : floors) vector.forget(device);
}

void Promises::keep(const Coverage& coverage, const OriginId& self) {
    if (self != std::exchange(self_, self)) {
        for (Floors* floors : {&held_, &said_}) forget(*floors, self.device);
    }
    demand(held_, coverage, 2);
    demand(said_, coverage, 4);
    for (const auto& [table, pieces] : coverage) held_[table].raise(floor_of(pieces));
}

void Promises::demand_durable(const Coverage& coverage, const OriginId& self) const {
    Floors said = said_;
    if (self != self_) forget(said, self.device);
    demand(said, coverage, 4);
}

// --- the whole state ----------------------------------------------------------------------------

std::optional<std::map<std::string, Values>> read_rows(Sql& sql, const Table& table) {
    std::map<std::string, Values> rows;
    std::string columns;
    for (const std::string& column : table.columns) columns += (columns.empty() ? "" : ", ") + column;
    auto read = sql.ask("SELECT " + columns + " FROM " + table.name);
    while (read.step()) {
        Values row;
        for (std::size_t c = 0; c < table.columns.size(); ++c) row.push_back(read.value(static_cast<int>(c)));
        std::string key = encoded_key(table, row);
        rows[std::move(key)] = std::move(row);
    }
    if (!read.is_done()) return std::nullopt;
    return rows;
}

std::int64_t count_held(Sql& sql, const Model& model) {
    auto read = sql.ask(
        "SELECT r.name, q.key FROM strandline_quarantine AS q JOIN strandline_resources AS r "
        "ON r.id = q.resource WHERE q.kind = 'held'");
    std::int64_t count = 0;
    while (read.step()) count += int{!model.is_suspect(index_of_table(read.bytes(0)), read.bytes(1))};
    return count;
}

State read_state(Sql& sql) {
    State state;
    const auto coverage = read_coverage(sql);
    check(coverage.has_value(), "a healed disk does not give what is on it");
    state.coverage = *coverage;
    const auto forgotten = read_coverage(sql, "strandline_forgotten");
    check(forgotten.has_value(), "a healed disk does not give what is on it");
    state.forgotten = *forgotten;
    auto ceilings = sql.ask("SELECT device, incarnation, ceiling FROM strandline_origins WHERE ceiling > 0");
    while (ceilings.step())
        state.ceilings[origin_from(ceilings.bytes(0), ceilings.integer(1))] = Hlc{ceilings.integer(2)};
    state.rows.resize(tables().size());
    state.stamps.resize(tables().size());
    for (std::size_t i = 0; i < tables().size(); ++i) {
        const Table& table = tables()[i];
        const auto rows = read_rows(sql, table);
        check(rows.has_value(), "a healed disk does not give what is on it");
        for (const auto& [key, row] : *rows) state.rows[i][key] = to_text(row);
        auto waiting = sql.ask(
            "SELECT q.id, q.key FROM strandline_quarantine AS q JOIN strandline_resources AS r ON r.id = "
            "q.resource "
            "WHERE q.kind = 'refused' AND r.name = ?");
        waiting.bind(1, table.name);
        while (waiting.step()) {
            ++state.quarantined;
            std::map<std::string, Value> values;
            auto parts =
                sql.ask("SELECT name, value FROM strandline_quarantine_values WHERE id = ? AND is_key = 0");
            parts.bind(1, waiting.integer(0));
            while (parts.step()) values[parts.bytes(0)] = parts.value(1);
            // Tables whose rows a constraint can refuse have keys of one text, spelled as they are.
            Values row{waiting.bytes(1).substr(1)};
            for (std::size_t c = 1; c < table.columns.size(); ++c) row.push_back(values[table.columns[c]]);
            state.rows[i][waiting.bytes(1)] = to_text(row);
        }
        auto stamps = sql.ask(
            "SELECT s.key, s.slot, s.hlc, o.device, o.incarnation FROM strandline_stamps AS s "
            "JOIN strandline_resources AS r ON r.id = s.resource JOIN strandline_origins AS o ON o.id = "
            "s.origin "
            "WHERE r.name = ? ORDER BY s.key, s.slot");
        stamps.bind(1, table.name);
        while (stamps.step()) {
            state.stamps[i][stamps.bytes(0)][stamps.integer(1)] = {
                Hlc{stamps.integer(2)}, origin_from(stamps.bytes(3), stamps.integer(4))};
        }
    }
    return state;
}

namespace {

using Texts = std::map<std::string, std::string>;

constexpr std::size_t kTextBytesMost = 300;  // A finding is to be read.

std::string text_in(const Texts& texts, const std::string& key) {
    const auto at = texts.find(key);
    return at != texts.end() ? at->second : std::string("nothing");
}

/// The stamps of a table, without the deletions that one of two devices has forgotten: when is its own affair.
Texts stamps_in(const State& state, const State& other, std::size_t table) {
    constexpr std::int64_t kEra = 1;
    constexpr std::int64_t kLifeEra = -2;
    Texts texts;
    for (const auto& [key, stamps] : state.stamps[table]) {
        const auto is_forgotten = [&, &place = key](const Stamp& stamp) {
            return std::ranges::any_of(std::array{&state, &other}, [&](const State* either) {
                const auto forgotten = either->forgotten.find(tables()[table].name);
                return forgotten != either->forgotten.end() &&
                       is_covered(stamp, vector_at(forgotten->second, place));
            });
        };
        const auto era = stamps.find(kEra);
        if (!stamps.contains(0) && era != stamps.end() && is_forgotten(era->second)) continue;
        std::string text;
        for (const auto& [slot, stamp] : stamps) {
            if ((slot == kEra || slot == kLifeEra) && is_forgotten(stamp)) continue;
            text += fmt::format("{}={}@{} ", slot, stamp.hlc.value, to_text(stamp.origin));
        }
        texts[key] = text;
    }
    return texts;
}

/// The first key of a table whose texts differ; empty: none.
std::optional<std::string> first_difference(const Texts& a, const Texts& b, std::size_t table,
                                            const Model& model) {
    for (const auto& [key, text] : a) {
        if (text_in(b, key) != text && !model.is_suspect(table, key)) return key;
    }
    for (const auto& [key, text] : b) {
        if (!a.contains(key) && !model.is_suspect(table, key)) return key;
    }
    return std::nullopt;
}

/// What each of two sides has at a key, and all that was ever written to it.
std::string told(const Texts& a, const Texts& b, std::size_t table, const std::string& key,
                 const Model& model) {
    return printable(fmt::format("{} {}: {} against {}", tables()[table].name, key,
                                 text_in(a, key).substr(0, kTextBytesMost),
                                 text_in(b, key).substr(0, kTextBytesMost))) +
           "; written to it:" + model.history(table, key);
}

/// Of rows that the model leaves open, what stands there.
void take_standing(const State& state, std::size_t table, const Model& model, Texts& expected) {
    const auto forgotten = state.forgotten.find(tables()[table].name);
    if (forgotten == state.forgotten.end()) return;  // Nothing.
    for (const auto& [key, text] : state.rows[table]) {
        const auto stamps = state.stamps[table].find(key);
        if (text_in(expected, key) == text || stamps == state.stamps[table].end()) continue;
        const Vector& vector = vector_at(forgotten->second, key);
        const auto row = model.standing(table, key, stamps->second,
                                        [&](const Stamp& era) { return is_covered(era, vector); });
        if (row) expected[key] = to_text(*row);
    }
}

}  // namespace

void demand_equal(const State& a, std::size_t device_a, const State& b, std::size_t device_b,
                  const Model& model) {
    if (a.ceilings != b.ceilings)
        throw LawBroken(6, fmt::format("devices {} and {} hold the same, and know of {} and {} ceilings",
                                       device_a, device_b, a.ceilings.size(), b.ceilings.size()));
    for (std::size_t i = 0; i < tables().size(); ++i) {
        for (const bool is_row : {true, false}) {
            if (is_row ? a.rows[i] == b.rows[i] : a.stamps[i] == b.stamps[i]) continue;  // Nearly always.
            const Texts left = is_row ? a.rows[i] : stamps_in(a, b, i);
            const Texts right = is_row ? b.rows[i] : stamps_in(b, a, i);
            if (const auto key = first_difference(left, right, i, model))
                throw LawBroken(
                    6, fmt::format("devices {} and {} hold the same and differ in {} of {}", device_a,
                                   device_b, is_row ? "a row" : "stamps", told(left, right, i, *key, model)));
        }
    }
}

void demand_modelled(const State& state, const Model& model) {
    const auto is_held = [&](std::size_t table, const std::string& key, const Stamp& stamp) {
        const Vector& vector = vector_at(state.coverage.at(tables()[table].name), key);
        return stamp.hlc <= vector.at(stamp.origin);
    };
    for (std::size_t i = 0; i < tables().size(); ++i) {
        Texts expected;
        for (const auto& [key, row] : model.expected(i, tables()[i].columns.size(), is_held))
            expected[key] = to_text(row);
        take_standing(state, i, model, expected);
        if (const auto key = first_difference(expected, state.rows[i], i, model))
            throw LawBroken(5, "all devices agree, but not with what was written: " +
                                   told(expected, state.rows[i], i, *key, model) + "\n  stamps " +
                                   text_in(stamps_in(state, state, i), *key));
    }
}

}  // namespace strandline::simulator
