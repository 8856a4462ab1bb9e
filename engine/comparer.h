#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <strandline/engine.h>
#include <strandline/message.h>

#include "backfill/reconciler.h"
#include "engine/fingerprinter.h"
#include "engine/session.h"
#include "engine/store/store.h"

namespace strandline::engine {

/// About what a word of a comparison has in memory.
[[nodiscard]] std::size_t bytes_of(const message::Compare& compare);

/// Ranges without overlaps: where each begins, and ends.
using Ranges = std::map<std::string, std::optional<std::string>>;

/// Keys of rows, by resource.
using Damage = std::map<std::int64_t, std::set<std::string>>;

///   idle ──begin()──▶ summing up ──▶ asking ⇄ answered ──nothing differed──▶ done
///                         ▲                       │ rows did, and were sent both ways, or were on their way
///                         └───────────────────────┘ again, where they are
///
/// Comparisons with peers: whether both hold the same, where not, and what is to be sent so that they do.
///
/// The one that asks remembers how far it is; the one that answers remembers nothing. Both may be written to meanwhile: ranges whose
/// sums are equal hold the same, whatever the two claim to hold. Of rows that differ only those are sent that both
/// have said to hold; the rest is on its way, and its ranges are compared once more.
///
/// A step reads and sums up in its caller's transaction, in which the journal is empty, and changes nothing here: what
/// follows from it is handed to keep() once that is committed.
class Comparer {
public:
    explicit Comparer(store::Store& store) : store_(store) {}

    /// How a comparison with one peer stands.
    struct Talk {
        Verification found;
        int passes = 0;
        /// Numbers of questions, which are answered in their order: the last that was asked, the last that was answered, and the
        /// one with whose answer a round ends.
        std::uint32_t asked = 0;
        std::uint32_t answered = 0;
        std::uint32_t round_end = 0;
        std::deque<std::set<std::string>>
            asked_tables;  ///< by each question that is out: all are to be named in its answer
        SteadyMs since;
        /// By table, as this pass began: digests of its columns and of what was forgotten (where others are said, rows
        /// cannot be compared), and what the peer had acknowledged (a row with more than that may be on its way to it).
        std::map<std::string, std::string> columns;
        std::map<std::string, std::string> forgotten;
        std::map<std::string, watermarks::Coverage> acknowledged;
        std::set<std::string> unclear;  ///< tables in which rows were not compared
        bool is_different = false;
        std::map<std::string, Ranges>
            unproved;  ///< by table, where it is not known yet that both hold the same
        std::map<std::string, Ranges> listed;  ///< where this pass has come down to rows
        int vain = 0;  ///< passes that found nothing that differed but what is on its way
        std::map<std::string, std::vector<message::Stretch>> open;  ///< what is still to be looked into
        std::map<std::string, std::string> left;              ///< tables that could not be compared, and why
        std::set<std::pair<std::int64_t, std::string>> rows;  ///< that differed
        std::map<std::int64_t, std::set<std::string>>
            wanted;      ///< of rows that were asked for, what their keys' digests begin with
        Damage damaged;  ///< rows of ours that the peer is asked for

        [[nodiscard]] bool is_asking() const { return asked != answered; }
        /// What an answer says of a table; `is_clear`: rows can be compared. The keys of rows that the peer is to be sent.
        [[nodiscard]] std::set<std::string> take_in(const store::Resource& resource,
                                                    std::vector<message::Stretch> heard, bool is_clear,
                                                    Fingerprinter& held);
    };
    /// What a step comes to.
    struct Step {
        std::vector<message::Compare> say;
        std::map<std::int64_t, std::set<std::string>> send;
        std::optional<Talk> talk;
        bool answers = false;   ///< the peer's question is dealt with
        bool gives_up = false;  ///< the peer has fallen behind: another may be asked, or this one later
        std::optional<Verification> done;
    };

    /// Compares all tables with this peer, as soon as the peer lacks little of what we hold; and asks it for rows that
    /// are damaged here.
    void begin(const DeviceId& peer, const Damage& damaged, Now now);
    [[nodiscard]] bool is_busy() const { return !talks_.empty(); }
    [[nodiscard]] bool is_busy_with(const DeviceId& peer) const { return talks_.contains(peer); }
    struct Waiting {
        std::size_t questions = 0;
        std::size_t bytes = 0;
    };
    /// Of a peer's questions, those that have no answer yet.
    [[nodiscard]] Waiting waiting(const DeviceId& peer) const;
    /// Takes in what a peer said. A question waits for the next step() of that peer.
    Step take(Session& session, const message::Compare& compare, Now now);
    /// Whether step() has something to do for this peer.
    [[nodiscard]] bool has_work(const Session& session, Now now) const;
    Step step(Session& session, Now now);
    void keep(Session& session, Step step);
    void forget(const DeviceId& peer);
    /// Ends the comparisons that we began: they know nothing of what is found by reading our rows from now on.
    void abandon() { talks_.clear(); }
    /// Whole rows came from the peer, which claim nothing.
    void came(const DeviceId& peer, std::int64_t resource, const std::string& key);
    /// When has_work() may become true by itself.
    [[nodiscard]] std::optional<SteadyMs> next_deadline(const Session& session) const;

private:
    [[nodiscard]] Step answer(Session& session, const message::Compare& question);
    [[nodiscard]] Step hear(const Talk& talk, const message::Compare& answer, Now now);
    /// The next questions, the next pass, or the end.
    void go_on(Step& step, Now now);
    [[nodiscard]] message::Compare next_question(Talk& talk) const;
    void ask_for_damaged(Talk& talk);
    [[nodiscard]] bool sum_up(const Session& session, std::size_t rows_max);
    [[nodiscard]] message::Comparison comparison(const store::Resource& resource,
                                                 const Fingerprinter& held) const;

    store::Store& store_;
    std::map<DeviceId, Talk> talks_;
    std::uint32_t last_number_ =
        0;  ///< of a question: an answer that comes late is to none of another comparison
    std::map<DeviceId, std::deque<message::Compare>> questions_;  ///< of peers, that wait for an answer
};

}  // namespace strandline::engine
