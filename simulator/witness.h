#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <strandline/ids.h>
#include <strandline/value.h>

#include "simulator/model.h"
#include "simulator/sql.h"

namespace strandline::simulator {

/// Sees what one device's app commits, and tells the model of it once the engine has folded it.
///
/// What changed is seen by a hook of SQLite's on the app's connection, beside the triggers; the stamps are read
/// from the journal that the triggers wrote. Several writes to one key between two folds count as one: what was
/// set to what it had been was not changed (docs/schema.md), so the moment of the fold matters.
class Witness {
public:
    Witness(Model& model, const DeviceId& device) : model_(model), device_(device) {}

    /// Within a transaction of the app's: a row as it was, and as it is.
    void changed(std::size_t table, std::optional<Values> before, std::optional<Values> after);
    [[nodiscard]] std::size_t changes() const { return open_.size(); }
    /// A statement was refused: what it had done since there were so many changes is undone.
    void undo_to(std::size_t changes) { open_.resize(changes); }
    void committed(Sql& sql);
    /// The disk would not say what was just committed: committed() must be called again, before the engine looks.
    [[nodiscard]] bool is_owed() const { return is_owed_; }
    void rolled_back() { open_.clear(); }
    /// The commit failed, and only the disk knows whether it is there.
    void left_open();

    /// After the engine did something: what was pending, and is in the journal no more, has been folded.
    void look(Sql& sql);
    /// The engine may have written once more what an app wrote: to be looked for at the next look().
    void owe_again() { is_again_owed_ = true; }
    /// After a crash and before the engine opens: what the disk has kept. What it may lose is nothing, or the
    /// last commits when `may_lose`; how many it lost. Anything else breaks law 5.
    /// Empty: the disk would not say; to be asked again after the next crash.
    std::optional<std::size_t> reopened(Sql& sql, bool may_lose);
    [[nodiscard]] bool has_pending() const { return !pending_.empty(); }

    /// One row's change in one transaction.
    struct Change {
        std::size_t table = 0;
        std::string key;
        std::optional<Values> before;
        std::optional<Values> after;
    };
    struct JournalRow {
        std::int64_t hlc = 0;
        std::size_t table = 0;
        std::int64_t what = 0;
        std::string key;
    };
    struct Commit {
        std::vector<Change> changes;
        std::vector<JournalRow> journal;
    };
    using Key = std::pair<std::size_t, std::string>;
    /// What the engine knows of a key.
    struct Known {
        std::optional<Stamp> era;
        std::optional<Life> life;  ///< of a row, and in a device-owned table of a deleted one
    };
    /// What is known and not yet folded: goes with an image of the disk, when one is kept.
    struct Memory {
        std::vector<Commit> pending;
        std::map<Key, Known> known;
        std::int64_t last_seen = 0;
        std::set<OriginId> over;
    };
    [[nodiscard]] Memory memory() const { return {pending_, known_, last_seen_, over_}; }
    void remember(Memory memory);

private:
    // Each of these is empty or false when the disk fails underneath, and then nothing has changed.
    [[nodiscard]] std::optional<std::vector<JournalRow>> journal_after(Sql& sql, std::int64_t hlc);
    /// How far one of this device's origins was folded.
    struct Folded {
        OriginId origin;
        std::int64_t ceiling = 0;
        std::map<std::size_t, std::int64_t> to;  ///< by table
        [[nodiscard]] bool has(std::size_t table, std::int64_t hlc) const {
            const auto at = to.find(table);
            return at != to.end() && ceiling < hlc && hlc <= at->second;
        }
    };
    /// The present origin first, and then those whose clock was put right, and which may have folded just before that.
    [[nodiscard]] std::optional<std::vector<Folded>> folded(Sql& sql);
    [[nodiscard]] bool learn_ceilings(Sql& sql);
    [[nodiscard]] bool take(Sql& sql, std::vector<Change>& changes, std::vector<JournalRow> journal);
    [[nodiscard]] bool read_known(Sql& sql, const std::vector<Change>& changes);
    void fold(Sql& sql);
    /// What bears a stamp of this device's that nobody has seen it give.
    [[nodiscard]] bool take_again(Sql& sql);
    [[nodiscard]] static bool overlay_refused(Sql& sql, std::size_t table,
                                              std::map<std::string, Values>& rows);
    [[nodiscard]] bool add_again(Sql& sql, const Key& where, const std::map<std::int64_t, Stamp>& slots,
                                 const Values& values);
    /// As nobody forgot it: the era of a row as it is, or else the last deletion that the device has forgotten.
    [[nodiscard]] bool make_whole(Sql& sql, const Key& where, const std::optional<Stamp>& row,
                                  std::optional<Stamp>& era);
    void learn_numbers(Sql& sql);

    Model& model_;
    DeviceId device_;
    std::vector<Change> open_;  ///< of the transaction that is open
    bool is_owed_ = false;
    bool is_again_owed_ = false;
    std::vector<Change> uncertain_;  ///< of one whose commit failed
    std::vector<Commit> pending_;
    std::map<Key, Known> known_;                    ///< of each pending key, before it was touched
    std::int64_t last_seen_ = 0;                    ///< the newest journal row that is known
    std::set<OriginId> over_;                       ///< of this device, whose clock was put right
    std::map<std::int64_t, std::size_t> table_of_;  ///< by the resource's number
    std::map<std::pair<std::size_t, std::int64_t>, std::size_t> column_of_;  ///< by table and column's number
};

}  // namespace strandline::simulator
