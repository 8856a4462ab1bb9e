#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <strandline/engine.h>

#include "backfill/breaker.h"
#include "backfill/progress.h"
#include "backfill/share.h"
#include "backfill/tempo.h"
#include "engine/apply.h"
#include "engine/capture.h"
#include "engine/comparer.h"
#include "engine/inspector.h"
#include "engine/session.h"
#include "engine/store/store.h"

namespace strandline::engine {

/// What is behind the engine's doors: the steps that touch the database, each one transaction, and what
/// follows from them for the sessions. May throw StorageError: the doors catch it (engine.cpp).
class Device {
public:
    /// `opened`: the database, to which there is no objection.
    Device(const EngineOptions& options, std::unique_ptr<store::Connection> opened, Now now);

    /// All of the tables or none. After an error call recover().
    [[nodiscard]] Result<void> track(const std::vector<std::string>& tables, Ownership ownership, Now now);
    [[nodiscard]] TrackProgress track_progress() const { return capture_.progress(); }
    [[nodiscard]] Result<void> untrack(const std::vector<std::string>& tables, Now now);
    [[nodiscard]] Result<void> trust(const DeviceId& device, const std::string& name, Now now);
    [[nodiscard]] Result<void> park(const DeviceId& device, bool is_parked, Now now);
    /// From now on a proof is owed, and begins at once.
    void verify(store::Proof proof, Now now);
    /// In an orderly way.
    void close();
    void note_snapshot(const std::string& text, Now now);
    /// The last comparison since verify().
    [[nodiscard]] const std::optional<Verification>& verified() const { return verified_; }
    /// Counts outside the database only once this has it to itself, so that somebody's lock cannot come in between.
    [[nodiscard]] Result<void> remember_opening(const std::function<Result<Opening>()>& count);

    /// Folds all of the journal; what is found is pushed to peers that are level. True: something was.
    bool fold();
    /// Looks for other processes' commits: schema, requests, writes.
    void look(Now now);
    /// Takes one message in; one whose turn has not come is moved from, and waits.
    void take(Session& session, message::Message& message, Now now);
    /// The next step of the pages that wait, when it is due.
    void take_waiting(Now now);
    [[nodiscard]] bool has_waiting() const { return !waiting_.empty(); }
    /// Whether more pages may wait.
    [[nodiscard]] bool has_room() const;
    /// Asks ready peers for what we lack.
    void plan_pulls(Now now);
    /// Reads the next pages for a peer, in a snapshot in which the journal is empty.
    [[nodiscard]] std::optional<Message> read_pages(Session& session, Now now);
    /// Held changes whose time has come; figures for other processes.
    void let_pass(Now now);
    /// Whether this device and the peer hold the same now. To be asked when something was said or heard.
    void tell_in_step(Session& session, Now now);
    /// Refused rows may find their places by what came or was written lately, and are to be tried again.
    [[nodiscard]] bool owes_retry();
    /// Another process's lock is in the way: until the next retry nobody waits for it again.
    void meet_lock(Now now);

    void connect(const DeviceId& peer, Now now);
    void disconnect(const DeviceId& peer, const std::string& reason, Now now);
    void tell(EventKind kind, Now now, std::string resource, std::string peer, std::string text,
              std::int64_t rows = 0);
    void write_events();
    void write_figures(Now now);
    /// After a rollback: the mirror in memory is read anew.
    void recover();
    /// Whether the app has changed its schema since we looked: a step that failed for it is tried again.
    [[nodiscard]] bool is_schema_stale() { return store.schema_changed(); }
    [[nodiscard]] std::optional<SteadyMs> next_deadline() const;
    [[nodiscard]] DeviceState state() const;
    /// Whether anybody is asked for ranges that were never fetched.
    [[nodiscard]] bool is_being_filled() const;

    store::Store store;
    std::map<DeviceId, Session> sessions;
    std::set<DeviceId> let_in;
    std::set<DeviceId> members;  ///< all that were ever heard of, let in here or elsewhere
    std::set<DeviceId> parked;   ///< of those: for whom deletions do not wait
    std::deque<Event> events;    ///< for the host
    TrafficStatus sent;          ///< not yet in the database
    TrafficStatus received;
    /// A message that waits for another process's lock, in front of its peer's next ones.
    std::deque<std::pair<DeviceId, message::Message>> inbox;
    std::optional<SteadyMs> retry_at;
    std::optional<SteadyMs> locked_since;
    backfill::Tempo tempo;

private:
    /// Pages whose time has not come, and what their peer said behind them that must keep its place.
    struct Waiting {
        DeviceId peer;
        message::Message message;
        std::size_t bytes = 0;
    };
    [[nodiscard]] bool must_wait(const DeviceId& peer, const message::Message& message, Now now) const;
    void wait(const DeviceId& peer, message::Message message);
    void stop_waiting(const DeviceId& peer);
    void keep_log_short();
    [[nodiscard]] bool is_in_parts(const DeviceId& peer, const message::Pages& pages) const;
    void count_step(const DeviceId& peer, const message::Pages& pages, Now now);
    /// Entries, and about what their keys and values have in memory as on the wire.
    [[nodiscard]] static backfill::Tempo::Amount amount_of(const message::Page& page);
    [[nodiscard]] static backfill::Tempo::Amount amount_of(const message::Pages& pages);
    void act(Session& session, const message::Message& message, Now now);
    /// After a message was taken in.
    void follow(Session& session, Now now);
    void take_pages(Session& session, const message::Pages& pages, Now now);
    /// Pages that were checked: one transaction, and what follows from it.
    void apply_pages(Session& session, const message::Pages& pages, Now now);
    /// Rows that came without large values wait for them, and are nobody else's to bring.
    void keep_lacking(Session& session, const message::Pages& pages, const Applied& applied, Now now);
    void take_part(Session& session, const message::Part& part, Now now);
    /// False: it is not what it was said to be.
    [[nodiscard]] bool stage_part(Fetching::Value& value, const message::Part& part, Now now);
    [[nodiscard]] bool is_being_fetched(std::int64_t resource, const std::string& key) const;
    /// Rows that wait for large values, whoever is asked for those.
    [[nodiscard]] backfill::Progress::Awaited awaited() const;
    /// One more of them.
    static void add_awaited(backfill::Progress::Awaited& awaited, const std::vector<Fetching::Value>& values);
    /// Applies the rows whose large values are all here.
    void apply_fetched(Now now);
    void give_up_stalled_values(Now now);
    void take_compare(Session& session, const message::Compare& compare, Now now);
    /// Goes on with comparisons, a step for each peer.
    void compare(Now now);
    /// What is owed for a time, or because something happened to the database. In the caller's transaction.
    void owe(store::Proof proof);
    void note_opening(Now now);
    void owe_durably(store::Proof proof);
    void begin_proof(Now now);
    [[nodiscard]] Result<void> begin_verify(std::int64_t number, const std::vector<std::string>& arguments,
                                            Now now);
    void answer_lost(const DeviceId& peer);
    [[nodiscard]] bool is_asked_to_prove_with(const DeviceId& peer) const;
    void prove(Now now);
    /// A step of reading the rows themselves.
    void inspect(Now now);
    void tell_damaged(const store::Resource& resource, std::size_t rows, const char* what, Now now);
    [[nodiscard]] bool is_inspecting() const { return owed_.what == store::Proof::deep && !is_inspected_; }
    [[nodiscard]] bool may_begin_comparison(const Session& session) const;
    void conclude(const Verification& found, Now now);
    /// Since the database was made.
    [[nodiscard]] std::int64_t bytes_sent();
    [[nodiscard]] std::int64_t bytes_received();
    /// A step of a comparison, in a transaction in which the journal is empty.
    template <typename Step>
    void compare_within(Session& session, Now now, const Step& step);
    void note_repaired(const Session& session, const message::Pages& pages);
    void take_have(Session& session, const message::Have& have, Now now);
    bool join_ranges();
    void greet(const Session& session, const message::Hello& hello, Now now);
    void meet_clock(const Session& session, Now now);
    void put_right(const Session& session, Hlc floor, Now now);
    /// What the latest stamp of another device counts as, and whose it is.
    [[nodiscard]] std::pair<Hlc, Origin> highest_of_others() const;
    [[nodiscard]] std::map<Origin, Hlc> highest_watermarks() const;
    void take_ceilings(const message::Have& have, Now now);
    /// Folds in the caller's transaction, until the journal is empty or too long for one.
    void fold_within(Capture::Found& found, std::size_t most);
    /// Who is level with us, by table and range.
    using Level = std::map<DeviceId, std::map<std::int64_t, std::vector<watermarks::Range>>>;
    [[nodiscard]] Level level_peers() const;
    /// Tries refused rows again in resources where something was written, or the schema changed.
    void retry_refused(Now now);
    void push_found(const Capture::Found& found, const Level& level);
    void restore_wal(Now now);
    void notice_copy(const Opening& found, Now now);
    void meet_schema(Now now);
    void refresh_schema(Now now);
    /// A table with another key than it had: tracked anew, as long as no other device ever knew of its rows.
    [[nodiscard]] bool track_anew(const store::Resource& resource, Now now, Capture::Found& found);
    [[nodiscard]] bool was_exchanged(const store::Resource& resource) const;
    void tell_added_again(const store::Resource& resource, const std::vector<std::string>& dropped, Now now);
    bool refresh_table(const store::Resource& resource, bool is_altered, Now now, Capture::Found& found);
    /// A step of forgetting the deletions that all members have acknowledged.
    void forget_deletions(Now now);
    /// To every peer, all that is held here.
    void say_all();
    void follow_peers(const store::Resource& resource);
    /// Whether they are members all, or this device itself.
    [[nodiscard]] bool knows_all(const std::vector<DeviceId>& devices) const;
    /// They are members from now on, and the peers hear of it.
    void tell_members(const std::set<DeviceId>& news);
    /// False: more than a group may have. Inside a transaction, unless it knows them all.
    [[nodiscard]] bool hear_of(const std::vector<DeviceId>& devices, Now now);
    /// Resources with changes that wait for their time, or for their row.
    [[nodiscard]] std::set<std::int64_t> with_held();
    [[nodiscard]] std::optional<watermarks::Vector> acknowledged_by_all(
        const store::Resource& resource) const;
    void answer_requests(Now now);
    void write_answers();
    [[nodiscard]] const store::Resource* restored(const Session& session) const;
    void begin_anew(const store::Resource& resource, const Session& session, Now now);
    void tell_not_exchanged(Session& session, Now now);
    struct Plan {
        Wanted wanted;
        PullLength length{};
        bool is_backfill = false;
    };
    /// What to ask of a peer now; perhaps nothing.
    [[nodiscard]] Plan plan_pull(Session& session, Now now);
    /// The peers, whom to ask first before the others.
    [[nodiscard]] std::vector<Session*> by_preference();
    /// What this peer has, we lack, and nobody is asked for.
    [[nodiscard]] std::vector<watermarks::Piece> wanted_of(Session& session, const store::Resource& resource,
                                                           Now now);
    [[nodiscard]] bool will_be_pushed(const Session& session, const store::Resource& resource,
                                      const watermarks::Piece& piece) const;
    void leave_stalled(Now now);
    [[nodiscard]] bool has_substitute(const Session& session, const Asking::Pull& pull) const;
    /// Whoever has nothing to do takes over from whom the rest would take longest.
    void share_pulls(Now now);
    [[nodiscard]] std::vector<backfill::Slice> rest_of(const Session& busy, const Session& taker) const;
    void begin_backfill(const Session& session, const Wanted& wanted, Now now);
    /// The one that the database knows of.
    void go_on_with_backfill(Now now);
    void meet_lost_source(const Session& lost);
    void end_settled_backfill(Now now);
    void end_backfill(const DeviceId& peer, Now now);
    /// Whoever brings it is connected. One that waits hides nothing of what comes meanwhile.
    [[nodiscard]] bool is_backfilling() const { return backfill_ && sessions.contains(backfill_->peer); }
    /// Whether a backfill has a rest, whoever is asked for it.
    [[nodiscard]] bool has_unfetched_rest() const;
    /// Resources with rows that came without values of columns that were dropped where they came from.
    [[nodiscard]] std::set<std::int64_t> without_dropped();
    void give_up_dropped();
    [[nodiscard]] bool is_dropped_by_all(const store::Resource& resource, const std::string& column) const;
    /// False: no row here came without values, as dropped_elsewhere() would find.
    [[nodiscard]] bool may_lack_dropped();
    /// Where rows lie that came without values which a device had dropped, as long as this peer may bring them.
    [[nodiscard]] std::vector<watermarks::Piece> dropped_elsewhere(Session& session,
                                                                   const store::Resource& resource);
    /// What of a resource somebody is asked for already.
    [[nodiscard]] std::vector<watermarks::Range> asked_ranges(std::int64_t resource) const;
    void show_progress(Now now);
    void count_progress(const Session& session, const message::Pages& pages, const Applied& applied, Now now);
    /// After what came in several messages, each of another moment: whether the whole is one moment's again.
    void tell_cut(Now now);
    void put_peer(const Session& session, bool is_connected);
    void raise_written_again(const Applied& applied);
    void tell_applied(const Applied& applied, const Session* session, Now now);
    /// What folding found that people should know.
    void tell_captured(Now now);
    void add_traffic();
    void put_figures();
    /// Empty: other processes would read nothing new.
    [[nodiscard]] std::optional<SteadyMs> figures_due_at() const;
    void remember(const Session& session);

    Entropy entropy_;
    Capture capture_;
    Comparer comparer_{store};
    std::pair<std::int64_t, std::int64_t> moved_before_;  ///< the comparison began: bytes sent, and received
    store::OwedProof owed_;
    SteadyMs prove_at_;
    SteadyMs prove_moving_at_;  ///< with a peer that is not in step
    SteadyMs prove_again_at_;
    bool is_inspected_ = false;  ///< as it is owed
    std::vector<std::int64_t> to_inspect_;
    std::optional<Inspector> inspector_;
    bool is_inspection_torn_ = false;  ///< a step of it failed, or it was asked for anew
    Damage damaged_;
    bool is_kept_ahead_ = false;      ///< by the future of another device, and has been told so
    std::set<DeviceId> proved_with_;  ///< without success, since it is owed
    /// Of other processes, which wait for the answers: with which peer, or with any.
    std::map<std::int64_t, std::optional<DeviceId>> verify_requests_;
    /// To requests that were done, or cannot be, until they are in the database: nothing is done twice for a lock.
    std::map<std::int64_t, Result<void>> answers_;
    std::optional<Verification> verified_;
    /// What each peer said last that it holds, also after it went away; as the database has it.
    store::Ledger::Receipts receipts_;
    std::deque<Event> unwritten_;  ///< events that are not in the database yet
    /// Each peer's session that was over last, until what is to be remembered of it is in the database.
    std::map<DeviceId, Session> gone_;
    std::deque<Waiting> waiting_;
    std::set<std::pair<DeviceId, std::uint32_t>> in_parts_;  ///< pulls whose answers come in several messages
    std::map<DeviceId, backfill::Breaker> breakers_;
    std::optional<BackfillStatus> backfill_;
    std::optional<backfill::Progress> progress_;
    std::int64_t backfill_received_ = 0;  ///< rows, in this backfill
    /// What its source held, by resource, when that went; empty: it is there, or went before a restart.
    std::optional<std::map<std::int64_t, watermarks::Coverage>> lost_;
    SteadyMs progress_told_at_;
    bool is_cut_owed_ = false;
    bool is_trial_;
    bool forgets_;
    std::optional<SteadyMs> forget_at_;  ///< receipts have risen since deletions were looked for
    bool look_owed_ = true;
    bool is_schema_owed_ = false;
    std::set<std::int64_t> retry_owed_;  ///< resources whose refused rows may find their way free now
    std::optional<std::pair<std::int64_t, Apply::Retry>> retry_;  ///< the walk under way
    SteadyMs retried_at_;
    bool figures_changed_ = true;
    SteadyMs figures_at_;
    SteadyMs traffic_at_;  ///< bytes alone are not to be written before
    std::optional<SteadyMs> due_at_;
    DeviceState written_state_ = DeviceState::uninitialized;
};

}  // namespace strandline::engine
