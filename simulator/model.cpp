#include "simulator/model.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "simulator/check.h"
#include "simulator/tables.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace strandline::simulator {

namespace {

/// Where an era stands among those of its key: behind the forgotten one that it was given after.
std::vector<Stamp> rank_of(const std::optional<Stamp>& era, const std::vector<Write>& writes,
                           const StampOrder& order) {
    if (!era) return {};
    const auto given = std::ranges::find_if(writes, [&](const Write& write) {
        return write.era == era && write.after && order.less(*era, *write.after);
    });
    if (given == writes.end()) return {*era};
    std::vector<Stamp> rank = rank_of(given->after, writes, order);
    rank.push_back(*era);
    return rank;
}

}  // namespace

bool is_earlier_era(const std::optional<Stamp>& era, const std::optional<Stamp>& other,
                    const std::vector<Write>& writes, const StampOrder& order) {
    const auto mine = rank_of(era, writes, order);
    const auto theirs = rank_of(other, writes, order);
    return std::lexicographical_compare(mine.begin(), mine.end(), theirs.begin(), theirs.end(),
                                        [&](const Stamp& a, const Stamp& b) { return order.less(a, b); });
}

void Model::add(std::size_t table, const std::string& key, Write write) {
    if (write.is_deletion()) keep_content(*write.era, -1, {table, key, std::nullopt});
    for (const auto& [column, value] : write.values) {
        keep_content(value.first, static_cast<std::int64_t>(column), {table, key, value.second});
        if (const auto* text = std::get_if<std::string>(&value.second)) bytes_ += text->size();
        if (const auto* blob = std::get_if<Blob>(&value.second)) bytes_ += blob->bytes.size();
    }
    write.writer = number_of(write.last.origin);
    if (watcher_) watcher_(table, key, write);
    writes_[{table, key}].push_back(std::move(write));
    ++count_;
}

bool Model::Content::is(std::size_t its_table, const std::string& its_key, const Value& its_value) const {
    if (table != its_table || key != its_key || !value || value->index() != its_value.index()) return false;
    // Bit by bit, as 0.0 and -0.0 are two contents.
    const auto* real = std::get_if<double>(&its_value);
    return real != nullptr ? std::memcmp(real, &std::get<double>(*value), sizeof *real) == 0
                           : *value == its_value;
}

std::string Model::Content::text() const {
    return fmt::format("{}/{}/{}", table, key, value ? to_text(*value) : "deleted");
}

void Model::keep_content(const Stamp& stamp, std::int64_t column, const Content& content) {
    const auto [known, is_new] = contents_.try_emplace({stamp, column}, content);
    if (is_new) return;
    const bool is_same = content.value ? known->second.is(content.table, content.key, *content.value)
                                       : known->second.text() == content.text();
    if (!is_same)
        throw LawBroken(3, "one stamp has two contents: " + known->second.text() + " and " + content.text());
}

void Model::demand_content(std::size_t table, const std::string& key, std::size_t column, const Stamp& stamp,
                           const Value& value) const {
    const auto known = contents_.find({stamp, static_cast<std::int64_t>(column)});
    if (known == contents_.end() || known->second.is(table, key, value)) return;
    throw LawBroken(3, "a stamp is sent with another content than it was given to: " +
                           Content{table, key, value}.text() + " instead of " + known->second.text());
}

void Model::demand_large(std::size_t table, const std::string& key, std::size_t column, const Stamp& stamp,
                         const message::LargeValue& large) const {
    const auto known = contents_.find({stamp, static_cast<std::int64_t>(column)});
    if (known == contents_.end()) return;
    const Content& content = known->second;
    const auto* text = content.value ? std::get_if<std::string>(&*content.value) : nullptr;
    const auto* blob = content.value ? std::get_if<Blob>(&*content.value) : nullptr;
    if (content.table == table && content.key == key && (large.is_text ? text : nullptr) == text &&
        (text != nullptr || blob != nullptr)) {
        const std::string& bytes = text != nullptr ? *text : blob->bytes;
        std::uint64_t hash = XXH3_64bits_withSeed(bytes.data(), bytes.size(), content.value->index() + 1);
        std::string in_order;
        for (; in_order.size() < sizeof hash; hash >>= 8U) in_order += static_cast<char>(hash & 0xffU);
        if (bytes.size() == large.bytes && in_order == large.hash) return;
    }
    throw LawBroken(3, "a stamp is said to have another large value than it was given to: " +
                           Content{table, key, std::nullopt}.text() + ", not " + content.text());
}

bool Model::knows(std::size_t table, const std::string& key, const Stamp& stamp) const {
    const auto writes = writes_.find({table, key});
    return writes != writes_.end() && std::ranges::any_of(writes->second, [&](const Write& write) {
               return write.row == stamp || write.era == stamp ||
                      std::ranges::any_of(write.values,
                                          [&](const auto& value) { return value.second.first == stamp; });
           });
}

std::optional<Stamp> Model::era_of(std::size_t table, const std::string& key, const Stamp& row) const {
    const auto writes = writes_.find({table, key});
    if (writes == writes_.end()) return std::nullopt;
    const auto at = std::ranges::find(writes->second, std::optional(row), &Write::row);
    return at != writes->second.end() ? at->era : std::nullopt;
}

std::optional<Stamp> Model::last_deletion(std::size_t table, const std::string& key,
                                          const std::function<bool(const Stamp&)>& is_known) const {
    std::optional<Stamp> last;
    const auto writes = writes_.find({table, key});
    if (writes == writes_.end()) return last;
    for (const Write& write : writes->second) {
        if (write.era && is_known(*write.era) && is_earlier_era(last, write.era, writes->second, order_))
            last = write.era;
    }
    return last;
}

bool Model::lower_ceiling(const OriginId& origin, Hlc ceiling) {
    const bool is_news = !order_.is_above_ceiling(Stamp{{ceiling.value + 1}, origin});
    order_.lower(origin, ceiling);
    return is_news;
}

bool Model::has_above_ceiling(const std::vector<Write>& writes) const {
    return std::ranges::any_of(writes, [&](const Write& write) {
        return order_.is_above_ceiling(write.last) || order_.is_above_ceiling(write.era) ||
               std::ranges::any_of(write.values, [&](const auto& value) {
                   return order_.is_above_ceiling(value.second.first);
               });
    });
}

bool Model::is_suspect(std::size_t table, const std::string& key) const {
    const auto writes = liar_ ? writes_.find({table, key}) : writes_.end();
    return writes != writes_.end() && std::ranges::any_of(writes->second, [&](const Write& write) {
               return write.last.origin.device == *liar_;
           });
}

std::optional<Values> Model::standing(std::size_t table, const std::string& key,
                                      const std::map<std::int64_t, Stamp>& stamps,
                                      const std::function<bool(const Stamp&)>& is_forgotten) const {
    const auto at = writes_.find({table, key});
    const auto row = stamps.find(0);
    if (at == writes_.end() || row == stamps.end() || !parked_.contains(row->second.origin.device))
        return std::nullopt;
    const std::vector<Write>& writes = at->second;
    const auto its = std::ranges::find(writes, std::optional(row->second), &Write::row);
    if (its == writes.end()) return std::nullopt;
    bool has_missed_any = false;
    for (const Write& other : writes) {
        if (other.ended == row->second) return std::nullopt;
        has_missed_any = has_missed_any || (other.era && is_forgotten(*other.era) &&
                                            is_earlier_era(its->era, other.era, writes, order_));
    }
    if (!has_missed_any) return std::nullopt;
    const Table& shape = tables()[table];
    Values values = its->key;
    for (std::size_t i = shape.key_columns; i < shape.columns.size(); ++i) {
        const auto cell = stamps.find(static_cast<std::int64_t>(2 + i - shape.key_columns));
        const Stamp& stamp = cell != stamps.end() ? cell->second : row->second;
        const auto giver = std::ranges::find_if(writes, [&](const Write& write) {
            const auto value = write.values.find(i);
            return value != write.values.end() && value->second.first == stamp;
        });
        if (giver == writes.end()) return std::nullopt;
        values.push_back(giver->values.at(i).second);
    }
    return values;
}

Model::Rows Model::expected(std::size_t table, std::size_t columns, const IsHeld& is_held) const {
    Rows rows;
    for (auto at = writes_.lower_bound({table, ""}); at != writes_.end() && at->first.first == table; ++at) {
        const std::string& key = at->first.second;
        std::vector<const Write*> held;
        for (const Write& write : at->second) {
            if (is_held(table, key, write.last)) held.push_back(&write);
        }
        if (tables()[table].ownership == Ownership::device_owned) held = of_last_life(held);
        if (auto row = merged(held, at->second, columns)) rows.emplace(key, std::move(*row));
    }
    return rows;
}

/// What is left to merge of a device-owned table: of all lives the one with the latest era, of one era the one that
/// began first. Nothing, if it was deleted.
std::vector<const Write*> Model::of_last_life(const std::vector<const Write*>& writes) const {
    const Life* last = nullptr;
    for (const Write* write : writes) {
        if (!write->row && !write->is_deletion()) continue;
        if (last == nullptr || last->gives_way_to(*write->life, order_)) last = &*write->life;
    }
    std::vector<const Write*> of_it;
    for (const Write* write : writes) {
        if (last == nullptr || write->life != *last) continue;
        if (write->is_deletion()) return {};
        of_it.push_back(write);
    }
    return of_it;
}

/// The written rule: the latest era wins; in it, alive beats deleted, and each column takes the largest stamp.
std::optional<Values> Model::merged(const std::vector<const Write*>& writes, const std::vector<Write>& all,
                                    std::size_t columns) const {
    std::optional<Stamp> era;
    for (const Write* write : writes) {
        if (is_earlier_era(era, write->era, all, order_)) era = write->era;
    }
    Values row(columns);
    std::map<std::size_t, Stamp> newest;
    std::optional<Stamp> spelled;
    for (const Write* write : writes) {
        if (write->era != era || write->is_deletion()) continue;
        for (const auto& [column, value] : write->values) {
            const auto [at, is_new] = newest.try_emplace(column, value.first);
            if (!is_new && order_.less(value.first, at->second)) continue;
            at->second = value.first;
            row[column] = value.second;
        }
        if (write->row && order_.less(spelled, write->row)) {
            spelled = write->row;
            std::ranges::copy(write->key, row.begin());
        }
    }
    if (!spelled) return std::nullopt;
    return row;
}

std::string Model::history(std::size_t table, const std::string& key) const {
    constexpr std::size_t kLinesMost = 20;
    constexpr std::size_t kValueBytesMost = 30;
    const auto text_of = [](const Stamp& stamp) {
        return fmt::format("{}@{}/{:04x}", stamp.hlc.value, short_hex(stamp.origin.device),
                           static_cast<std::uint64_t>(stamp.origin.incarnation) >> 48);
    };
    const auto at = writes_.find({table, key});
    if (at == writes_.end()) return " nothing";
    const std::vector<Write>& writes = at->second;
    std::string out;
    if (writes.size() > kLinesMost) out += fmt::format("\n  {} earlier ones", writes.size() - kLinesMost);
    for (std::size_t i = writes.size() - std::min(writes.size(), kLinesMost); i < writes.size(); ++i) {
        out += "\n ";
        if (writes[i].era) out += " era " + text_of(*writes[i].era);
        if (writes[i].row) out += " row " + text_of(*writes[i].row);
        for (const auto& [column, value] : writes[i].values)
            out += fmt::format(" {} = {:.{}} {}", tables()[table].columns[column], to_text(value.second),
                               kValueBytesMost, text_of(value.first));
    }
    return out;
}

void Model::for_each_key(const std::function<void(std::size_t table, const std::string& key,
                                                  const std::vector<Write>&)>& visit) const {
    for (const auto& [where, writes] : writes_) visit(where.first, where.second, writes);
}

}  // namespace strandline::simulator
