#include "engine/session.h"

#include <algorithm>

#include "engine/agreement.h"
#include "engine/limits.h"
#include "engine/text.h"
#include "planted/planted.h"

namespace strandline::engine {

using store::Resource;
using watermarks::Coverage;
using watermarks::Piece;

namespace {

/// Pings that wait for their answer; a peer that floods them is answered the newest.
constexpr std::size_t kPongsMax = 8;

/// Origins of a message as our own small numbers. A new one gets a number, which the caller's next
/// transaction keeps; until then nothing refers to it on disk.
std::vector<Origin> localized(store::Origins& origins, const std::vector<OriginId>& ids) {
    std::vector<Origin> numbers;
    numbers.reserve(ids.size());
    for (const OriginId& id : ids) numbers.push_back(origins.number(id));
    return numbers;
}

watermarks::Vector localized(const message::Vector& vector, const std::vector<Origin>& origins) {
    std::vector<watermarks::Vector::Entry> entries;
    for (const auto& [origin, hlc] : vector)
        entries.emplace_back(origins[static_cast<std::size_t>(origin)], hlc);
    return watermarks::Vector::from(std::move(entries));
}

Piece localized(const message::Piece& piece, const std::vector<Origin>& origins) {
    return {{piece.range.low, piece.range.high}, localized(piece.vector, origins)};
}

SteadyMs later(SteadyMs at, std::int64_t milliseconds) {
    return {at.value + milliseconds};
}

}  // namespace

Session::Session(DeviceId peer, store::Store& store, Now now)
    : peer_(peer), store_(store), last_said_(now.steady), last_heard_(now.steady), passed_(now.steady) {}

// --- what came ----------------------------------------------------------------------------------

void Session::hello(const message::Hello& hello, Now /*now*/) {
    if (their_hello_) return close("a second Hello");
    their_hello_ = hello;
}

void Session::have(const message::Have& have) {
    if (!their_hello_) return close("a Have before the Hello");
    if (state_ == SessionState::probing && !have.complete)
        return close("a partial Have before the complete one");
    const std::vector<Origin> origins = localized(store_.origins, have.origins);
    if (have.complete) {
        // Pushes that crossed it were dropped over there, and with them what they said of our watermarks.
        if (++heard_all_count_ > 1) told_.clear();
        told_all_at_ = 0;
        theirs_.clear();
        in_flight_.clear();
        asked_for_dropped.clear();
    }
    for (const message::Holding& holding : have.holdings) {
        std::vector<Piece> pieces;
        for (const message::Piece& piece : holding.pieces) pieces.push_back(localized(piece, origins));
        if (have.complete) {
            if (!watermarks::is_without_gaps(pieces))
                return close("a complete Have with gaps in " + holding.resource);
            Theirs theirs{holding.resource,
                          holding.device_owned ? Ownership::device_owned : Ownership::shared,
                          static_cast<std::int64_t>(holding.rows),
                          holding.key,
                          holding.dropped,
                          holding.waits,
                          Coverage(pieces),
                          Coverage(pieces),
                          localized(holding.forgotten, origins)};
            theirs_.push_back(std::move(theirs));
            continue;
        }
        Theirs* known = find_theirs(holding.resource);
        if (known == nullptr)
            return close("a Have of " + holding.resource + ", which the complete one did not name");
        known->rows = static_cast<std::int64_t>(holding.rows);
        known->forgotten.raise(localized(holding.forgotten, origins));
        for (const Piece& piece : pieces) {
            known->acknowledged.raise(piece.range, piece.vector);
            known->expected.raise(piece.range, piece.vector);
        }
    }
    land_acknowledged();
    if (state_ == SessionState::probing) state_ = SessionState::streaming;
}

bool Session::is_acknowledged(const Reader::Claim& claim) const {
    const Resource* resource = store_.catalog.find(claim.resource);
    const Theirs* known = resource != nullptr ? theirs(resource->name) : nullptr;
    return known == nullptr || known->acknowledged.dominates(claim.range, claim.vector);
}

void Session::land_acknowledged() {
    const auto has_landed = [&](const InFlight& sent) {
        return std::ranges::all_of(sent.claims,
                                   [&](const Reader::Claim& claim) { return is_acknowledged(claim); });
    };
    while (!in_flight_.empty() && has_landed(in_flight_.front())) in_flight_.pop_front();
    bytes_in_flight_ = 0;
    for (const InFlight& sent : in_flight_) bytes_in_flight_ += sent.bytes;
}

void Session::pull(const message::Pull& pull) {
    if (!is_ready()) return close("a Pull before the Have");
    if (serving_ && serving_->pull != 0) return close("a second Pull before the first was answered");
    const std::vector<Origin> origins = localized(store_.origins, pull.origins);
    std::vector<std::pair<std::int64_t, Piece>> wanted;
    std::set<std::int64_t> resources;
    bool is_delta = true;
    for (const message::Wanted& asked : pull.wanted) {
        const Resource* resource = store_.catalog.find(asked.resource);
        if (resource == nullptr || !resource->is_there)
            return close("a Pull of " + asked.resource + ", which is not tracked here");
        if (theirs(resource->name) != nullptr && !exchanges(*resource))
            return close("a Pull of " + asked.resource + ", which is another table there");
        if (!knows(message::kKnowsForgotten) && store_.forgotten(resource->id) != Coverage()) {
            return close("deletions of " + asked.resource +
                         " were forgotten here, which this version cannot be told; update it");
        }
        for (const message::Piece& piece : asked.pieces) {
            wanted.emplace_back(resource->id, localized(piece, origins));
            is_delta = is_delta && holds_others(wanted.back().second.vector);
        }
        resources.insert(resource->id);
    }
    // A push that is under way is let go: what it had left, the pull or the next Have brings.
    serving_.emplace(Serving{Reader(store_, wanted, is_delta), pull.number, std::move(resources)});
    push_due_.clear();
}

/// Whether somebody who asks with this vector was given something there before: it names others than the peer itself.
bool Session::holds_others(const watermarks::Vector& vector) const {
    return std::ranges::any_of(vector.entries(), [&](const watermarks::Vector::Entry& entry) {
        return store_.origins.id(entry.first).device != peer_;
    });
}

void Session::ping(const message::Ping& ping) {
    pongs_to_say_.push_back(ping.nonce);
    if (pongs_to_say_.size() > kPongsMax) pongs_to_say_.pop_front();
}

void Session::pong(const message::Pong& pong, Now now) {
    if (!ping_out_ || ping_out_->first != pong.nonce) return;
    rtt_ms_ = static_cast<double>(now.steady.value - ping_out_->second.value);
    ping_out_.reset();
}

bool Session::lies_in_asked(const message::Page& page) const {
    const Resource* resource = store_.catalog.find(page.resource);
    if (resource == nullptr || !asked_->wanted.contains(resource->id)) return false;
    const watermarks::Range range{page.range.low, page.range.high};
    return std::ranges::any_of(asked_->wanted.at(resource->id),
                               [&](const Piece& piece) { return intersect(piece.range, range) == range; });
}

bool Session::accepts_form(const message::Pages& pages) {
    if (!is_ready()) {
        close("Pages before the Have");
        return false;
    }
    if (pages.pull == 0) {
        is_push_under_way_ = !pages.last;
        // A push builds on what we had said when it was read; a complete Have that crossed it replaces that.
        if (pages.basis != said_all_count_) return false;
        for (const message::Page& page : pages.pages) {
            const Resource* resource = store_.catalog.find(page.resource);
            if (resource == nullptr) {
                close("a push of " + page.resource + ", which is not tracked here");
                return false;
            }
            if (theirs(resource->name) != nullptr && !exchanges(*resource)) {
                close("a push of " + page.resource + ", which is another table there");
                return false;
            }
        }
        return true;
    }
    if (!asked_ || asked_->number != pages.pull ||
        !std::ranges::all_of(pages.pages, [&](const auto& page) { return lies_in_asked(page); })) {
        close("Pages that nobody asked for");
        return false;
    }
    return true;
}

void Session::took(const message::Pages& pages) {
    for (const message::Page& page : pages.pages) {
        if (Theirs* known = find_theirs(page.resource)) {
            // What it sent, it has.
            std::vector<watermarks::Vector::Entry> entries;
            for (const auto& [origin, hlc] : page.vector) {
                entries.emplace_back(store_.origins.number(pages.origins[static_cast<std::size_t>(origin)]),
                                     hlc);
            }
            const auto vector = watermarks::Vector::from(std::move(entries));
            known->acknowledged.raise({page.range.low, page.range.high}, vector);
            known->expected.raise({page.range.low, page.range.high}, vector);
        }
    }
    if (pages.pull != 0 && pages.last) answered();
}

void Session::close(std::string reason) {
    if (state_ == SessionState::closed) return;
    state_ = SessionState::closed;
    close_reason_ = plain(std::move(reason), message::kReasonBytesMax);
    serving_.reset();
    asked_.reset();
    push_due_.clear();
    rows_due_.clear();
    compares_to_say_.clear();
}

void Session::leave(std::string reason) {
    close(std::move(reason));
    said_bye_ = true;
}

// --- what is to be said -------------------------------------------------------------------------

void Session::let_pass(Now now) {
    passed_ = now.steady;
    if (now.steady > later(last_heard_, kSilenceMaxMs))
        close("silent for " + std::to_string(kSilenceMaxMs / 1000) + " s");
}

std::optional<Message> Session::next_control(Now now) {
    let_pass(now);
    if (state_ == SessionState::closed) {
        if (std::exchange(said_bye_, true)) return std::nullopt;
        return message::Bye{close_reason_};
    }
    std::optional<Message> out;
    if (!std::exchange(said_hello_, true)) {
        out = message::Hello{store::read_device(store_.connection).name,
                             store_.origins.id(store_.self()).incarnation, now.wall,
                             message::kCompares | message::kKnowsForgotten};
    } else if (say_all_) {
        out = say_everything();
    } else if (!pongs_to_say_.empty()) {
        out = message::Pong{pongs_to_say_.front()};
        pongs_to_say_.pop_front();
    } else if (pull_to_say_) {
        out = say_pull();
    } else if (is_ready() && (!ping_out_ && (pings_ == 0 || now.steady >= later(last_said_, kPingEveryMs)))) {
        ping_out_ = {++pings_, now.steady};
        out = message::Ping{pings_};
    } else if (is_ready()) {
        out = say_news();
        if (!out && !compares_to_say_.empty() && !has_pages()) {
            out = std::move(compares_to_say_.front());
            compares_to_say_.pop_front();
        }
    }
    if (out) last_said_ = now.steady;
    return out;
}

void Session::ask(std::map<std::int64_t, std::vector<Piece>> wanted, bool is_backfill) {
    asked_ = Asked{++pulls_, std::move(wanted)};
    pull_to_say_ = true;
    if (is_backfill) state_ = SessionState::backfilling;
}

Message Session::say_pull() {
    pull_to_say_ = false;
    message::Pull pull{asked_ ? asked_->number : 0, {}, {}};
    OriginList origins(store_.origins);
    for (const auto& [id, pieces] : asked_->wanted) {
        message::Wanted wanted{store_.catalog.find(id)->name, {}};
        for (const Piece& piece : pieces)
            wanted.pieces.push_back({{piece.range.low, piece.range.high}, origins.indexed(piece.vector)});
        pull.wanted.push_back(std::move(wanted));
    }
    pull.origins = origins.take();
    return pull;
}

bool Session::is_level(const Resource& resource) const {
    const Theirs* known = theirs(resource.name);
    if (!is_ready() || !exchanges(resource)) return false;
    const Coverage& coverage = store_.coverage(resource.id);
    if (!coverage.is_whole() || !known->expected.is_whole()) return false;
    return known->expected.dominates(coverage) || is_planted(planted::Bug::push_own_only);
}

void Session::begin_push() {
    std::vector<std::pair<std::int64_t, Piece>> wanted;
    for (const std::int64_t id : push_due_) {
        const Resource* resource = store_.catalog.find(id);
        const Theirs* known = resource != nullptr ? theirs(resource->name) : nullptr;
        if (known == nullptr || !known->expected.is_whole()) continue;
        // What it lacks beyond that it asks for itself.
        if (!known->expected.dominates(store_.forgotten(id))) continue;
        wanted.emplace_back(id, known->expected.pieces().front());
    }
    constexpr bool kIsDelta = true;
    serving_.emplace(Serving{Reader(store_, wanted, kIsDelta), 0, std::move(push_due_)});
    push_due_.clear();
}

void Session::begin_sending_rows() {
    serving_.emplace(Serving{Reader(store_, std::exchange(rows_due_, {})), 0, {}});
}

std::optional<Message> Session::next_pages(Now now) {
    if (!serving_ && !push_due_.empty()) begin_push();
    if (!serving_) begin_sending_rows();
    message::Pages pages = serving_->reader.next();
    pages.pull = serving_->pull;
    if (is_planted(planted::Bug::push_own_only) && pages.pull == 0)
        planted::leave_out_others(pages, store_.origins.id(store_.self()));
    pages.basis = heard_all_count_;
    rows_in_last_ = serving_->reader.rows_in_last();
    for (const Reader::Claim& claim : serving_->reader.claims()) {
        const Resource* resource = store_.catalog.find(claim.resource);
        Theirs* known = resource != nullptr ? find_theirs(resource->name) : nullptr;
        if (known == nullptr) continue;
        known->expected.raise(claim.range, claim.vector);
        told_[claim.resource].raise(claim.range, claim.vector);
    }
    if (!serving_->reader.claims().empty()) {
        in_flight_.push_back({serving_->reader.claims(), serving_->reader.bytes_in_last()});
        bytes_in_flight_ += in_flight_.back().bytes;
    }
    const bool says_nothing = pages.pull == 0 && pages.pages.empty();
    if (serving_->reader.is_done()) serving_.reset();
    if (says_nothing) return std::nullopt;
    last_said_ = now.steady;
    return pages;
}

// --- what is so ---------------------------------------------------------------------------------

const Session::Theirs* Session::theirs(const std::string& resource) const {
    const auto is_it = [&](const Theirs& known) { return store::same_name(known.resource, resource); };
    auto at = std::ranges::find(theirs_, resource, &Theirs::resource);
    if (at == theirs_.end()) at = std::ranges::find_if(theirs_, is_it);
    return at != theirs_.end() ? &*at : nullptr;
}

bool Session::knows(std::uint64_t feature) const {
    return their_hello_ && (their_hello_->features & feature) == feature;
}

bool Session::exchanges(const Resource& resource) const {
    const Theirs* known = theirs(resource.name);
    return known != nullptr && find_ours(*known) != nullptr && known->is_exchanged;
}

/// Asked for every table with every message, so the answer is kept.
const Resource* Session::find_ours(const Theirs& theirs) const {
    if (theirs.found_at_load == store_.catalog.loads()) return theirs.ours;
    theirs.found_at_load = store_.catalog.loads();
    theirs.ours = store_.catalog.find(theirs.resource);
    theirs.is_exchanged = theirs.ours != nullptr && theirs.ours->is_there &&
                          disagreement(*theirs.ours, theirs.ownership, theirs.key).empty();
    return theirs.ours;
}

Session::Theirs* Session::find_theirs(const std::string& resource) {
    return const_cast<Theirs*>(std::as_const(*this).theirs(resource));
}

bool Session::is_in_step() const {
    if (!is_ready() || said_all_count_ == 0 || asked_ || is_push_under_way_ || has_pages()) return false;
    return std::ranges::all_of(theirs_, [&](const Theirs& known) {
        const Resource* resource = find_ours(known);
        if (!known.is_exchanged) return true;
        const Coverage& coverage = store_.coverage(resource->id);
        const auto told = told_.find(resource->id);
        return known.acknowledged.dominates(coverage) && coverage.dominates(known.acknowledged) &&
               told != told_.end() && told->second.dominates(coverage);
    });
}

std::optional<SteadyMs> Session::next_deadline() const {
    if (state_ == SessionState::closed) return std::nullopt;
    SteadyMs next = later(last_heard_, kSilenceMaxMs + 1);
    const SteadyMs ping = later(last_said_, kPingEveryMs);
    if (!ping_out_ && ping > passed_) next = std::min(next, ping);
    return next;
}

}  // namespace strandline::engine
