#include <algorithm>

#include "engine/device.h"
#include "engine/limits.h"

// Device, continued: comparisons with peers.
namespace strandline::engine {

using store::Transaction;

namespace {

constexpr const char* kDamaged =
    "deleted or altered behind Strandline's back: triggers were switched off, or the file was edited. They "
    "are asked of the peers, as they were written";
constexpr const char* kUnknown = "put in behind Strandline's back; they count as written now";

std::string rows_of(std::int64_t rows, const char* what) {
    return std::to_string(rows) + (rows == 1 ? " row " : " rows ") + what;
}

std::string sentence(const Verification& found) {
    std::string text = "compared: ";
    if (found.rows > 0) {
        text += rows_of(found.rows, "differed") + (found.is_same ? ", and are the same now" : "");
    } else {
        text += found.is_same ? "the same" : "not all is known to be the same";
    }
    if (found.damaged > 0)
        text +=
            "; " + rows_of(found.mended, "mended") + " of " + std::to_string(found.damaged) + " damaged here";
    if (found.is_same && !found.is_all)
        text += "; left out are rows that were written all the while, or wait for their time";
    for (const std::string& left : found.left) text += "; " + left;
    return text;
}

Error not_connected(const DeviceId& peer) {
    return {Category::network,
            "this device is not connected to device " + short_hex(peer) +
                ", so nothing was proved with it; have the process that runs this device dial it (strandline "
                "run DB --peer HOST:PORT), or try again when it is back",
            Retry::later};
}

}  // namespace

// --- what is owed -------------------------------------------------------------------------------

/// A life that did not end in an orderly way may have ended on a disk that fails: what is there is to be proved.
void Device::note_opening(Now now) {
    prove_at_ = SteadyMs{now.steady.value + kProofAfterMs};
    Transaction transaction(store.connection);
    if (store::set_open(store.connection, true)) owe(store::Proof::deep);
    store.parts.drop_before(WallMs{now.wall.value - kStagedForMs});
    transaction.commit();
}

void Device::close() {
    Transaction transaction(store.connection);
    put_figures();
    store::set_open(store.connection, false);
    transaction.commit();
}

void Device::owe(store::Proof proof) {
    if (proof == store::Proof::deep) {
        is_inspected_ = false;
        is_inspection_torn_ = true;  // What was read before it was asked for proves nothing.
    }
    if (proof <= owed_.what) return;
    owed_.what = proof;
    store::write_owed(store.connection, owed_);
}

void Device::verify(store::Proof proof, Now now) {
    owe_durably(proof);
    begin_proof(now);
}

void Device::owe_durably(store::Proof proof) {
    Transaction transaction(store.connection);
    owe(proof);
    transaction.commit();
}

void Device::begin_proof(Now now) {
    prove_at_ = now.steady;
    prove_moving_at_ = SteadyMs{now.steady.value + kStepPatienceMs};
    proved_with_.clear();
    verified_.reset();
    prove(now);
    compare(now);
}

/// Another process asks for a proof, with the peer that it names, or with any.
Result<void> Device::begin_verify(std::int64_t number, const std::vector<std::string>& arguments, Now now) {
    std::optional<DeviceId> with;
    if (arguments.size() > 1) {
        const auto peer = device_id_from_hex(arguments[1]);
        if (!peer) return tl::unexpected(peer.error());
        if (!sessions.contains(*peer)) return tl::unexpected(not_connected(*peer));
        with = *peer;
    }
    const bool is_deep = !arguments.empty() && arguments.front() == "deep";
    owe_durably(is_deep ? store::Proof::deep : store::Proof::shallow);
    verify_requests_.emplace(number, with);
    begin_proof(now);
    return {};
}

/// Requests for a proof with a peer that is gone.
void Device::answer_lost(const DeviceId& peer) {
    std::erase_if(verify_requests_, [&](const auto& request) {
        if (request.second == peer) answers_.emplace(request.first, tl::unexpected(not_connected(peer)));
        return request.second == peer;
    });
}

bool Device::is_asked_to_prove_with(const DeviceId& peer) const {
    return verify_requests_.empty() || std::ranges::any_of(verify_requests_, [&](const auto& request) {
               return !request.second || *request.second == peer;
           });
}

/// A step of what is owed: first our own rows are read, then others are asked.
void Device::prove(Now now) {
    if (owed_.what == store::Proof::none) {
        const std::int64_t since = now.wall.value - owed_.verified.value;
        if (since >= 0 && since < kProofEveryMs) return;
        owe_durably(store::Proof::shallow);
    }
    if (now.steady < prove_at_) return;
    if (!proved_with_.empty() && now.steady >= prove_again_at_) proved_with_.clear();
    meet_schema(now);
    if (is_inspecting()) return inspect(now);
    const auto begin = [&](const auto& entry) {
        moved_before_ = {bytes_sent(), bytes_received()};
        comparer_.begin(entry.first, damaged_, now);
    };
    const auto level = std::ranges::find_if(sessions, [&](const auto& entry) {
        return may_begin_comparison(entry.second) && entry.second.is_in_step();
    });
    if (level != sessions.end()) return begin(*level);
    if (now.steady < prove_moving_at_) return;
    prove_moving_at_ = SteadyMs{now.steady.value + kStepPatienceMs};
    const auto nearly = std::ranges::find_if(sessions, [&](const auto& entry) {
        return may_begin_comparison(entry.second) && entry.second.is_nearly_in_step();
    });
    if (nearly != sessions.end()) begin(*nearly);
}

bool Device::may_begin_comparison(const Session& session) const {
    return owed_.what != store::Proof::none && !is_inspecting() && !comparer_.is_busy() &&
           session.knows(message::kCompares) && !proved_with_.contains(session.peer()) &&
           is_asked_to_prove_with(session.peer());
}

/// In the transaction of the comparison's last step.
void Device::conclude(const Verification& found, Now now) {
    tell(EventKind::verified, now, {}, to_hex(found.peer), sentence(found), found.rows + found.damaged);
    write_events();
    if (is_inspecting()) return;  // More than that has been asked for meanwhile.
    std::size_t answered = 0;
    for (const auto& [number, with] : verify_requests_) {
        if (with && *with != found.peer) continue;
        if (found.is_same) {
            store.ledger.answer_verify(number, found);
        } else {
            store.ledger.answer_request(number, failure(Category::storage, sentence(found)));
        }
        ++answered;
    }
    // While somebody waits for a proof with another peer, it stays owed.
    if (found.is_same && answered == verify_requests_.size())
        store::write_owed(store.connection, {store::Proof::none, now.wall});
}

std::int64_t Device::bytes_sent() {
    return store.ledger.traffic("sent").bytes + sent.bytes;
}

std::int64_t Device::bytes_received() {
    return store.ledger.traffic("received").bytes + received.bytes;
}

// --- reading the rows ---------------------------------------------------------------------------

void Device::inspect(Now now) {
    const auto level = level_peers();
    Capture::Found found;
    fold();
    Transaction transaction(store.connection);
    fold_within(found, kFoldRowsMax);
    if (std::exchange(is_inspection_torn_, true)) {
        inspector_.reset();
        to_inspect_.clear();
    }
    if (!inspector_ && to_inspect_.empty()) {
        damaged_.clear();
        comparer_.abandon();
        for (const store::Resource& resource : store.catalog.resources()) to_inspect_.push_back(resource.id);
    }
    if (!inspector_ && !to_inspect_.empty()) {
        inspector_.emplace(store, to_inspect_.back());
        to_inspect_.pop_back();
    }
    const bool has_more = inspector_ && inspector_->step(kInspectedRowsMax);
    const store::Resource* resource = inspector_ ? store.catalog.find(inspector_->resource()) : nullptr;
    if (resource != nullptr) {
        const std::set<std::string> unknown = inspector_->take_unknown();
        capture_.adopt(*resource, unknown, now, found);
        tell_damaged(*resource, unknown.size(), kUnknown, now);
        if (!has_more) tell_damaged(*resource, inspector_->damaged().size(), kDamaged, now);
    }
    transaction.commit();
    is_inspection_torn_ = false;
    push_found(found, level);
    if (has_more) return;
    if (resource != nullptr && !inspector_->damaged().empty()) damaged_[resource->id] = inspector_->damaged();
    inspector_.reset();
    is_inspected_ = to_inspect_.empty();
}

void Device::tell_damaged(const store::Resource& resource, std::size_t rows, const char* what, Now now) {
    if (rows == 0) return;
    const auto count = static_cast<std::int64_t>(rows);
    tell(EventKind::damaged, now, resource.name, {}, rows_of(count, what), count);
    write_events();
}

// --- comparisons --------------------------------------------------------------------------------

template <typename Step>
void Device::compare_within(Session& session, Now now, const Step& step) {
    const auto level = level_peers();
    Capture::Found found;
    fold();
    Transaction transaction(store.connection);
    fold_within(found, kFoldRowsMax);
    Comparer::Step done = step();
    if (done.done) {
        done.done->bytes_sent = bytes_sent() - moved_before_.first;
        done.done->bytes_received = bytes_received() - moved_before_.second;
        conclude(*done.done, now);
    }
    transaction.commit();
    tempo.stepped({}, now.steady, false);
    push_found(found, level);
    if (done.done && !is_inspecting()) {
        verified_ = done.done;
        std::erase_if(verify_requests_, [&](const auto& request) {
            return !request.second || *request.second == session.peer();
        });
        damaged_ = done.talk->damaged;
        proved_with_.insert(session.peer());
        prove_again_at_ = SteadyMs{now.steady.value + kProofAgainMs};
        if (done.done->is_same) {
            owed_ = store::read_owed(store.connection);
            proved_with_.clear();
            damaged_.clear();
            if (owed_.what == store::Proof::none) is_inspected_ = false;
        }
    }
    comparer_.keep(session, std::move(done));
}

void Device::take_compare(Session& session, const message::Compare& compare, Now now) {
    if (!session.is_ready()) return session.close("a Compare before the Have");
    const Comparer::Waiting waiting = comparer_.waiting(session.peer());
    if (waiting.questions >= kQuestionsWaitingMax || waiting.bytes > kQuestionBytesMax)
        return session.close("more than " + std::to_string(kQuestionsWaitingMax) + " questions, or " +
                             std::to_string(kQuestionBytesMax) + " bytes of them, before one was answered");
    compare_within(session, now, [&] { return comparer_.take(session, compare, now); });
}

void Device::compare(Now now) {
    if (now.steady < tempo.next_at()) return;
    for (auto& entry : sessions) {
        Session& session = entry.second;
        if (comparer_.has_work(session, now))
            compare_within(session, now, [&] { return comparer_.step(session, now); });
    }
}

/// What came without a claim, and was not held back, is what a comparison has found.
void Device::note_repaired(const Session& session, const message::Pages& pages) {
    if (!comparer_.is_busy_with(session.peer())) return;
    for (const message::Page& page : pages.pages) {
        const store::Resource* resource = store.catalog.find(page.resource);
        if (!page.vector.empty() || resource == nullptr) continue;
        for (const message::Entry& entry : page.entries)
            comparer_.came(session.peer(), resource->id, entry.key);
    }
}

}  // namespace strandline::engine
