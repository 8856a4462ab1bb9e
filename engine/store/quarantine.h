#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <strandline/time.h>

#include "engine/record.h"
#include "engine/store/connection.h"
#include "watermarks/vector.h"

namespace strandline::engine::store {

enum class QuarantineKind {
    refused,    ///< joined, but the app's table would not take it: `values` is the row as it should be
    held,       ///< not joined yet: its stamp is too far ahead; `values` is what came
    not_owner,  ///< not joined, ever: another device owns the row; kept for people to see
};

/// Why a value that a stamp speaks of did not come along: it is known to be somewhere, and nothing more.
enum class Withheld { no, too_large, dropped };

struct NamedValue {
    std::string name;
    Value value;
    Withheld withheld = Withheld::no;
};

/// A change that is held durably and is not visible in the app's table.
struct Quarantined {
    std::int64_t id = 0;
    std::int64_t resource = 0;
    std::string key;
    QuarantineKind kind{};
    WallMs due;  ///< held: when its time has come
    std::string reason;
    WallMs since;
    Record record;  ///< held and not_owner: what came
    Values key_raw;
    std::vector<NamedValue> values;
};

/// Tables strandline_quarantine*: what could not be applied, kept and passed on.
class Quarantine {
public:
    explicit Quarantine(Connection& connection) : connection_(connection) {}

    /// Adds it, or takes the place of an earlier refused one of the same key.
    void put(const Quarantined& entry);
    [[nodiscard]] std::optional<Quarantined> refused(std::int64_t resource, const std::string& key);
    /// Refused rows of a resource, oldest first, the first `most` after number `id`.
    [[nodiscard]] std::vector<Quarantined> refused_after(std::int64_t resource, std::int64_t id,
                                                         std::size_t most);
    /// The keys of held changes that `vector` does not cover; ascending. `origins`: how many there are.
    [[nodiscard]] std::vector<std::string> held_since(std::int64_t resource, const watermarks::Vector& vector,
                                                      std::size_t origins);
    /// The keys with an entry of that kind.
    [[nodiscard]] std::set<std::string> keys(std::int64_t resource, QuarantineKind kind);
    /// Held changes of one key, oldest first, as far as their stamps: there may be many, of which few are wanted.
    [[nodiscard]] std::vector<Quarantined> held(std::int64_t resource, const std::string& key);
    /// What held() left out: the key as it was spelled, and the values.
    void read_values(Quarantined& entry);
    /// Resources and keys of held changes whose time has come.
    [[nodiscard]] std::set<std::pair<std::int64_t, std::string>> due(WallMs now);
    /// When the next held change is due; empty: none is held.
    [[nodiscard]] std::optional<WallMs> next_due();
    /// Entries of a resource of all kinds, the first `most` after number `id`.
    [[nodiscard]] std::vector<Quarantined> after(std::int64_t resource, std::int64_t id, std::size_t most);
    /// Writes an entry's stamps and values anew.
    void change(const Quarantined& entry);
    /// Whatever is held of a key is due at once.
    void make_due(std::int64_t resource, const std::string& key);
    /// Tried again, it was refused for this.
    void set_reason(std::int64_t id, const std::string& reason);
    void drop(std::int64_t id);
    void drop_refused(std::int64_t resource, const std::string& key);
    /// Rows that lack values which the device that they came from had dropped.
    struct Dropped {
        std::vector<std::string> columns;  ///< empty: there are none
        std::string first;                 ///< their keys lie from here
        std::string last;                  ///< to here
    };
    [[nodiscard]] Dropped dropped(std::int64_t resource);
    [[nodiscard]] bool has_dropped(std::int64_t resource);
    [[nodiscard]] bool has_held(std::int64_t resource);
    /// From now on refused rows lack their values of this column, as if they had come without. Whether any had one.
    bool give_up(std::int64_t resource, const std::string& column);
    [[nodiscard]] std::int64_t count();
    /// Whether any of a resource's keys is refused or held. Asked all the time, so the answer is kept in memory.
    [[nodiscard]] bool has_any(std::int64_t resource);

private:
    [[nodiscard]] std::vector<Quarantined> read(Statement& statement);

    Connection& connection_;
    std::map<std::int64_t, bool> any_;  ///< what has_any() found, by resource; unknown when it is not listed
    std::uint64_t rollbacks_ = 0;       ///< before that
};

}  // namespace strandline::engine::store
