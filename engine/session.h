#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <strandline/message.h>
#include <strandline/time.h>

#include "backfill/share.h"
#include "engine/asking.h"
#include "engine/fetching.h"
#include "engine/limits.h"
#include "engine/reader.h"
#include "engine/store/store.h"
#include "watermarks/coverage.h"

namespace strandline::engine {

///            Hello and a complete Have are in
///   probing ────────────────────────────────▶ streaming ◀──▶ backfilling
///      │                                          │               │
///      └──────────── Bye, a bad message, silence, connection lost ┴──▶ closed{reason}
enum class SessionState { probing, streaming, backfilling, closed };

/// What we know of one connected peer, and what is to be said to it.
///
/// Nothing here is durable and nothing is a queue of changes: what to send is derived from what we hold
/// and what the peer has acknowledged, so a session that is lost costs nothing but its beginning.
/// Invariant: `expected` is at most what the peer holds once it has taken all that was sent in order.
class Session {
public:
    /// `is_trial`: what is said to be held here is no receipt.
    Session(DeviceId peer, store::Store& store, Now now, bool is_trial);

    // --- what came -------------------------------------------------------------------------------

    /// Each of these closes the session, with a reason, when the peer says what it must not.
    void hello(const message::Hello& hello, Now now);
    /// `pages_wait`: pages that it sent before wait here for their turn.
    void have(const message::Have& have, bool pages_wait);
    /// None wait any more.
    void pages_taken();
    void pull(const message::Pull& pull);
    void waive(const message::Waive& waive);
    void fetch(const message::Fetch& fetch);
    void ping(const message::Ping& ping);
    void pong(const message::Pong& pong, Now now);
    /// Whether pages fit what was agreed. False: drop them, the peer will learn better; or the session is closed now.
    [[nodiscard]] bool accepts(const message::Pages& pages);
    /// Of what the page only tells of nothing is needed.
    void release_large(const message::Page& page);
    /// The pages are durable.
    void took(const message::Pages& pages, Now now);
    void close(std::string reason);
    /// The peer has closed it: nothing is left to be said.
    void leave(std::string reason);
    void heard(Now now) { last_heard_ = now.steady; }

    // --- what is to be said -----------------------------------------------------------------------

    /// Ends a session whose peer is silent. What is due by now waits for room in its connection, and not for time.
    void let_pass(Now now);
    /// Everything but pages; empty: nothing just now.
    [[nodiscard]] std::optional<Message> next_control(Now now);
    /// Whether next_pages() has something to read, and the peer has made enough of the former durable.
    [[nodiscard]] bool may_send_pages() const {
        return !fetches_due_.empty() || (may_read_on() && bytes_in_flight_ < kInFlightBytesMax);
    }
    /// Pages, or a part of a large value. Call inside a snapshot in which the journal is empty.
    [[nodiscard]] std::optional<Message> next_pages(Now now);
    /// Where the peer is, or will be, level with us in a resource: there a local write is pushed to it. During a
    /// backfill these are the ranges that it has been sent.
    [[nodiscard]] std::vector<watermarks::Range> level_ranges(const store::Resource& resource) const;
    void push(std::int64_t resource, const std::vector<watermarks::Range>& ranges);
    /// Whole rows that the peer lacks, or has otherwise, although it claims to hold them.
    void send_rows(std::int64_t resource, std::set<std::string> keys) { rows_due_[resource].merge(keys); }
    /// A word of a comparison. It goes behind all pages that are due, so that it finds them applied.
    void say(message::Compare compare) { compares_to_say_.push_back(std::move(compare)); }
    [[nodiscard]] std::size_t compares_to_say() const { return compares_to_say_.size(); }
    /// Our resources, or what we hold of them, are others than we have said: say all anew.
    void say_all() { say_all_ = true; }
    /// That these are members is said before anything else is.
    void tell_members(const std::set<DeviceId>& news) { members_to_say_.insert(news.begin(), news.end()); }
    /// Of that pull, somebody else is asked for this range from now on. Only where knows(kWaives).
    void leave_to_others(std::uint32_t pull, std::int64_t resource, const watermarks::Range& range);
    /// Asks for these pieces, of which there are some. Only what may_ask() allows.
    void ask(Wanted wanted, PullLength length, Now now);

    // --- what is so -------------------------------------------------------------------------------

    [[nodiscard]] SessionState state() const { return state_; }
    [[nodiscard]] const std::string& close_reason() const { return close_reason_; }
    [[nodiscard]] bool is_ready() const {
        return state_ == SessionState::streaming || state_ == SessionState::backfilling;
    }
    [[nodiscard]] const Asking& asking() const { return asking_; }
    /// A long and a short pull may be out at once, where the peer knows that.
    [[nodiscard]] bool may_ask(PullLength length) const;
    /// What the peer holds of a resource; null: it does not track it, or has not said so yet.
    struct Theirs {
        std::string resource;
        Ownership ownership{};
        std::int64_t rows = 0;
        std::vector<message::KeyColumn> key;
        std::vector<std::string> dropped;  ///< columns that its pages lack values of
        std::vector<std::string> cuts;     ///< where a backfill of it may be divided
        bool waits = false;                ///< not all that it has acknowledged is in its state yet
        watermarks::Coverage acknowledged;
        watermarks::Coverage expected;
        watermarks::Vector forgotten = {};        ///< in the whole table
        watermarks::Vector held_forgetting = {};  ///< what it held everywhere when it said so
        /// Acknowledged when the first of its pages that wait here was sent: what is in them may be as old as that.
        watermarks::Coverage acknowledged_then = {};
        /// What it is here, found out when the catalog had been read so often; 0: not yet.
        mutable const store::Resource* ours = nullptr;  ///< null: we do not track it
        mutable bool is_exchanged = false;
        mutable std::uint64_t found_at_load = 0;
        /// How `acknowledged` compares with our coverage, found out when that had last changed then; 0: not yet.
        mutable std::uint64_t weighed_at = 0;
        mutable bool holds_ours = false;  ///< all that we hold
        mutable bool holds_more = false;  ///< than we hold
    };
    [[nodiscard]] const Theirs* theirs(const store::Resource& resource) const;
    [[nodiscard]] const std::vector<Theirs>& all_theirs() const { return theirs_; }
    /// Whether both track it, as one and the same table (agreement.h).
    [[nodiscard]] bool exchanges(const store::Resource& resource) const;
    /// Whether it has said to hold what we lack of a table that both track.
    [[nodiscard]] bool holds_more(const Theirs& theirs) const;
    /// Of any table.
    [[nodiscard]] bool holds_any_more() const;
    /// Whether the peer lacks deletions that were forgotten here: its rows may be ones that were deleted.
    [[nodiscard]] bool lags(const store::Resource& resource, const watermarks::Range& range) const;
    /// Whether it lags, and we as well: we take all that it has nevertheless, and settle what is in doubt by writing it again.
    /// `range`: of one piece of our coverage.
    [[nodiscard]] bool settles(const store::Resource& resource, const watermarks::Range& range) const;
    /// Both ways, for every table that both track.
    [[nodiscard]] bool is_in_step() const;
    /// The peer lacks little of what we hold, and no backfill is under way: some writes are on their way. Counts rows: not to be
    /// asked with every event.
    [[nodiscard]] bool is_nearly_in_step() const;
    [[nodiscard]] std::optional<SteadyMs> next_deadline() const;
    [[nodiscard]] std::optional<double> rtt_ms() const { return rtt_ms_; }
    [[nodiscard]] const backfill::Pace& pace() const { return pace_; }
    /// Whether its Hello has all these bits.
    [[nodiscard]] bool knows(std::uint64_t features) const;
    [[nodiscard]] const DeviceId& peer() const { return peer_; }
    [[nodiscard]] const std::optional<message::Hello>& their_hello() const { return their_hello_; }
    /// What its clock shows, if nobody has set it since its Hello.
    [[nodiscard]] WallMs their_wall(Now now) const {
        return {their_hello_->wall.value + now.steady.value - hello_at_.value};
    }
    [[nodiscard]] std::int64_t rows_in_last() const { return rows_in_last_; }

    /// Rows that wait for their large values.
    Fetching fetching;
    /// Since when an offer of each resource waits for its writer's own push.
    std::map<std::int64_t, SteadyMs> waiting_since;
    /// Resources of which it was asked for values that others had dropped: once a session is enough.
    std::set<std::int64_t> asked_for_dropped;
    bool was_in_step = false;
    std::optional<SteadyMs> in_step_due;  ///< not to be told again before
    std::int64_t in_step_gap_ms = 0;      ///< that much after it was told last
    bool in_step_owed = false;            ///< it is so, and is told then
    /// What people were told of tables that are not exchanged: once a session is enough.
    std::set<std::string> told_not_exchanged;

private:
    struct Serving {
        Reader reader;
        std::uint32_t pull = 0;  ///< zero: a push
        std::set<std::int64_t> resources;
    };
    /// Pages that were sent, until the peer holds what they claim.
    struct InFlight {
        std::vector<Reader::Claim> claims;
        std::size_t bytes = 0;
    };

    /// What was found out of all tables when coverage had changed and the catalog had been read so often; 0: not yet.
    struct Kept {
        std::uint64_t at = 0;
        std::uint64_t at_load = 0;
        bool is_so = false;
    };

    [[nodiscard]] bool holds_others(const watermarks::Vector& vector) const;
    [[nodiscard]] bool accepts_form(const message::Pages& pages);
    /// Whether a page was read before its sender knew of deletions that are forgotten here.
    [[nodiscard]] bool is_stale(const message::Page& page) const;
    /// Whether it is taken all the same: settles(), and nothing else has come into its range since it was asked for.
    [[nodiscard]] bool may_settle(const message::Page& page, std::uint32_t pull) const;
    /// Whether somebody who holds this lacks deletions that were forgotten here.
    [[nodiscard]] bool lacks_forgotten(const watermarks::Piece& piece, std::int64_t resource) const;
    /// Whether more was forgotten here than the peer knows.
    [[nodiscard]] bool has_forgotten_more(const Theirs& known, const store::Resource& resource) const;
    void say_forgotten(message::Holding& holding, const store::Resource& resource, OriginList& origins);
    /// A pull has come to its end.
    void answered(std::uint32_t pull);
    [[nodiscard]] bool has_pages() const {
        return !serving_.empty() || !push_due_.empty() || !rows_due_.empty() || !fetches_due_.empty();
    }
    [[nodiscard]] bool may_read_on() const;
    [[nodiscard]] bool is_ready_to_read(const Serving& serving) const {
        return !serving.reader.is_waiting() || referred_.size() < kReferredMax;
    }
    [[nodiscard]] message::Part next_part();
    void number_large(const Reader& reader, message::Pages& pages);
    [[nodiscard]] bool is_pushing(std::int64_t resource) const;
    [[nodiscard]] bool is_acknowledged(const Reader::Claim& claim) const;
    void land_acknowledged();
    /// Null: we do not track it.
    const store::Resource* find_ours(const Theirs& theirs) const;
    [[nodiscard]] const Theirs* named(const std::string& resource) const;
    [[nodiscard]] Theirs* find_theirs(const std::string& resource);
    void acknowledge(Theirs& theirs, const watermarks::Range& range, const watermarks::Vector& vector);
    void weigh(const Theirs& theirs, const store::Resource& resource) const;
    template <typename Find>
    [[nodiscard]] bool keep(Kept& kept, Find find) const;
    /// Whether it has acknowledged what we hold, of all tables that both track, and no more.
    [[nodiscard]] bool is_level() const;
    [[nodiscard]] Message say_everything();
    [[nodiscard]] Message say_members();
    [[nodiscard]] std::optional<Message> say_news();
    void find_cuts_due();
    [[nodiscard]] std::optional<Message> say_cuts();
    [[nodiscard]] Message say_pull(const Asking::Pull& pull);
    [[nodiscard]] message::Holding holding(const store::Resource& resource,
                                           const std::vector<watermarks::Piece>& pieces, OriginList& origins);
    void begin_push();
    void let_push_go(const std::set<std::int64_t>& resources);
    void begin_sending_rows();

    DeviceId peer_;
    store::Store& store_;
    bool is_trial_;
    SessionState state_ = SessionState::probing;
    std::string close_reason_;
    bool said_hello_ = false;
    bool said_bye_ = false;
    bool say_all_ = true;
    std::set<DeviceId> members_to_say_;
    bool has_refused_ = false;  ///< pages, and has not said since what is held
    std::uint32_t said_all_count_ = 0;
    std::uint32_t heard_all_count_ = 0;
    SteadyMs last_said_;
    SteadyMs last_heard_;
    SteadyMs passed_;  ///< when time last passed
    std::optional<message::Hello> their_hello_;
    SteadyMs hello_at_;
    std::vector<Theirs> theirs_;
    /// By our resources' numbers, as far as it was asked for since the catalog had been read so often.
    mutable std::vector<std::pair<std::int64_t, const Theirs*>> theirs_of_;
    mutable std::uint64_t theirs_of_load_ = 0;
    std::map<std::int64_t, watermarks::Coverage> told_;          ///< what the peer knows of ours, by resource
    std::map<std::int64_t, watermarks::Vector> told_forgotten_;  ///< by resource: what the peer knows of it
    bool is_push_under_way_ = false;  ///< the peer's, to us: it holds more than has come
    std::uint64_t told_all_at_ = 0;   ///< when our coverage had changed so often, told_ had all of it
    mutable Kept holds_any_more_;
    mutable Kept differs_;  ///< what is held there, or here
    Asking asking_;
    backfill::Pace pace_;
    std::deque<message::Waive> waives_to_say_;
    std::set<std::int64_t> cuts_due_;  ///< of these the peer lacks much
    /// In turn, a message each; at most one is a push.
    std::list<Serving> serving_;
    bool pushed_last_ = false;
    std::deque<InFlight> in_flight_;
    std::size_t bytes_in_flight_ = 0;
    std::map<std::int64_t, std::vector<watermarks::Range>> push_due_;
    std::map<std::int64_t, std::set<std::string>> rows_due_;
    std::deque<message::Compare> compares_to_say_;
    /// Large values that the peer was told of, until it says that it needs them no more.
    std::map<std::uint32_t, store::LargeCell> referred_;
    std::uint32_t referred_count_ = 0;
    /// Of one of them, more than its last part was: under its stamp it is the same as long as that stands.
    struct Ahead {
        std::uint32_t number = 0;
        std::uint64_t offset = 0;
        std::string bytes;
    };
    Ahead ahead_;
    std::deque<message::Fetch> fetches_due_;
    bool was_part_last_ = false;
    std::deque<std::uint64_t> pongs_to_say_;
    std::optional<std::pair<std::uint64_t, SteadyMs>> ping_out_;
    std::uint64_t pings_ = 0;
    std::optional<double> rtt_ms_;
    std::int64_t rows_in_last_ = 0;
};

}  // namespace strandline::engine
