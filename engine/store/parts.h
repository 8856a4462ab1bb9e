#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <strandline/time.h>

#include "engine/record.h"
#include "engine/store/connection.h"

namespace strandline::engine::store {

/// A value that travels in parts: what it is, and of which cell, under which stamp.
struct LargeCell {
    std::int64_t resource = 0;
    std::string key;
    ColumnId column{};
    Stamp stamp;
    bool is_text = false;  ///< else it is a BLOB
    std::uint64_t bytes = 0;
    std::string hash;
    friend bool operator==(const LargeCell&, const LargeCell&) = default;
};

/// What is here of it, durably.
struct Staged {
    std::int64_t id = 0;
    bool is_text = false;
    std::uint64_t bytes = 0;
    std::string hash;
    std::uint64_t held = 0;  ///< of the bytes, from the first on
    bool is_whole = false;   ///< all of them, and the hash is right
};

/// Tables strandline_large and strandline_parts: large values on their way into the app's tables. At most one for each
/// cell; nothing here is claimed by any coverage, so what nobody will finish can be removed at any time.
class Parts {
public:
    explicit Parts(Connection& connection) : connection_(connection) {}

    /// What is here of this very value; empty: nothing.
    [[nodiscard]] std::optional<Staged> find(const LargeCell& cell);
    /// Makes room for it, in place of any other value of that cell.
    Staged begin(const LargeCell& cell, WallMs now);
    /// Adds what follows next. The last part shows whether the whole has the hash that it should have; false: it has
    /// not, and all of it is gone.
    [[nodiscard]] bool add(Staged& staged, std::string_view bytes);
    void drop(std::int64_t resource, const std::string& key, ColumnId column);
    void drop_all_of(std::int64_t resource);
    /// Gives its bytes, in order.
    void each(const Staged& staged, const std::function<void(std::uint64_t offset, std::string_view)>& take);
    [[nodiscard]] Value whole(const Staged& staged);
    /// Bytes that are announced, in all.
    [[nodiscard]] std::uint64_t announced();
    /// Removes what was begun longest ago, until no more than `most` bytes are announced.
    void keep_below(std::uint64_t most);
    /// Removes what was begun before that.
    void drop_before(WallMs since);

private:
    void drop(std::int64_t id);

    Connection& connection_;
};

}  // namespace strandline::engine::store
