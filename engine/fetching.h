#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include <strandline/message.h>
#include <strandline/time.h>

#include "engine/store/parts.h"
#include "watermarks/coverage.h"

namespace strandline::engine {

/// Rows that a peer told of without their large values, until those are here: what is asked for, and what came of it.
///
/// Nothing of it is durable but the parts themselves (store/parts.h): a row that is lost with its session is asked for
/// again as any other, from whoever has it, and only what is missing of its values travels.
class Fetching {
public:
    struct Value {
        std::uint32_t number = 0;  ///< the peer's
        store::LargeCell cell;
        std::uint64_t held = 0;   ///< of its bytes, from the first on: they are here
        std::uint64_t asked = 0;  ///< they are here, or to come
        bool is_whole = false;
    };
    struct Row {
        std::int64_t resource = 0;
        message::Pages pages;  ///< the one page that it came on
        watermarks::Vector
            base;  ///< what our coverage was there: as long as it is no less, the page may raise it
        watermarks::Vector forgotten;    ///< at its key: what was forgotten since, the page may not know of
        std::vector<Value> values = {};  ///< those that we need
    };

    /// Waits for a row's values. There is none of that key yet.
    void keep(Row row, Now now);
    /// What the peer told of is needed no more.
    void release(std::uint32_t number, std::uint64_t bytes) { releases_.push_back({number, bytes, 0}); }
    /// The next word about it; empty: all that may be asked for at a time is. `part_bytes`: at most so much in each part.
    [[nodiscard]] std::optional<message::Fetch> next_to_say(std::size_t part_bytes);

    /// Whether a part is the one that must come next.
    [[nodiscard]] bool expects(const message::Part& part) const;
    /// The value that it is of; null: nobody needs it any more.
    [[nodiscard]] Value* find(std::uint32_t number);
    /// It has come, whatever became of it.
    void came(Now now);
    /// A row of which all values are whole now; null: there is none.
    [[nodiscard]] const Row* whole() const;
    /// The row of that value is done with, or given up: the peer hears that nothing more of it is needed.
    void end(std::uint32_t number);
    void clear();

    [[nodiscard]] bool empty() const { return rows_.empty(); }
    [[nodiscard]] bool has(std::int64_t resource, const std::string& key) const;
    [[nodiscard]] const std::list<Row>& rows() const { return rows_; }
    /// When the peer was asked, or brought something, last; empty: it owes nothing.
    [[nodiscard]] std::optional<SteadyMs> owed_since() const;

private:
    std::list<Row> rows_;
    std::deque<message::Fetch> asked_;
    std::deque<message::Fetch> releases_;
    SteadyMs heard_at_;
};

}  // namespace strandline::engine
