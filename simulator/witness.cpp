#include "simulator/witness.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "simulator/check.h"
#include "simulator/laws.h"
#include "simulator/tables.h"

namespace strandline::simulator {
namespace {

// The journal's codes, docs/schema.md.
constexpr std::int64_t kWhatRow = 0;
constexpr std::int64_t kWhatDelete = -1;
constexpr std::int64_t kWhatCheck = -2;

/// All that happened to one key between two folds.
struct Touched {
    std::optional<Values> before;
    std::optional<Values> after;
    bool is_changed = false;
    std::int64_t row = 0;
    std::int64_t removed = 0;
    std::int64_t checked = 0;  ///< perhaps removed, by a REPLACE
    std::map<std::int64_t, std::int64_t> columns;
    std::int64_t last = 0;

    void take(const Witness::JournalRow& journal) {
        last = std::max(last, journal.hlc);
        if (journal.what == kWhatRow) {
            row = journal.hlc;
        } else if (journal.what == kWhatDelete) {
            removed = journal.hlc;
        } else if (journal.what == kWhatCheck) {
            checked = journal.hlc;
        } else {
            columns[journal.what - 1] = journal.hlc;
        }
    }
};

}  // namespace

void Witness::changed(std::size_t table, std::optional<Values> before, std::optional<Values> after) {
    const Table& shape = tables()[table];
    const std::string old_key = before ? encoded_key(shape, *before) : std::string();
    const std::string new_key = after ? encoded_key(shape, *after) : std::string();
    if (before && after && old_key != new_key) {
        open_.push_back({table, old_key, std::move(before), std::nullopt});
        open_.push_back({table, new_key, std::nullopt, std::move(after)});
        return;
    }
    open_.push_back({table, after ? new_key : old_key, std::move(before), std::move(after)});
}

void Witness::left_open() {
    uncertain_ = std::move(open_);
    open_.clear();
}

void Witness::committed(Sql& sql) {
    // Of a commit that failed the log may still have all; what is written next lies over it.
    if (!open_.empty()) uncertain_.clear();
    auto journal = journal_after(sql, last_seen_);
    is_owed_ = !journal || !take(sql, open_, std::move(*journal));
    if (!is_owed_) open_.clear();
}

bool Witness::take(Sql& sql, std::vector<Change>& changes, std::vector<JournalRow> journal) {
    if (changes.empty() && journal.empty()) return true;
    if (!read_known(sql, changes)) return false;
    if (!journal.empty()) last_seen_ = journal.back().hlc;
    pending_.push_back({std::move(changes), std::move(journal)});
    return true;
}

std::optional<std::vector<Witness::JournalRow>> Witness::journal_after(Sql& sql, std::int64_t hlc) {
    if (table_of_.empty()) learn_numbers(sql);
    std::vector<JournalRow> rows;
    auto read = sql.ask("SELECT * FROM strandline_journal WHERE hlc > ? ORDER BY hlc");
    read.bind(1, hlc);
    while (read.step()) {
        JournalRow row{read.integer(0), table_of_.at(read.integer(1)), read.integer(2), {}};
        const Table& shape = tables()[row.table];
        Values key;
        for (std::size_t i = 0; i < shape.key_columns; ++i)
            key.push_back(read.value(3 + static_cast<int>(i)));
        row.key = encoded_key(shape, key);
        rows.push_back(std::move(row));
    }
    if (!read.is_done()) return std::nullopt;
    return rows;
}

/// Our own watermarks: what is at or below them has been folded.
std::optional<std::vector<Witness::Folded>> Witness::folded(Sql& sql) {
    std::vector<Folded> folded(1);
    auto read = sql.ask(
        "SELECT o.incarnation, o.ceiling, o.incarnation = d.incarnation, ifnull(c.resource, 0), "
        "ifnull(max(c.hlc), 0) FROM strandline_device AS d JOIN strandline_origins AS o ON o.device = "
        "d.device LEFT JOIN strandline_coverage AS c ON c.origin = o.id WHERE o.incarnation = d.incarnation "
        "OR o.ceiling > 0 GROUP BY 1, 2, 3, 4 ORDER BY 3 DESC, 1");
    while (read.step()) {
        const OriginId origin{device_, static_cast<Incarnation>(read.integer(0))};
        if (over_.contains(origin)) continue;
        if (read.integer(2) == 1) {
            folded.front().origin = origin;
        } else if (folded.back().origin != origin) {
            folded.push_back({origin, read.integer(1), {}});
        }
        const auto table = table_of_.find(read.integer(3));
        if (table != table_of_.end()) folded.back().to[table->second] = read.integer(4);
    }
    if (!read.is_done()) return std::nullopt;
    return folded;
}

/// The order of stamps is by what devices say of them, from when the first one says so. While nothing is pending: what
/// the app commits from here on is not folded by an origin of ours that has a ceiling, also where its watermark says so.
bool Witness::learn_ceilings(Sql& sql) {
    auto read = sql.ask("SELECT device, incarnation, ceiling FROM strandline_origins WHERE ceiling > 0");
    while (read.step()) {
        const OriginId origin = origin_from(read.bytes(0), read.integer(1));
        model_.lower_ceiling(origin, Hlc{read.integer(2)});
        if (origin.device == device_) over_.insert(origin);
    }
    return read.is_done();
}

void Witness::learn_numbers(Sql& sql) {
    auto read = sql.ask(
        "SELECT r.id, r.name, c.id, c.name FROM strandline_resources AS r JOIN strandline_columns AS c "
        "ON c.resource = r.id");
    while (read.step()) {
        const std::string table = read.bytes(1);
        const std::string column = read.bytes(3);
        for (std::size_t i = 0; i < tables().size(); ++i) {
            if (tables()[i].name != table) continue;
            table_of_[read.integer(0)] = i;
            const auto at = std::ranges::find(tables()[i].columns, column);
            column_of_[{i, read.integer(2)}] = static_cast<std::size_t>(at - tables()[i].columns.begin());
        }
    }
}

/// What the engine knows of keys before it folds what was just written to them.
bool Witness::read_known(Sql& sql, const std::vector<Change>& changes) {
    for (const Change& change : changes) {
        const auto [at, is_new] = known_.try_emplace({change.table, change.key});
        if (!is_new) continue;
        auto read = sql.ask(
            "SELECT s.slot, s.hlc, o.device, o.incarnation FROM strandline_stamps AS s JOIN "
            "strandline_origins "
            "AS o ON o.id = s.origin WHERE s.resource = (SELECT id FROM strandline_resources WHERE name = ?) "
            "AND s.key = ? AND s.slot <= 1 ORDER BY s.slot");
        read.bind(1, tables()[change.table].name).bind(2, Blob{change.key});
        std::map<std::int64_t, Stamp> slots;
        while (read.step()) {
            OriginId origin;
            std::ranges::copy(read.bytes(2), origin.device.bytes.begin());
            origin.incarnation = static_cast<Incarnation>(read.integer(3));
            slots[read.integer(0)] = Stamp{Hlc{read.integer(1)}, origin};
        }
        if (!read.is_done()) {
            known_.erase(at);
            return false;
        }
        // docs/schema.md: a row and its era; of a deleted one its delete, its insert and the era of that.
        const auto in_slot = [&](std::int64_t slot) {
            const auto found = slots.find(slot);
            return found != slots.end() ? std::optional(found->second) : std::nullopt;
        };
        at->second.era = in_slot(1);
        if (!make_whole(sql, {change.table, change.key}, in_slot(0), at->second.era)) {
            known_.erase(at);
            return false;
        }
        if (slots.contains(0)) at->second.life = Life{at->second.era, slots.at(0)};
        if (slots.contains(-1)) at->second.life = Life{in_slot(-2), slots.at(-1)};
    }
    return true;
}

bool Witness::make_whole(Sql& sql, const Key& where, const std::optional<Stamp>& row,
                         std::optional<Stamp>& era) {
    const auto& [table, key] = where;
    if (row) {
        if (!era) era = model_.era_of(table, key, *row);
        return true;
    }
    const auto forgotten = read_coverage(sql, "strandline_forgotten");
    if (!forgotten) return false;
    const Vector& vector = vector_at(forgotten->at(tables()[table].name), key);
    const auto last = model_.last_deletion(
        table, key, [&](const Stamp& stamp) { return stamp == era || is_covered(stamp, vector); });
    const bool is_new = era && !model_.knows(table, key, *era);
    if (!is_new || !model_.order().less(last, era)) era = last;
    return true;
}

void Witness::look(Sql& sql) {
    if (!pending_.empty()) {
        auto read = sql.ask("SELECT NOT EXISTS (SELECT 1 FROM strandline_journal)");
        if (read.step() && read.integer(0) == 1) fold(sql);
    }
    if (is_again_owed_ && pending_.empty()) is_again_owed_ = !take_again(sql);
}

/// What the fold makes of what was written (DESIGN 5), with values in place of the engine's digests.
void Witness::fold(Sql& sql) {
    const auto origins = folded(sql);
    if (!origins) return;
    std::map<Key, Touched> touched;
    std::map<std::size_t, std::int64_t> last;
    for (Commit& commit : pending_) {
        for (Change& change : commit.changes) {
            Touched& key = touched[{change.table, change.key}];
            if (!key.is_changed) key.before = std::move(change.before);
            key.after = std::move(change.after);
            key.is_changed = true;
        }
        for (const JournalRow& row : commit.journal) touched[{row.table, row.key}].take(row);
    }
    for (auto& [where, key] : touched) {
        if (!key.is_changed) continue;
        const auto& [table, encoded] = where;
        if (key.last == 0 && to_text(key.before.value_or(Values{})) == to_text(key.after.value_or(Values{})))
            continue;
        if (key.last == 0)
            throw LawBroken(
                5, fmt::format("a write to {} was committed and not captured: {:.200} became {:.200}",
                               tables()[table].name, to_text(key.before.value_or(Values{})),
                               to_text(key.after.value_or(Values{}))));
        const auto own = [&, in = where.first](std::int64_t hlc) {
            const auto giver =
                std::ranges::find_if(*origins, [&](const Folded& origin) { return origin.has(in, hlc); });
            return Stamp{Hlc{hlc}, giver != origins->end() ? giver->origin : origins->front().origin};
        };
        Write write;
        write.last = own(key.last);
        // A row that came and was replaced between two folds was never there: nobody needs to know of its end.
        if (!key.after && !key.before && key.removed == 0 && key.checked == key.last) continue;
        const Table& shape = tables()[table];
        const Known& known = known_[where];
        const bool is_owned = shape.ownership == Ownership::device_owned;
        // Of a device-owned row that came and went between two folds nobody knows anything either.
        const bool is_own = known.life && known.life->row.origin.device == device_;
        if (!key.after && is_owned && !is_own) continue;
        if (!key.after) {
            if (is_owned) write.life = known.life;
            const std::int64_t removed = std::max(key.removed, key.checked);
            write.era = own(removed != 0 ? removed : key.last);
            write.after = known.era;
            if (known.life) write.ended = known.life->row;
            model_.add(table, encoded, std::move(write));
            continue;
        }
        write.key.assign(key.after->begin(),
                         key.after->begin() + static_cast<std::ptrdiff_t>(shape.key_columns));
        const bool sets_row = !key.before || key.removed != 0 || key.row != 0;
        const std::int64_t row = key.row > key.removed ? key.row : key.last;
        std::int64_t removed = key.removed;
        // One life has one insert: a row that is set anew was deleted, if it was there.
        if (is_owned && removed == 0 && key.before) removed = key.row;
        if (is_owned && !is_own) removed = 0;
        write.era = removed != 0 ? own(removed) : known.era;
        write.after = known.era;
        if (removed != 0 && known.life) write.ended = known.life->row;
        if (sets_row) write.row = own(row);
        if (is_owned) write.life = sets_row ? Life{write.era, own(row)} : known.life;
        std::map<std::size_t, std::int64_t> assigned;
        for (const auto& [number, hlc] : key.columns) assigned[column_of_.at({table, number})] = hlc;
        for (std::size_t i = shape.key_columns; i < shape.columns.size(); ++i) {
            std::int64_t set = assigned.contains(i) ? assigned[i] : 0;
            if (sets_row) {
                set = std::max(set, row);
            } else if ((*key.before)[i] == (*key.after)[i]) {
                continue;
            }
            write.values[i] = {own(set), (*key.after)[i]};
        }
        if (write.row || !write.values.empty()) model_.add(table, encoded, std::move(write));
    }
    pending_.clear();
    known_.clear();
    last_seen_ = 0;  // The journal is empty, and a clock that is put right goes on from further back.
}

std::optional<std::size_t> Witness::reopened(Sql& sql, bool may_lose) {
    if (std::exchange(is_owed_, false)) uncertain_ = std::move(open_);
    open_.clear();
    const auto journal = journal_after(sql, 0);
    const auto origins = folded(sql);
    if (!journal || !origins) return std::nullopt;
    std::set<std::int64_t> there;
    for (const JournalRow& row : *journal) there.insert(row.hlc);
    const auto is_there = [&](const JournalRow& row) {
        return there.contains(row.hlc) || std::ranges::any_of(*origins, [&](const Folded& origin) {
                   return origin.has(row.table, row.hlc);
               });
    };
    const auto first_lost = std::ranges::find_if_not(
        pending_, [&](const Commit& commit) { return std::ranges::all_of(commit.journal, is_there); });
    const auto lost = static_cast<std::size_t>(pending_.end() - first_lost);
    if (lost > 0 && !may_lose)
        throw LawBroken(5, fmt::format("{} committed transactions did not survive the crash", lost));
    if (lost > 0) {
        pending_.erase(first_lost, pending_.end());
        last_seen_ = 0;
        std::set<Key> touched;
        for (const Commit& commit : pending_) {
            for (const JournalRow& row : commit.journal) last_seen_ = std::max(last_seen_, row.hlc);
            for (const Change& change : commit.changes) touched.emplace(change.table, change.key);
        }
        // What the engine knew of the other keys may have become more by the time they are written to again.
        std::erase_if(known_, [&](const auto& known) { return !touched.contains(known.first); });
    }
    std::vector<JournalRow> news;
    std::ranges::copy_if(*journal, std::back_inserter(news),
                         [&](const JournalRow& row) { return row.hlc > last_seen_; });
    if (!news.empty()) {
        if (uncertain_.empty()) throw LawBroken(5, "after the crash the journal has rows that nobody wrote");
        if (!take(sql, uncertain_, std::move(news))) return std::nullopt;
    }
    uncertain_.clear();
    look(sql);
    return lost;
}

void Witness::remember(Memory memory) {
    is_owed_ = false;
    open_.clear();
    uncertain_.clear();
    pending_ = std::move(memory.pending);
    known_ = std::move(memory.known);
    last_seen_ = memory.last_seen;
    over_ = std::move(memory.over);
}

}  // namespace strandline::simulator
