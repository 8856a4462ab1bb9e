#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <strandline/message.h>

#include "engine/store/store.h"

namespace strandline::engine {

/// The list of origins of one message under construction.
class OriginList {
public:
    explicit OriginList(const store::Origins& origins) : origins_(origins) {}

    [[nodiscard]] message::Stamp indexed(const Stamp& stamp) { return {stamp.hlc, index_of(stamp.origin)}; }
    [[nodiscard]] message::Vector indexed(const watermarks::Vector& vector);
    [[nodiscard]] std::vector<OriginId> take() { return std::move(ids_); }

private:
    Origin index_of(Origin origin);

    const store::Origins& origins_;
    std::vector<OriginId> ids_;
    std::vector<std::optional<Origin>> indexes_;  ///< by our number, as far as it was asked for
};

/// Origins of a message as our own small numbers. A new one gets a number, which the caller's next
/// transaction keeps; until then nothing refers to it on disk.
[[nodiscard]] std::vector<Origin> localized(store::Origins& origins, const std::vector<OriginId>& ids);
[[nodiscard]] Stamp localized(const Stamp& stamp, const std::vector<Origin>& origins);
[[nodiscard]] watermarks::Vector localized(const message::Vector& vector, const std::vector<Origin>& origins);
[[nodiscard]] watermarks::Piece localized(const message::Piece& piece, const std::vector<Origin>& origins);

/// Reads, message by message, all that we hold in some ranges and some vectors do not cover: the answer
/// to a pull, or a push.
///
/// The vectors that it claims are our coverage when it began, or, in a scan, when the page is read; what was written
/// since may be read too, which is more than claimed, never less. Each message is read in one snapshot in which the journal is
/// empty: the caller sees to that.
class Reader {
public:
    /// What one resource's reading brings its receiver to.
    struct Claim {
        std::int64_t resource = 0;
        watermarks::Range range;
        watermarks::Vector vector;
    };

    /// `wanted`: ranges of a resource with the vectors that their receiver holds there. `is_delta`: it holds them all
    /// but for what is new, so what fits one message of a delta comes as one, however it is found.
    Reader(store::Store& store, const std::vector<std::pair<std::int64_t, watermarks::Piece>>& wanted,
           bool is_delta);

    /// Whole rows of these keys, by resource: pages that claim nothing.
    Reader(store::Store& store, const std::map<std::int64_t, std::set<std::string>>& keys);

    /// The next message's pages; afterwards is_done() may be true. Call inside the snapshot. `may_refer`: so many large
    /// values the receiver may be told of, give or take a row's; empty: it does not know of such.
    [[nodiscard]] message::Pages next(std::optional<std::size_t> may_refer);
    [[nodiscard]] bool is_done() const { return parts_.empty(); }
    /// Whether the next row has large values, and waits until the receiver may be told of them.
    [[nodiscard]] bool is_waiting() const { return is_waiting_; }
    /// Nothing more is read.
    void end() { parts_.clear(); }
    /// The large values of the last call to next(), in the order in which its pages have them; they are numbered by the caller.
    [[nodiscard]] const std::vector<store::LargeCell>& referred() const { return referred_; }
    /// Nothing of this range is wanted any more.
    void leave_out(std::int64_t resource, const watermarks::Range& range);
    /// All that the messages so far have brought the receiver to; of the last call to next(). A row with large values is not
    /// among it: its receiver has to fetch them first.
    [[nodiscard]] const std::vector<Claim>& claims() const { return claims_; }
    [[nodiscard]] std::int64_t rows_in_last() const { return rows_; }
    /// Roughly.
    [[nodiscard]] std::size_t bytes_in_last() const { return bytes_; }

private:
    /// A range that one vector claims, and how it is read.
    struct Part {
        std::int64_t resource = 0;
        watermarks::Range range;  ///< what is still to be read
        watermarks::Vector base;
        watermarks::Vector vector;  ///< what we held there when it was planned
        watermarks::Vector claim;   ///< as much of it as `base` lacks
        bool is_complete = false;   ///< its receiver lacks deletions that were forgotten here
        std::optional<std::deque<std::string>> keys;  ///< the changed ones; empty: by a scan
        std::deque<std::string> held;                 ///< keys of held changes that are still to be read
    };

    void plan(std::int64_t resource, const watermarks::Piece& wanted);
    void plan_held(Part& part);
    /// What we hold in all of a range, by now.
    [[nodiscard]] watermarks::Vector held_in(std::int64_t resource, const watermarks::Range& range) const;
    /// A scan reads what was written since it began, so it may claim it.
    void raise_claim(Part& part);
    /// Cuts the first part to a range in which the same deletions were forgotten. Who lacks some of those is given all
    /// there is.
    void meet_forgotten();
    /// Reads as much of the first part as the message has room for.
    void read_part(message::Pages& pages, OriginList& origins);
    enum class Taken {
        yes,      ///< or there was nothing to be taken
        alone,    ///< it has large values: it is in `alone_`
        no_room,  ///< for its large values
    };
    [[nodiscard]] Taken take(const store::Resource& resource, const Part& part, const std::string& key,
                             const store::StoredRecord& stored, message::Page& page, OriginList& origins);
    /// Takes rows until the message is full, one has large values, or all is read; how far the page goes then.
    [[nodiscard]] std::pair<Taken, std::optional<std::string>> take_rows(const store::Resource& resource,
                                                                         Part& part, message::Page& page,
                                                                         OriginList& origins);
    [[nodiscard]] Taken refer(const store::Resource& resource, const Record& record, message::Entry& entry);
    [[nodiscard]] bool is_full() const;
    /// Held changes come before the rest, on pages that claim nothing. False: the message is full.
    bool take_held(const store::Resource& resource, Part& part, message::Pages& pages, OriginList& origins);
    void take_held_within(const store::Resource& resource, const Part& part, const watermarks::Range& range,
                          message::Pages& pages, OriginList& origins);
    /// Moves what waits in quarantine to pages like `page`, but for their columns.
    void add_waiting(const message::Page& page, message::Pages& pages);
    void add(message::Page page, message::Pages& pages);
    /// False: the row does not wait in quarantine, and has all its values.
    bool take_incomplete(const store::Resource& resource, const std::string& key,
                         const store::StoredRecord& stored, const Record& missing, OriginList& origins);
    /// What the row had in columns that the table has no more, as far as it is missing.
    [[nodiscard]] std::vector<store::NamedValue> dropped(const store::StoredRecord& stored,
                                                         const Record& missing) const;
    void take_waiting(const store::Resource& resource, const store::Quarantined& waiting,
                      OriginList& origins);
    [[nodiscard]] bool fill_values(const store::Resource& resource, const std::string& key,
                                   const Record& record, message::Entry& entry);

    store::Store& store_;
    std::deque<Part> parts_;
    watermarks::Vector forgotten_;  ///< in the first part
    std::vector<Claim> claims_;
    /// The columns of a page, and which of them were dropped.
    using PageColumns = std::pair<std::vector<std::string>, std::vector<std::uint32_t>>;
    /// Of the part that is read now: what waits in quarantine, or is not whole, by its columns.
    std::map<PageColumns, std::vector<message::Entry>> waiting_;
    /// Columns that the table of that part does not have.
    std::vector<std::pair<ColumnId, std::string>> absent_;
    bool is_repair_ = false;  ///< rows are sent because somebody has them otherwise
    bool is_waiting_ = false;
    std::optional<std::size_t> may_refer_;
    bool refers_ = false;  ///< in the part that is read now
    std::vector<store::LargeCell> referred_;
    std::optional<message::Entry> alone_;
    std::uint64_t hashed_bytes_ = 0;
    std::int64_t rows_ = 0;
    std::size_t bytes_ = 0;
    std::size_t bytes_max_ = 0;  ///< of one message
};

/// Puts a record's stamps into an entry, but for the cells'.
void put_stamps(const store::Resource& resource, const Record& record, OriginList& origins,
                message::Entry& entry);
/// What is larger than a frame has room for loses its largest values, and says which; about how many bytes are left.
std::size_t withhold(message::Entry& entry);

/// What of a record a holder of `vector` lacks: the whole row, some cells, or nothing (an empty record).
[[nodiscard]] Record lacking(const Record& record, const watermarks::Vector& vector);

}  // namespace strandline::engine
