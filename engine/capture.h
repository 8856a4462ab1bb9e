#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <strandline/engine.h>
#include <strandline/event.h>
#include <strandline/time.h>

#include "engine/store/store.h"
#include "hlc/clock.h"

namespace strandline::engine {

/// Turns what local writers did into stamps: folds the journal, stamps what a table had before it was
/// tracked, and finds what was written while triggers were missing.
///
/// Invariant: values live in the app's table alone; here only stamps and digests are written.
class Capture {
public:
    explicit Capture(store::Store& store) : store_(store) {}

    /// What a fold found: rows by resource.
    using Found = std::map<std::int64_t, std::int64_t>;

    /// Folds the oldest journal rows, at most `most`; inside the caller's transaction, which must
    /// commit before anything found leaves the device. False: the journal is empty now.
    bool fold(std::size_t most, Found& found);

    /// What there is to tell of what was folded: rows that cannot travel. Without number and time; told once.
    [[nodiscard]] std::vector<Event> take_events() { return std::exchange(events_, {}); }

    /// Stamps every row of a table that has just been tracked. Inside the caller's transaction.
    /// Error: a row whose key has a NULL in it.
    [[nodiscard]] Result<void> stamp_all(const store::Resource& resource, Now now);
    /// How far stamp_all() is. Any thread may ask.
    [[nodiscard]] TrackProgress progress() const { return {rows_stamped_, rows_expected_}; }

    /// What it means that a row, which the metadata knows, is not in the table.
    enum class Absence {
        deleted,    ///< it is the table that we knew
        uncertain,  ///< it may be another table: deleted, as long as most of its rows are there
        nothing,    ///< it is another table
    };
    /// Compares a table with its metadata and stamps what differs, as written now. Inside the caller's transaction.
    /// True: rows were missing without being deleted, or edited without a right to. They are forgotten, and so is what
    /// the resource's coverage claimed; this device goes on as the incarnation `next`, and the rows come back from
    /// the others.
    [[nodiscard]] bool compare(const store::Resource& resource, Now now, Absence absence, Incarnation next,
                               Found& found);

    /// Rows of the table that nobody is known to have written count as written now. Inside the caller's transaction.
    void adopt(const store::Resource& resource, const std::set<std::string>& keys, Now now, Found& found);

    /// Whether this watermark of our own origin, said by a peer, shows that we have lost writes of our own: it is above
    /// all that we hold, or lies between two that we went through since this opening, and so was never said in this life.
    [[nodiscard]] bool cannot_be_ours(const store::Resource& resource, Hlc theirs) const;
    /// Goes on as the incarnation `next`, after such a word: what was written since the opening is stamped anew, and the
    /// old origin's watermarks stand again where they stood then, for below them alone nothing is missing. True: there
    /// was such a write, so watermarks were lowered. Inside the caller's transaction.
    [[nodiscard]] bool begin_anew(Incarnation next);

    /// Our own watermark of a resource, over all of its ranges: local writes are held wherever they lie.
    void raise_own(const store::Resource& resource, Hlc to);

private:
    /// One key's journal rows, reduced to what matters.
    struct Touched {
        Hlc row;      ///< last time the whole row was set
        Hlc removed;  ///< last delete
        Hlc checked;  ///< last time it may have been removed by REPLACE
        std::map<ColumnId, Hlc> columns;
        void take(const store::JournalRow& row);
        [[nodiscard]] Hlc last() const;
    };
    using TouchedKeys = std::map<std::string, Touched>;

    /// Gives the keys of rows that were written and belong to other devices.
    [[nodiscard]] std::vector<std::string> find_written(const store::Resource& resource, Now now,
                                                        hlc::Clock& clock, TouchedKeys& touched);
    [[nodiscard]] std::vector<std::string> find_missing(const store::Resource& resource);
    /// Whether another device owns the row.
    [[nodiscard]] bool is_foreign(const store::Resource& resource, const Record& record) const;
    /// Whether this device inserted the row that is, or last was, at a key of a device-owned resource.
    [[nodiscard]] bool is_own_life(const Record& record) const;
    void forget(const store::Resource& resource, const std::vector<std::string>& keys, Incarnation next,
                Now now);
    void put_aside(const store::Resource& resource, const std::string& key, const Record& record, Now now);
    void fold_resource(const store::Resource& resource, const TouchedKeys& keys, Found& found);
    void fold_key(const store::Resource& resource, const std::string& key, const Touched& touched);
    [[nodiscard]] Record written(const store::Resource& resource, const store::StoredRecord& stored,
                                 const Touched& touched, const std::string& digests) const;
    [[nodiscard]] Hlc end_of_life(const store::Resource& resource, const Record& stored,
                                  const Touched& touched) const;
    void write(const store::Resource& resource, const std::string& key, const store::StoredRecord& before,
               const Record& incoming, const std::string& digests);
    void follow_quarantine(const store::Resource& resource, const std::string& key, const Record& incoming,
                           bool has_row);
    /// Whether a key can travel; one that cannot is told, and its row is the app's alone.
    [[nodiscard]] bool can_travel(const store::Resource& resource, const Values& key,
                                  const std::string& encoded);
    /// Once: when the row's largest value was among what was written.
    void tell_if_too_large(const store::Resource& resource, const store::MeasuredRow& row,
                           const Record& written);
    /// One event for a table and a sort of trouble, with its first key and how many there are.
    void tell(const store::Resource& resource, const Values& key, const char* text);
    [[nodiscard]] Stamp own(Hlc hlc) const { return {hlc, store_.self()}; }
    /// Whether an earlier part of the backlog may have given this column's value, which a later part set, its stamp.
    [[nodiscard]] bool is_of_backlog(const Record& stored, ColumnId column) const;

    store::Store& store_;
    std::atomic<std::int64_t> rows_stamped_ = 0;
    std::atomic<std::int64_t> rows_expected_ = 0;
    std::map<std::int64_t, std::int64_t> row_difference_;
    /// By origin and resource: our own watermark at the opening, then after each of the first kRisesKept rises.
    std::map<std::pair<Origin, std::int64_t>, std::vector<Hlc>> rises_;
    std::vector<Event> events_;
    /// Where the backlog began that is folded in several parts.
    std::optional<Hlc> backlog_from_;
};

}  // namespace strandline::engine
