#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <strandline/event.h>
#include <strandline/message.h>
#include <strandline/time.h>

#include "engine/fetching.h"
#include "engine/merge.h"
#include "engine/store/store.h"
#include "hlc/clock.h"
#include "watermarks/vector.h"

namespace strandline::engine {

/// What one message of pages did.
struct Applied {
    std::int64_t received = 0;                    ///< entries that arrived
    std::map<std::string, std::int64_t> changed;  ///< rows that are other than before, by resource
    std::int64_t mended = 0;                      ///< rows that were damaged here
    /// Resources with rows that came without values of columns that were dropped where they came from.
    std::set<std::int64_t> without_dropped;
    /// A page of whose row large values are needed that are not here: nothing was done with it.
    struct Lacking {
        const message::Page* page = nullptr;  ///< of the message
        std::int64_t resource = 0;
        std::vector<Fetching::Value> values;
    };
    std::vector<Lacking> lacking;
    /// Rows, by resource, that this device wrote once more: its own watermark is to rise.
    std::map<std::int64_t, std::int64_t> written_again;
    std::vector<Event> events;  ///< without number
};

/// Whether a page's keys are keys of that resource, as its encoding wants them. Error: the peer's fault.
[[nodiscard]] Result<void> check_keys(const store::Resource& resource, const message::Page& page);

/// THE write path: joins what came from elsewhere into the state and the app's tables.
///
/// Everything happens inside the caller's transaction, after the journal was folded in it; the caller
/// commits rows, stamps, coverage and the clock together, or none of them.
class Apply {
public:
    Apply(store::Store& store, Now now);
    /// Whether pages are complete where their sender has forgotten deletions that are not known here.
    [[nodiscard]] static bool is_told_all(const store::Store& store, const message::Pages& pages,
                                          const std::vector<Origin>& origins);
    /// What was forgotten where the message comes from is forgotten here first. To be called before its pages are joined.
    /// `lags`: whether the sender itself lacks some of what is forgotten here (Session::settles()).
    void forget(const message::Pages& pages, const std::vector<Origin>& origins,
                const std::function<bool(const store::Resource&, const watermarks::Range&)>& lags);
    Apply(const Apply&) = delete;
    Apply& operator=(const Apply&) = delete;

    /// Joins the entries of a message's pages, and raises the coverage of each page's range to its vector. `origins` is the
    /// message's list: its stamps still count by it.
    void pages(const message::Pages& pages, const std::vector<Origin>& origins);
    /// Held changes whose time has come are joined at the end.
    void due();
    /// The ceilings of these origins were lowered just now (docs/decisions/0009-*.md): what is held may be due, and what
    /// had been let in above them is written once more, by this device.
    void meet_ceilings(const std::vector<Origin>& lowered);
    /// A walk through a resource's refused rows.
    struct Retry {
        std::int64_t after = 0;     ///< rows up to this number were tried
        bool has_progress = false;  ///< one found its place, and may have given its old one to another
    };
    /// Tries some refused rows again: the schema, or the data in their way, may be another now. False: the walk is
    /// at its end. Takes from `rows_left` those that it tried.
    bool retry(const store::Resource& resource, Retry& walk, std::size_t& rows_left);
    /// To be called once at the end: lets the triggers speak again, and writes the clock and the counts.
    Applied finish();

private:
    static constexpr const char* kIgnored = "a trigger of the app's ignored the row";

    /// A page's columns, as this database knows them.
    struct Columns {
        std::vector<ColumnId> ids;
        std::vector<std::string> names;
        std::vector<bool> missing;  ///< the table does not have it
        std::vector<bool>
            by_old_name;            ///< the page knows it by a name that it bore here before it was renamed
        bool has_twins = false;     ///< the page knows one of them by two names
        std::vector<bool> dropped;  ///< its values are not at the sender; empty: all are
    };
    /// One entry, in this database's terms.
    struct Incoming {
        std::string key;
        const Values* key_raw = nullptr;  ///< null: what the key decodes to
        Record record;
        std::vector<ColumnId> columns;  ///< of the values
        std::vector<std::string> names;
        std::vector<const Value*> values;
        std::vector<store::Withheld> withheld;  ///< for each value; empty: all came along
        std::string missing;  ///< a column of a value that the table does not have; empty: it has all
        /// Of each value: what it is, where it is large, and what is here of it. Empty: none is.
        std::vector<const message::LargeValue*> large;
        std::vector<std::optional<store::Staged>> staged;

        [[nodiscard]] store::Withheld withheld_as(std::size_t value) const {
            // A large value that was not fetched is none that is taken.
            if (!large.empty() && large[value] != nullptr && !staged[value])
                return store::Withheld::too_large;
            return withheld.empty() ? store::Withheld::no : withheld[value];
        }
        [[nodiscard]] std::string digest(std::size_t value) const;

        [[nodiscard]] Values spelled(const store::Resource& resource) const {
            return key_raw != nullptr ? *key_raw : decode_key(key, resource.key.size());
        }
    };

    void page(const message::Page& page, const std::vector<Origin>& origins);
    [[nodiscard]] Columns columns_of(const store::Resource& resource, const message::Page& page);
    [[nodiscard]] Incoming incoming_from(const message::Entry& entry, const Columns& columns,
                                         const std::vector<Origin>& origins) const;
    /// The page's columns whose value in this entry is older than that under another name of the same column.
    [[nodiscard]] std::set<std::size_t> outdone(const message::Entry& entry, const Columns& columns,
                                                const std::vector<Origin>& origins) const;
    /// A value with its name, whole, for quarantine.
    [[nodiscard]] store::NamedValue named(const Incoming& incoming, std::size_t value);
    /// Finds the large values that are here. Those that are needed and are not; empty: all are here.
    [[nodiscard]] std::vector<Fetching::Value> find_large(const store::Resource& resource,
                                                          Incoming& incoming);
    [[nodiscard]] bool would_mend(const store::Resource& resource, const Incoming& incoming,
                                  std::size_t value, const store::StoredRecord& before);
    void raise(const store::Resource& resource, const message::Page& page,
               const std::vector<Origin>& origins);
    /// The vector of a complete page that is more than rows, also where its entries stand on pages of other columns.
    [[nodiscard]] std::optional<watermarks::Vector> vector_of_complete(
        const message::Page& page, const std::vector<Origin>& origins) const;
    /// After a complete page for who lacks deletions that were forgotten: what it does not name and its vector covers was
    /// deleted; what is here and it does not cover is written again, on top, for nobody could tell any more whether that
    /// knew of the deletions. Also what came from others that lacked them: who still remembers a deletion, and was given such
    /// a row by its writer, decided otherwise than who has forgotten it and is given the row by this device.
    void complete(const store::Resource& resource, const message::Page& page,
                  const watermarks::Vector& vector);
    /// Not covered; in a device-owned resource it counts only as written by this device, in this life or an earlier one.
    [[nodiscard]] bool is_in_doubt(const store::Resource& resource, const Stamp& stamp,
                                   const watermarks::Vector& vector) const;
    [[nodiscard]] bool is_in_doubt(const store::Resource& resource, const Record& record,
                                   const watermarks::Vector& vector) const;
    /// Whether the message names the row or deletion: its key has an entry of the sender's state, or this very row is in nobody's
    /// state, as it came there with an edit that has to wait. Another row that waits with its key says nothing of it.
    [[nodiscard]] bool is_named(std::int64_t resource, const std::string& key, const Record& known) const;
    void note_said(std::int64_t resource, const message::Entry& entry, const std::vector<Origin>& origins);
    /// Whether the message names any stamp of the record, as in the state of its sender or as held there.
    [[nodiscard]] bool is_said(std::int64_t resource, const std::string& key, const Record& record) const;
    void let_go_of_held(const store::Resource& resource, const message::Page& page,
                        const watermarks::Vector& vector);
    void remove_gone(const store::Resource& resource, const std::string& key, const Record& gone);
    void write_again(const store::Resource& resource, const std::string& key,
                     const watermarks::Vector& vector);
    [[nodiscard]] bool is_of_self(const Record& record) const;
    /// Of a complete page from somebody who lacks deletions that are forgotten here: what we cover and do not have was deleted
    /// here, and is deleted once more; what is news to us is taken, and written once more. Nobody could tell otherwise. Of
    /// device-owned rows only our own.
    void settle_doubt(const store::Resource& resource, Incoming incoming, const watermarks::Vector& vector);
    /// Whether a row is late: it is covered here, and yet not known, or it would win against what is: so it was deleted, and
    /// the deletion forgotten.
    [[nodiscard]] bool is_late(const store::Resource& resource, const Incoming& incoming);
    void write_let_in_again(const store::Resource& resource, const std::string& key,
                            const std::vector<Origin>& lowered);
    [[nodiscard]] static bool is_among(const std::set<const message::Page*>& pages,
                                       const message::Page& page);
    /// The latest of its stamps, as it counts.
    [[nodiscard]] Hlc newest(const Record& record) const;
    [[nodiscard]] bool is_ahead(const Record& record) const;
    /// Keeps a change, and passes it on, but does not join it before its time; `reason`: says what it waits for.
    void hold(const store::Resource& resource, const Incoming& incoming, WallMs due, const char* reason);
    /// Cells alone would be nothing, and be lost: they wait for their row, which may be held itself, or stand
    /// further on in the same message.
    void await_row(const store::Resource& resource, const Incoming& incoming);
    /// Joins what is held of keys whose time or row may have come, in the order in which it came.
    void join_awaited();
    void rejoin(const store::Resource& resource, const store::Quarantined& held);
    [[nodiscard]] bool is_of_gone_row(const store::Resource& resource, const std::string& key);
    [[nodiscard]] bool is_outlived(const store::Resource& resource, const store::Quarantined& held);
    [[nodiscard]] bool is_done_here(const store::Resource& resource, const store::Quarantined& held);
    void join(const store::Resource& resource, const Incoming& incoming);
    /// In a complete page for who lacks forgotten deletions: what is known here and covered there gives way to what is there,
    /// however the two would compare.
    [[nodiscard]] std::optional<Merge> replaced(const Record& local, const Incoming& incoming,
                                                Ownership ownership) const;
    /// Values that a row in quarantine lacks may come from elsewhere, under the very stamps that are known: they are
    /// taken. False: there are none.
    bool fill(const store::Resource& resource, const Incoming& incoming, const Record& local, Merge& merged);
    /// A row of the table that was deleted or altered behind our back takes what comes under the very stamps that are
    /// known. False: there is nothing to be mended.
    bool mend(const store::Resource& resource, const Incoming& incoming, const store::StoredRecord& before,
              Merge& merged);
    /// What the values of the app's row hash to; empty: there is none.
    [[nodiscard]] std::optional<std::string> digests_in_table(const store::Resource& resource,
                                                              const std::string& key);
    void refuse(const store::Resource& resource, const Incoming& incoming);
    /// Keeps, for people to see, a row that gives way in a device-owned resource.
    void keep_displaced(const store::Resource& resource, const std::string& key, const Record& displaced);
    /// Makes the app's row what the join says. Empty: done. Otherwise why the database would not.
    [[nodiscard]] std::string write_row(const store::Resource& resource, const Incoming& incoming,
                                        const Merge& merged, std::string& digests);
    /// What the table is given of the incoming values; `digests` takes theirs.
    [[nodiscard]] static store::Assignment taken(const Incoming& incoming, const Merge& merged,
                                                 std::string& digests);
    void insert_row(const store::Resource& resource, const Incoming& incoming, const Merge& merged,
                    std::string& digests);
    void update_row(const store::Resource& resource, const Incoming& incoming, const Merge& merged,
                    std::string& digests);
    [[nodiscard]] static std::string why_withheld(const std::string& column, store::Withheld withheld);
    void quarantine_row(const store::Resource& resource, const Incoming& incoming, const Merge& merged,
                        const std::string& reason);
    /// Rows that are in each other's way, as when two have changed places under a UNIQUE, find theirs only together:
    /// all leave the table, and all come back; who cannot is left out, and the rest is tried again.
    void settle(const store::Resource& resource);
    /// The keys of those that found no place.
    std::set<std::string> put_together(const store::Resource& resource,
                                       std::vector<store::Quarantined> waiting);
    /// Tries a refused row again as it should be. False: it stays refused.
    bool put_refused(const store::Resource& resource, const store::Quarantined& refused);
    /// Of rows that are still refused when all has come.
    void tell_refused();
    /// A row in quarantine takes the new values and is tried again as a whole.
    [[nodiscard]] std::string rewrite_quarantined(const store::Resource& resource,
                                                  const store::Quarantined& refused, const Incoming& incoming,
                                                  const Merge& merged, std::string& digests);
    void mark_owner(const store::Resource& resource, const Incoming& incoming, const Record& record);
    void tell(EventKind kind, const store::Resource& resource, const Values& key, const std::string& text);

    store::Store& store_;
    Now now_;
    hlc::Clock clock_;
    StampOrder order_;
    Applied applied_;
    const char* why_again_ =
        "deletions that this device had not heard of are forgotten elsewhere; what was written meanwhile "
        "is "
        "written once more, so that it counts as later";
    std::map<std::int64_t, std::int64_t> row_difference_;
    /// What was covered before the message's pages, of resources in which deletions were forgotten.
    std::map<std::int64_t, watermarks::Coverage> covered_before_;
    std::optional<watermarks::Vector>
        replacing_;                            ///< the vector of such a page, while its entries are joined
    std::set<const message::Page*> behind_;    ///< complete pages that bring more than rows
    std::set<const message::Page*> settling_;  ///< of those: their sender lags, too
    std::set<std::pair<std::int64_t, std::string>> settled_;  ///< resource and key: written again already
    std::set<std::pair<std::int64_t, std::string>> named_;    ///< resource and key, in the message so far
    /// By resource and key: the rows that are held back at the sender.
    std::map<std::pair<std::int64_t, std::string>, std::vector<Stamp>> waiting_there_;
    /// By resource and key: all stamps that the message names, with those of what is held back.
    std::map<std::pair<std::int64_t, std::string>, std::vector<Stamp>> said_;
    std::set<std::pair<std::int64_t, std::string>> awaited_;  ///< resource and key
    bool is_finishing_ = false;
    bool is_repair_ = false;            ///< the page claims nothing: its rows were asked for
    std::set<std::int64_t> unsettled_;  ///< resources with refused rows that may find their places together
    /// By resource and key, the key as spelled and why it was refused.
    std::map<std::pair<std::int64_t, std::string>, std::pair<Values, std::string>> refused_;
    /// How often one thing was told of a table's rows, and the event that counts those without a name.
    struct Told {
        std::size_t named = 0;
        std::optional<std::size_t> others;
    };
    std::map<std::pair<EventKind, std::string>, Told> told_;
};

}  // namespace strandline::engine
