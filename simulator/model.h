#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <strandline/ids.h>
#include <strandline/message.h>
#include <strandline/time.h>
#include <strandline/value.h>

#include "simulator/watermarks.h"

namespace strandline::simulator {

/// (hlc, origin) of one write, in the order of DESIGN 3: by HLC, then by the origin's full id.
struct Stamp {
    Hlc hlc;
    OriginId origin;
    friend auto operator<=>(const Stamp&, const Stamp&) = default;
};

/// The order of stamps where clocks were put right: those above their origin's ceiling count as it, in their order.
class StampOrder {
public:
    void lower(const OriginId& origin, Hlc ceiling) {
        const auto [known, is_first] = ceilings_.try_emplace(origin, ceiling);
        if (!is_first) known->second = std::min(known->second, ceiling);
    }
    [[nodiscard]] bool is_above_ceiling(const std::optional<Stamp>& stamp) const {
        if (!stamp || ceilings_.empty()) return false;
        const auto ceiling = ceilings_.find(stamp->origin);
        return ceiling != ceilings_.end() && ceiling->second < stamp->hlc;
    }
    [[nodiscard]] bool less(const Stamp& a, const Stamp& b) const {
        return std::tuple(counts_as(a), a.origin, a.hlc) < std::tuple(counts_as(b), b.origin, b.hlc);
    }
    /// None is before all.
    [[nodiscard]] bool less(const std::optional<Stamp>& a, const std::optional<Stamp>& b) const {
        return b && (!a || less(*a, *b));
    }

private:
    [[nodiscard]] Hlc counts_as(const Stamp& stamp) const {
        return is_above_ceiling(stamp) ? ceilings_.at(stamp.origin) : stamp.hlc;
    }
    std::map<OriginId, Hlc> ceilings_;
};

/// One life of a key of a device-owned table: an insert, and the delete that its writer knew of.
struct Life {
    std::optional<Stamp> era;
    Stamp row;
    /// Who inserted first stays, by the stamps as they were given.
    [[nodiscard]] bool gives_way_to(const Life& other, const StampOrder& order) const {
        return order.less(era, other.era) || (era == other.era && other.row < row);
    }
    friend bool operator==(const Life&, const Life&) = default;
};

/// What one device did to one key between two folds, as a record that can be joined.
struct Write {
    std::optional<Stamp> era;  ///< of the last delete that the writer knew of; its own, if it deleted
    std::optional<Stamp> row;  ///< the whole row was set
    /// By column's index in the table: with `row` all columns, else those that were written.
    std::map<std::size_t, std::pair<Stamp, Value>> values;
    Values key;             ///< as the writer spells it
    Stamp last;             ///< the latest of the writer's own stamps in it
    OriginNumber writer{};  ///< whose that stamp is; the model fills it in
    /// A deletion that is known to be forgotten where `era` was given, if its stamp is the later one: it was before `era`
    /// all the same. So it comes out where the clock is behind what was deleted.
    std::optional<Stamp> after = {};
    /// In a device-owned table: what it was done to.
    std::optional<Life> life = {};
    /// A row that it ended, which so its writer knew.
    std::optional<Stamp> ended = {};

    [[nodiscard]] bool is_deletion() const { return !row && values.empty(); }
};

/// Whether one era of a key is before the other: by their stamps, but each behind the forgotten one that it was given after.
/// `writes`: all to that key.
[[nodiscard]] bool is_earlier_era(const std::optional<Stamp>& era, const std::optional<Stamp>& other,
                                  const std::vector<Write>& writes, const StampOrder& order);

/// All writes of all devices, for ever, and the naive merge of them: no coverage, no stamps per cell kept up to
/// date, no pages. It shares no code with the engine; it is what the engine is compared with.
class Model {
public:
    /// Is told of each write that is added.
    using Watcher = std::function<void(std::size_t table, const std::string& key, const Write&)>;
    void watch(Watcher watcher) { watcher_ = std::move(watcher); }

    /// Stops the run by law 3 when the same stamp once stood for something else.
    void add(std::size_t table, const std::string& key, Write write);
    /// Stops the run by law 3 when something else was written under this stamp. One that nobody gave is let through.
    void demand_content(std::size_t table, const std::string& key, std::size_t column, const Stamp& stamp,
                        const Value& value) const;

    /// The same of a value that is to travel in parts.
    void demand_large(std::size_t table, const std::string& key, std::size_t column, const Stamp& stamp,
                      const message::LargeValue& large) const;

    /// Whether this stamp was given to something in this row.
    [[nodiscard]] bool knows(std::size_t table, const std::string& key, const Stamp& stamp) const;
    /// The era of the write that set the row so; empty: none, or there is no such write.
    [[nodiscard]] std::optional<Stamp> era_of(std::size_t table, const std::string& key,
                                              const Stamp& row) const;
    /// The last deletion of a row for which `is_known` says yes.
    [[nodiscard]] std::optional<Stamp> last_deletion(std::size_t table, const std::string& key,
                                                     const std::function<bool(const Stamp&)>& is_known) const;

    [[nodiscard]] const StampOrder& order() const { return order_; }
    /// A clock was put right. False: that was known.
    bool lower_ceiling(const OriginId& origin, Hlc ceiling);
    /// Whether any of these writes has a stamp above its origin's ceiling.
    [[nodiscard]] bool has_above_ceiling(const std::vector<Write>& writes) const;

    /// What this device has written, or will, is not to be believed: it is a liar.
    void distrust(const DeviceId& liar) { liar_ = liar; }
    /// Whether the liar has written to this key.
    [[nodiscard]] bool is_suspect(std::size_t table, const std::string& key) const;

    /// Deletions did not wait for this device, at least for a while.
    void note_parked(const DeviceId& device) { parked_.insert(device); }
    /// The row that stands there by its stamps, where one that was written whole may stand though a later deletion ended what was
    /// there: its writer was not waited for, neither of the two knew of the other, and nobody knows of the deletion any more
    /// (docs/decisions/0005). By slot, docs/schema.md. Empty: it may not.
    [[nodiscard]] std::optional<Values> standing(std::size_t table, const std::string& key,
                                                 const std::map<std::int64_t, Stamp>& stamps,
                                                 const std::function<bool(const Stamp&)>& is_forgotten) const;

    /// Whether somebody still holds this write.
    using IsHeld = std::function<bool(std::size_t table, const std::string& key, const Stamp& stamp)>;
    /// Rows by encoded key; each has all columns, the key's as they must be spelled.
    using Rows = std::map<std::string, Values>;
    [[nodiscard]] Rows expected(std::size_t table, std::size_t columns, const IsHeld& is_held) const;

    /// All writes, by the keys that they were done to.
    void for_each_key(const std::function<void(std::size_t table, const std::string& key,
                                               const std::vector<Write>&)>& visit) const;
    /// All writes to one key, a line each: for whoever looks into a finding.
    [[nodiscard]] std::string history(std::size_t table, const std::string& key) const;
    [[nodiscard]] std::size_t count() const { return count_; }
    /// Of all texts and blobs that were ever written.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    [[nodiscard]] std::optional<Values> merged(const std::vector<const Write*>& writes,
                                               const std::vector<Write>& all, std::size_t columns) const;
    [[nodiscard]] std::vector<const Write*> of_last_life(const std::vector<const Write*>& writes) const;

    std::map<std::pair<std::size_t, std::string>, std::vector<Write>> writes_;
    /// What a stamp stands for.
    struct Content {
        std::size_t table = 0;
        std::string key;
        std::optional<Value> value;  ///< empty: the row was deleted
        [[nodiscard]] bool is(std::size_t its_table, const std::string& its_key,
                              const Value& its_value) const;
        [[nodiscard]] std::string text() const;
    };
    void keep_content(const Stamp& stamp, std::int64_t column, const Content& content);
    /// By stamp, and column (−1: the era).
    std::map<std::pair<Stamp, std::int64_t>, Content> contents_;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
    Watcher watcher_;
    std::optional<DeviceId> liar_;
    std::set<DeviceId> parked_;
    StampOrder order_;
};

}  // namespace strandline::simulator
