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

bool holds(const Wanted& wanted, std::int64_t resource, const watermarks::Range& range) {
    return std::ranges::any_of(wanted, [&](const auto& asked) {
        return asked.first == resource && std::ranges::any_of(asked.second, [&](const Piece& piece) {
                   return intersect(piece.range, range) == range;
               });
    });
}

/// Bytes of keys and values, and rows.
std::pair<std::size_t, std::size_t> size_of(const message::Pages& pages) {
    std::size_t bytes = 0;
    std::size_t rows = 0;
    for (const message::Page& page : pages.pages) {
        for (const message::Entry& entry : page.entries)
            bytes += entry.key.size() + store::bytes_of(entry.values);
        rows += page.entries.size();
    }
    return {bytes, rows};
}

SteadyMs later(SteadyMs at, std::int64_t milliseconds) {
    return {at.value + milliseconds};
}

}  // namespace

Session::Session(DeviceId peer, store::Store& store, Now now, bool is_trial)
    : peer_(peer),
      store_(store),
      is_trial_(is_trial),
      last_said_(now.steady),
      last_heard_(now.steady),
      passed_(now.steady) {}

// --- what came ----------------------------------------------------------------------------------

void Session::hello(const message::Hello& hello, Now now) {
    if (their_hello_) return close("a second Hello");
    their_hello_ = hello;
    hello_at_ = now.steady;
}

void Session::have(const message::Have& have, bool pages_wait) {
    if (!their_hello_) return close("a Have before the Hello");
    if (state_ == SessionState::probing && !have.complete)
        return close("a partial Have before the complete one");
    const std::vector<Origin> origins = localized(store_.origins, have.origins);
    std::vector<Theirs> before;
    if (have.complete) {
        // Pushes that crossed it were dropped over there, and with them what they said of our watermarks.
        if (++heard_all_count_ > 1) told_.clear();
        told_all_at_ = 0;
        before = std::exchange(theirs_, {});
        holds_any_more_ = differs_ = {};
        theirs_of_.clear();
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
                          {},
                          holding.waits,
                          Coverage(pieces),
                          Coverage(pieces),
                          localized(holding.forgotten, origins),
                          Coverage(pieces).floor()};
            theirs_.push_back(std::move(theirs));
            continue;
        }
        Theirs* known = find_theirs(holding.resource);
        if (known == nullptr)
            return close("a Have of " + holding.resource + ", which the complete one did not name");
        known->rows = static_cast<std::int64_t>(holding.rows);
        if (!holding.cuts.empty()) known->cuts = holding.cuts;
        known->forgotten.raise(localized(holding.forgotten, origins));
        for (const Piece& piece : pieces) {
            acknowledge(*known, piece.range, piece.vector);
        }
        if (const Resource* resource = find_ours(*known))
            known->acknowledged.share(store_.coverage(resource->id));
        known->expected.share(known->acknowledged);
        if (!holding.forgotten.empty()) known->held_forgetting = known->acknowledged.floor();
    }
    if (!pages_wait) {
        pages_taken();
    } else if (have.complete) {
        for (const Theirs& old : before) {
            if (Theirs* known = find_theirs(old.resource)) known->acknowledged_then = old.acknowledged_then;
        }
    }
    if (have.complete) find_cuts_due();
    land_acknowledged();
    if (state_ == SessionState::probing) state_ = SessionState::streaming;
}

void Session::pages_taken() {
    for (Theirs& known : theirs_) known.acknowledged_then = known.acknowledged;
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
            if (theirs(*resource) != nullptr && !exchanges(*resource)) {
                close("a push of " + page.resource + ", which is another table there");
                return false;
            }
        }
        return true;
    }
    const Asking::Pull* asked = asking_.find(pages.pull);
    const auto lies_in_asked = [&](const message::Page& page) {
        const Resource* resource = store_.catalog.find(page.resource);
        return resource != nullptr && holds(asked->wanted, resource->id, {page.range.low, page.range.high});
    };
    if (asked == nullptr || !asked->is_said || !std::ranges::all_of(pages.pages, lies_in_asked)) {
        close("Pages that nobody asked for");
        return false;
    }
    return true;
}

void Session::took(const message::Pages& pages, Now now) {
    if (const Asking::Pull* pull = asking_.find(pages.pull)) {
        const auto [bytes, rows] = size_of(pages);
        pace_.count(bytes, rows, now.steady.value - pull->heard_at.value);
    }
    for (const message::Page& page : pages.pages) {
        const Resource* resource = store_.catalog.find(page.resource);
        if (resource != nullptr && !page.vector.empty())
            asking_.brought(pages.pull, resource->id, {page.range.low, page.range.high}, now);
        if (Theirs* known = find_theirs(page.resource)) {
            // What it sent, it has.
            std::vector<watermarks::Vector::Entry> entries;
            for (const auto& [origin, hlc] : page.vector) {
                entries.emplace_back(store_.origins.number(pages.origins[static_cast<std::size_t>(origin)]),
                                     hlc);
            }
            const auto vector = watermarks::Vector::from(std::move(entries));
            acknowledge(*known, {page.range.low, page.range.high}, vector);
            known->acknowledged_then.raise({page.range.low, page.range.high}, vector);
        }
    }
    if (pages.pull != 0 && pages.last) answered(pages.pull);
}

void Session::close(std::string reason) {
    if (state_ == SessionState::closed) return;
    state_ = SessionState::closed;
    close_reason_ = plain(std::move(reason), message::kReasonBytesMax);
    serving_.clear();
    asking_.clear();
    waives_to_say_.clear();
    push_due_.clear();
    rows_due_.clear();
    compares_to_say_.clear();
    fetches_due_.clear();
    fetching.clear();
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
        out = message::Hello{
            store::read_device(store_.connection).name, store_.origins.id(store_.self()).incarnation,
            now.wall, message::kWaives | message::kCompares | message::kKnowsForgotten | message::kParts};
    } else if (say_all_) {
        out = say_everything();
    } else if (!members_to_say_.empty()) {
        out = say_members();
    } else if (!pongs_to_say_.empty()) {
        out = message::Pong{pongs_to_say_.front()};
        pongs_to_say_.pop_front();
    } else if (const Asking::Pull* pull = asking_.next_to_say()) {
        out = say_pull(*pull);
    } else if (auto fetch = fetching.next_to_say(store_.whole_value_bytes)) {
        out = *fetch;
    } else if (!waives_to_say_.empty()) {
        out = std::move(waives_to_say_.front());
        waives_to_say_.pop_front();
    } else if (is_ready() && (!ping_out_ && (pings_ == 0 || now.steady >= later(last_said_, kPingEveryMs)))) {
        ping_out_ = {++pings_, now.steady};
        out = message::Ping{pings_};
    } else if (is_ready()) {
        out = say_cuts();
        if (!out) out = say_news();
        if (!out && !compares_to_say_.empty() && !has_pages()) {
            out = std::move(compares_to_say_.front());
            compares_to_say_.pop_front();
        }
    }
    if (out) last_said_ = now.steady;
    return out;
}

void Session::ask(Wanted wanted, PullLength length, Now now) {
    asking_.begin(length, std::move(wanted), now);
    if (length == PullLength::is_long) state_ = SessionState::backfilling;
}

void Session::leave_to_others(std::uint32_t pull, std::int64_t resource, const watermarks::Range& range) {
    waives_to_say_.push_back({pull, store_.catalog.find(resource)->name, {range.low, range.high}});
    asking_.waive(pull, resource, range);
}

Message Session::say_pull(const Asking::Pull& pull) {
    message::Pull said{pull.number, {}, {}};
    OriginList origins(store_.origins);
    for (const auto& [id, pieces] : pull.wanted) {
        message::Wanted wanted{store_.catalog.find(id)->name, {}};
        for (const Piece& piece : pieces)
            wanted.pieces.push_back({{piece.range.low, piece.range.high}, origins.indexed(piece.vector)});
        std::ranges::sort(wanted.pieces, {}, [](const message::Piece& piece) { return piece.range.low; });
        said.wanted.push_back(std::move(wanted));
    }
    said.origins = origins.take();
    return said;
}

// --- what is so ---------------------------------------------------------------------------------

bool Session::knows(std::uint64_t features) const {
    return their_hello_ && (their_hello_->features & features) == features;
}

bool Session::may_ask(PullLength length) const {
    return is_ready() && asking_.find(length) == nullptr && (asking_.empty() || knows(message::kWaives));
}

/// Asked for every table with every message, so the answer is kept.
const Session::Theirs* Session::theirs(const Resource& resource) const {
    if (theirs_of_load_ != store_.catalog.loads()) theirs_of_.clear();
    theirs_of_load_ = store_.catalog.loads();
    const auto known = std::ranges::find(theirs_of_, resource.id, &decltype(theirs_of_)::value_type::first);
    if (known != theirs_of_.end()) return known->second;
    return theirs_of_.emplace_back(resource.id, named(resource.name)).second;
}

bool Session::exchanges(const Resource& resource) const {
    const Theirs* known = theirs(resource);
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

const Session::Theirs* Session::named(const std::string& resource) const {
    const auto is_it = [&](const Theirs& known) { return store::same_name(known.resource, resource); };
    auto at = std::ranges::find(theirs_, resource, &Theirs::resource);
    if (at == theirs_.end()) at = std::ranges::find_if(theirs_, is_it);
    return at != theirs_.end() ? &*at : nullptr;
}

Session::Theirs* Session::find_theirs(const std::string& resource) {
    return const_cast<Theirs*>(named(resource));
}

void Session::acknowledge(Theirs& theirs, const watermarks::Range& range, const watermarks::Vector& vector) {
    theirs.acknowledged.raise(range, vector);
    theirs.expected.raise(range, vector);
    theirs.expected.share(theirs.acknowledged);
    theirs.weighed_at = 0;
    holds_any_more_ = differs_ = {};
}

/// Asked of every peer and table with every message, and vectors of a large group are long: so the answer is kept.
void Session::weigh(const Theirs& theirs, const Resource& resource) const {
    const std::uint64_t changed_at = store_.coverage_changed_at(resource.id);
    if (theirs.weighed_at == changed_at) return;
    theirs.weighed_at = changed_at;
    const Coverage& coverage = store_.coverage(resource.id);
    theirs.holds_ours = theirs.acknowledged.dominates(coverage);
    theirs.holds_more = !coverage.dominates(theirs.acknowledged);
}

bool Session::holds_more(const Theirs& theirs) const {
    const Resource* resource = find_ours(theirs);
    if (!theirs.is_exchanged) return false;
    weigh(theirs, *resource);
    return theirs.holds_more;
}

/// Asked of every peer whenever time passes, and nearly always it is as it was.
template <typename Find>
bool Session::keep(Kept& kept, Find find) const {
    if (kept.at != store_.coverage_changes() || kept.at_load != store_.catalog.loads())
        kept = {store_.coverage_changes(), store_.catalog.loads(), std::ranges::any_of(theirs_, find)};
    return kept.is_so;
}

bool Session::holds_any_more() const {
    return keep(holds_any_more_, [&](const Theirs& known) { return holds_more(known); });
}

bool Session::is_level() const {
    return !keep(differs_, [&](const Theirs& known) {
        const Resource* resource = find_ours(known);
        if (!known.is_exchanged) return false;
        weigh(known, *resource);
        return !known.holds_ours || known.holds_more;
    });
}

bool Session::is_in_step() const {
    if (!is_ready() || said_all_count_ == 0 || !asking_.empty() || is_push_under_way_ || has_pages() ||
        !fetching.empty() || !referred_.empty() || !is_level())
        return false;
    if (told_all_at_ == store_.coverage_changes()) return true;
    return std::ranges::all_of(theirs_, [&](const Theirs& known) {
        const Resource* resource = find_ours(known);
        if (!known.is_exchanged) return true;
        const auto told = told_.find(resource->id);
        return told != told_.end() && told->second.dominates(store_.coverage(resource->id));
    });
}

bool Session::is_nearly_in_step() const {
    if (is_in_step()) return true;
    if (!is_ready() || said_all_count_ == 0 || asking_.find(PullLength::is_long) != nullptr ||
        !fetching.empty() || !referred_.empty())
        return false;
    return std::ranges::none_of(theirs_, [&](const Theirs& known) {
        const Resource* resource = find_ours(known);
        if (!known.is_exchanged) return false;
        weigh(known, *resource);
        return !known.holds_ours &&
               store_.stamps.count_since(resource->id, known.acknowledged.floor(),
                                         store_.origins.ids().size(), kMovingRowsMax) == kMovingRowsMax;
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
