#include <algorithm>
#include <utility>

#include "engine/limits.h"
#include "engine/merge.h"
#include "engine/session.h"
#include "planted/planted.h"

// Session, continued: what the peer is sent, and what of it is on its way.
namespace strandline::engine {

using store::Resource;
using watermarks::Piece;
using watermarks::Range;

void Session::pull(const message::Pull& pull) {
    if (!is_ready()) return close("a Pull before the Have");
    const auto is_of = [&](const Serving& serving) { return serving.pull == pull.number; };
    if (std::ranges::any_of(serving_, is_of)) return close("a second Pull of one number");
    const auto pulls =
        std::ranges::count_if(serving_, [](const Serving& serving) { return serving.pull != 0; });
    if (pulls >= 2) return close("a third Pull before one of two was answered");
    const std::vector<Origin> origins = localized(store_.origins, pull.origins);
    std::vector<std::pair<std::int64_t, Piece>> wanted;
    std::set<std::int64_t> resources;
    bool is_delta = true;
    for (const message::Wanted& asked : pull.wanted) {
        const Resource* resource = store_.catalog.find(asked.resource);
        if (resource == nullptr || !resource->is_there)
            return close("a Pull of " + asked.resource + ", which is not tracked here");
        if (theirs(*resource) != nullptr && !exchanges(*resource))
            return close("a Pull of " + asked.resource + ", which is another table there");
        if (!knows(message::kKnowsForgotten) && store_.forgotten(resource->id) != watermarks::Coverage()) {
            return close("deletions of " + asked.resource +
                         " were forgotten here, which this version cannot be told; update it");
        }
        for (const message::Piece& piece : asked.pieces) {
            wanted.emplace_back(resource->id, localized(piece, origins));
            is_delta = is_delta && holds_others(wanted.back().second.vector);
        }
        resources.insert(resource->id);
    }
    let_push_go(resources);
    serving_.push_back({Reader(store_, wanted, is_delta), pull.number, std::move(resources)});
}

/// Whether somebody who asks with this vector was given something there before: it names others than the peer itself.
bool Session::holds_others(const watermarks::Vector& vector) const {
    return std::ranges::any_of(vector.entries(), [&](const watermarks::Vector::Entry& entry) {
        return store_.origins.id(entry.first).device != peer_;
    });
}

void Session::waive(const message::Waive& waive) {
    if (!is_ready()) return close("a Waive before the Have");
    const Resource* resource = store_.catalog.find(waive.resource);
    // What is answered already, or untracked since, cannot be waived any more.
    const auto serving = std::ranges::find(serving_, waive.pull, &Serving::pull);
    if (waive.pull == 0 || serving == serving_.end() || resource == nullptr) return;
    serving->reader.leave_out(resource->id, {waive.range.low, waive.range.high});
}

/// Who lacks much of a large table is told where it can be cut, in case that others have it too.
void Session::find_cuts_due() {
    cuts_due_.clear();
    if (!knows(message::kWaives)) return;
    for (const Theirs& known : theirs_) {
        const Resource* resource = store_.catalog.find(known.resource);
        if (resource == nullptr || !exchanges(*resource)) continue;
        weigh(known, *resource);
        if (known.holds_ours) continue;
        const std::int64_t rows = store_.catalog.rows(resource->id);
        const bool is_new_to_it = std::ranges::any_of(
            known.acknowledged.pieces(), [&](const Piece& piece) { return !holds_others(piece.vector); });
        if (rows >= 2 * kCutRowsMin && (is_new_to_it || known.rows < rows / 2))
            cuts_due_.insert(resource->id);
    }
}

std::optional<Message> Session::say_cuts() {
    message::Have have;
    OriginList origins(store_.origins);
    for (const std::int64_t id : std::exchange(cuts_due_, {})) {
        const Resource* resource = store_.catalog.find(id);
        if (resource == nullptr || !resource->is_there) continue;
        const std::int64_t rows = store_.catalog.rows(id);
        const auto each = std::max(kCutRowsMin, rows / static_cast<std::int64_t>(kCutsMax + 1));
        auto cuts = store_.stamps.cuts(id, each, kCutsMax);
        std::erase_if(cuts, [](const std::string& cut) { return cut.size() > kCutBytesMax; });
        if (cuts.empty()) continue;
        // It offers no more than was offered: a push may be about to bring the rest.
        have.holdings.push_back(holding(*resource, told_[id].pieces(), origins));
        have.holdings.back().cuts = std::move(cuts);
    }
    if (have.holdings.empty()) return std::nullopt;
    have.origins = origins.take();
    return have;
}

/// What it had left, the pull or the next Have brings.
void Session::let_push_go(const std::set<std::int64_t>& resources) {
    const auto is_touched = [&](std::int64_t resource) { return resources.contains(resource); };
    std::erase_if(push_due_, [&](const auto& due) { return is_touched(due.first); });
    std::erase_if(serving_, [&](const Serving& serving) {
        return serving.pull == 0 && std::ranges::any_of(serving.resources, is_touched);
    });
}

std::vector<Range> Session::level_ranges(const Resource& resource) const {
    const Theirs* known = theirs(resource);
    std::vector<Range> level;
    if (!is_ready() || !exchanges(resource)) return level;
    for (const Piece& piece : known->expected.pieces()) {
        const bool is_level =
            std::ranges::all_of(store_.coverage(resource.id).pieces(), [&](const Piece& mine) {
                return !intersect(mine.range, piece.range) || piece.vector.dominates(mine.vector);
            });
        if (is_level || is_planted(planted::Bug::push_own_only)) level.push_back(piece.range);
    }
    return level;
}

void Session::push(std::int64_t resource, const std::vector<Range>& ranges) {
    auto& due = push_due_[resource];
    due.insert(due.end(), ranges.begin(), ranges.end());
}

bool Session::is_pushing(std::int64_t resource) const {
    return push_due_.contains(resource) || std::ranges::any_of(serving_, [&](const Serving& serving) {
               return serving.pull == 0 && serving.resources.contains(resource);
           });
}

void Session::begin_push() {
    std::vector<std::pair<std::int64_t, Piece>> wanted;
    std::set<std::int64_t> resources;
    for (const auto& [id, ranges] : push_due_) {
        const Resource* resource = store_.catalog.find(id);
        const Theirs* known = resource != nullptr ? theirs(*resource) : nullptr;
        if (known == nullptr) continue;
        resources.insert(id);
        for (const Piece& piece : known->expected.pieces()) {
            for (const Range& range : ranges) {
                const auto both = intersect(piece.range, range);
                // What it lacks beyond what was forgotten here it asks for itself.
                if (both && !lacks_forgotten({*both, piece.vector}, id))
                    wanted.push_back({id, {*both, piece.vector}});
            }
        }
    }
    push_due_.clear();
    // Small, and what people wait for: it goes first, but for every second message of a long answer.
    const auto place = pushed_last_ ? serving_.end() : serving_.begin();
    constexpr bool kIsDelta = true;
    serving_.insert(place, {Reader(store_, wanted, kIsDelta), 0, std::move(resources)});
}

void Session::begin_sending_rows() {
    serving_.push_back({Reader(store_, std::exchange(rows_due_, {})), 0, {}});
}

void Session::fetch(const message::Fetch& fetch) {
    const auto referred = referred_.find(fetch.number);
    if (fetch.bytes == 0) {
        if (referred != referred_.end()) referred_.erase(referred);
        if (ahead_.number == fetch.number) ahead_ = {};
        return;
    }
    if (referred == referred_.end()) return close("a Fetch of a value that it was not told of");
    const std::uint64_t bytes = referred->second.bytes;
    if (fetch.offset > bytes || fetch.bytes > bytes - fetch.offset)
        return close("a Fetch of more than a value has");
    if (fetches_due_.size() >= kFetchesMax)
        return close("more than " + std::to_string(kFetchesMax) + " Fetches at a time");
    fetches_due_.push_back(fetch);
}

/// A value that was written since, or is gone, is not what the peer was told of.
message::Part Session::next_part() {
    const message::Fetch fetch = fetches_due_.front();
    fetches_due_.pop_front();
    message::Part part{fetch.number, fetch.offset, std::nullopt};
    const auto referred = referred_.find(fetch.number);
    if (referred == referred_.end()) return part;
    const store::LargeCell& cell = referred->second;
    const Resource* resource = store_.catalog.find(cell.resource);
    if (resource == nullptr || !resource->is_there) return part;
    const Record record = store_.stamps.load(cell.resource, cell.key).record;
    const auto column = std::ranges::find(resource->columns, cell.column, &store::ValueColumn::id);
    if (column == resource->columns.end() || !record.is_alive() ||
        effective(record, cell.column) != cell.stamp)
        return part;
    const auto place = static_cast<std::size_t>(column - resource->columns.begin());
    const bool is_ahead = ahead_.number == fetch.number && ahead_.offset <= fetch.offset &&
                          fetch.offset + fetch.bytes <= ahead_.offset + ahead_.bytes.size();
    if (!is_ahead) {
        // SQLite comes to a place in a large value by way of all that is before it.
        const std::uint64_t bytes =
            std::max<std::uint64_t>(fetch.bytes, std::min(kReadAheadBytes, cell.bytes - fetch.offset));
        auto read = store_.rows(*resource).read_part(decode_key(cell.key, resource->key.size()),
                                                     {place, cell.is_text, cell.bytes}, fetch.offset,
                                                     static_cast<std::size_t>(bytes));
        if (!read) return part;
        ahead_ = {fetch.number, fetch.offset, std::move(*read)};
    }
    part.bytes = ahead_.bytes.substr(fetch.offset - ahead_.offset, fetch.bytes);
    if (fetch.offset + fetch.bytes == cell.bytes) ahead_ = {};
    return part;
}

void Session::number_large(const Reader& reader, message::Pages& pages) {
    auto cell = reader.referred().begin();
    for (message::Page& page : pages.pages) {
        for (message::Entry& entry : page.entries) {
            for (message::LargeValue& large : entry.large) {
                large.number = ++referred_count_;
                referred_.emplace(large.number, *cell++);
            }
        }
    }
}

bool Session::may_read_on() const {
    return !push_due_.empty() || !rows_due_.empty() ||
           std::ranges::any_of(serving_, [&](const Serving& serving) { return is_ready_to_read(serving); });
}

std::optional<Message> Session::next_pages(Now now) {
    const bool has_turn = bytes_in_flight_ < kInFlightBytesMax && may_read_on();
    if (!fetches_due_.empty() && (!has_turn || !std::exchange(was_part_last_, !was_part_last_))) {
        last_said_ = now.steady;
        rows_in_last_ = 0;
        return next_part();
    }
    const bool is_pushing_now =
        std::ranges::any_of(serving_, [](const Serving& serving) { return serving.pull == 0; });
    if (!is_pushing_now && !push_due_.empty()) {
        begin_push();
    } else if (!is_pushing_now && !rows_due_.empty()) {
        begin_sending_rows();
    }
    const auto ready =
        std::ranges::find_if(serving_, [&](const Serving& waiting) { return is_ready_to_read(waiting); });
    if (ready == serving_.end()) return std::nullopt;
    serving_.splice(serving_.begin(), serving_, ready);
    Serving& serving = serving_.front();
    const std::size_t may_refer = kReferredMax - std::min(kReferredMax, referred_.size());
    message::Pages pages =
        serving.reader.next(knows(message::kParts) ? std::optional(may_refer) : std::nullopt);
    pages.pull = serving.pull;
    number_large(serving.reader, pages);
    // What people wait for does not wait for large values: the peer asks for the rest, as for all that it is not sent.
    if (pages.pull == 0 && serving.reader.is_waiting() && !serving.resources.empty()) {
        serving.reader.end();
        pages.last = true;
    }
    if (is_planted(planted::Bug::push_own_only) && pages.pull == 0)
        planted::leave_out_others(pages, store_.origins.id(store_.self()));
    pages.basis = heard_all_count_;
    rows_in_last_ = serving.reader.rows_in_last();
    for (const Reader::Claim& claim : serving.reader.claims()) {
        const Resource* resource = store_.catalog.find(claim.resource);
        Theirs* known = resource != nullptr ? find_theirs(resource->name) : nullptr;
        if (known == nullptr) continue;
        known->expected.raise(claim.range, claim.vector);
        told_[claim.resource].raise(claim.range, claim.vector);
    }
    if (!serving.reader.claims().empty()) {
        in_flight_.push_back({serving.reader.claims(), serving.reader.bytes_in_last()});
        bytes_in_flight_ += in_flight_.back().bytes;
    }
    pushed_last_ = pages.pull == 0;
    if (serving.reader.is_done()) {
        serving_.pop_front();
    } else {
        serving_.splice(serving_.end(), serving_, serving_.begin());
    }
    if (pages.pages.empty() && (pushed_last_ || !pages.last)) return std::nullopt;
    last_said_ = now.steady;
    return pages;
}

bool Session::is_acknowledged(const Reader::Claim& claim) const {
    const Resource* resource = store_.catalog.find(claim.resource);
    const Theirs* known = resource != nullptr ? theirs(*resource) : nullptr;
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

}  // namespace strandline::engine
