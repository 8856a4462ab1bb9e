#include <algorithm>

#include "engine/device.h"
#include "engine/limits.h"

// Device, continued: pages that wait for their turn, and are applied step by step.
namespace strandline::engine {

namespace {

/// About what an entry holds, in memory as on the wire; and what goes with it.
std::size_t bytes_of(const message::Entry& entry) {
    constexpr std::size_t kStampsBytes = 40;
    return kStampsBytes + entry.key.size() + store::bytes_of(entry.values);
}

/// How many of a page's entries one step takes: at least one, and two of one key go together.
std::size_t count_within(const std::vector<message::Entry>& entries, const backfill::Tempo::Amount& most) {
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < entries.size(); ++count) {
        bytes += bytes_of(entries[count]);
        const bool is_full = bytes > most.bytes || count >= most.rows;
        if (is_full && count > 0 && entries[count].key != entries[count - 1].key) break;
    }
    return count;
}

/// Takes the first step off; empty: all of it is no more than that, or several pages speak of one range, of which none is
/// enough. Up to the last key of a part in key order, what the page says of its range is true of the part's.
std::optional<message::Pages> take_step(message::Pages& pages, const backfill::Tempo::Amount& most) {
    if (pages.pages.size() != 1) return std::nullopt;
    message::Page& rest = pages.pages.front();
    const auto count = static_cast<std::ptrdiff_t>(count_within(rest.entries, most));
    const auto end = rest.entries.begin() + count;
    if (end == rest.entries.end()) return std::nullopt;
    std::string high = std::prev(end)->key + '\0';  // The key just behind it.
    message::Page part{rest.resource, {rest.range.low, high}, rest.vector,  rest.columns, {},
                       rest.dropped,  rest.forgotten,         rest.complete};
    part.entries.assign(std::make_move_iterator(rest.entries.begin()), std::make_move_iterator(end));
    rest.entries.erase(rest.entries.begin(), end);
    rest.range.low = std::move(high);
    message::Pages step{pages.pull, pages.basis, false, pages.origins, {}};
    step.pages.push_back(std::move(part));
    return step;
}

/// About what a message that waits holds in memory, beside the entries of its pages.
std::size_t bytes_beside_entries(const message::Message& message) {
    std::size_t bytes = 0;
    if (const auto* pages = std::get_if<message::Pages>(&message)) {
        bytes = pages->origins.size() * sizeof(OriginId);
        for (const message::Page& page : pages->pages)
            bytes += (page.vector.size() + page.forgotten.size()) * sizeof(message::Vector::value_type);
    } else if (const auto* compare = std::get_if<message::Compare>(&message)) {
        bytes = engine::bytes_of(*compare);
    } else if (const auto* part = std::get_if<message::Part>(&message)) {
        if (part->bytes) bytes = part->bytes->size();
    }
    return bytes;
}

/// Rows that were asked for in a comparison, or found by one.
bool is_repair(const message::Pages& pages) {
    return pages.pull == 0 && !pages.pages.empty() &&
           std::ranges::all_of(pages.pages, [](const message::Page& page) { return page.vector.empty(); });
}

bool is_more_than(const message::Pages& pages, const backfill::Tempo::Amount& most) {
    return pages.pages.size() == 1 &&
           count_within(pages.pages.front().entries, most) < pages.pages.front().entries.size();
}

}  // namespace

backfill::Tempo::Amount Device::amount_of(const message::Page& page) {
    backfill::Tempo::Amount amount{0, page.entries.size()};
    for (const message::Entry& entry : page.entries) amount.bytes += bytes_of(entry);
    return amount;
}

backfill::Tempo::Amount Device::amount_of(const message::Pages& pages) {
    backfill::Tempo::Amount amount;
    for (const message::Page& page : pages.pages) {
        const backfill::Tempo::Amount more = amount_of(page);
        amount = {amount.bytes + more.bytes, amount.rows + more.rows};
    }
    return amount;
}

bool Device::must_wait(const DeviceId& peer, const message::Message& message, Now now) const {
    const auto* pages = std::get_if<message::Pages>(&message);
    const bool is_part = std::holds_alternative<message::Part>(message);
    const bool keeps_its_place = pages != nullptr || is_part ||
                                 std::holds_alternative<message::Compare>(message) ||
                                 std::holds_alternative<message::Bye>(message);
    if (!keeps_its_place) return false;
    if (std::ranges::find(waiting_, peer, &Waiting::peer) != waiting_.end()) return true;
    const bool is_resting = now.steady < tempo.next_at();
    if (is_part || std::holds_alternative<message::Compare>(message)) return is_resting;
    if (pages == nullptr) return false;
    // What is pushed is small, new, and not to be late; but for rows that are to be mended.
    if (!is_repair(*pages)) {
        if (pages->pull == 0) return false;
        if (sessions.at(peer).asking().find(pages->pull) == nullptr) return false;  // It is to be refused.
    }
    if (is_resting) return true;
    return is_in_parts(peer, *pages) && is_more_than(*pages, tempo.step(now.steady));
}

/// The only message of an answer may be one transaction where it was written; the last of several is not.
bool Device::is_in_parts(const DeviceId& peer, const message::Pages& pages) const {
    return is_repair(pages) || (pages.pull != 0 && (!pages.last || in_parts_.contains({peer, pages.pull})));
}

void Device::wait(const DeviceId& peer, message::Message message) {
    const auto* pages = std::get_if<message::Pages>(&message);
    const std::size_t bytes =
        bytes_beside_entries(message) + (pages != nullptr ? amount_of(*pages).bytes : 0);
    waiting_.push_back({peer, std::move(message), bytes});
}

void Device::stop_waiting(const DeviceId& peer) {
    std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.peer == peer; });
    std::erase_if(in_parts_, [&](const auto& answer) { return answer.first == peer; });
}

bool Device::has_room() const {
    std::size_t bytes = 0;
    for (const Waiting& waiting : waiting_) bytes += waiting.bytes;
    return bytes < kWaitingBytesMax;
}

void Device::take_waiting(Now now) {
    if (waiting_.empty() || now.steady < tempo.next_at()) return;
    const DeviceId peer = waiting_.front().peer;
    // Taken off before anything is done with it: should that be put off, the step is the first that waits.
    auto* pages = std::get_if<message::Pages>(&waiting_.front().message);
    if (pages != nullptr && is_in_parts(peer, *pages)) {
        if (auto step = take_step(*pages, tempo.step(now.steady))) {
            const std::size_t bytes = amount_of(*step).bytes;
            waiting_.front().bytes -= bytes;
            waiting_.push_front({peer, std::move(*step), bytes});
        }
    }
    Session& session = sessions.at(peer);
    act(session, waiting_.front().message, now);
    waiting_.pop_front();
    if (std::ranges::find(waiting_, peer, &Waiting::peer) == waiting_.end()) session.pages_taken();
    follow(session, now);
}

void Device::count_step(const DeviceId& peer, const message::Pages& pages, Now now) {
    if (!pages.last) {
        in_parts_.emplace(peer, pages.pull);
    } else {
        in_parts_.erase({peer, pages.pull});
    }
    tempo.stepped(amount_of(pages), now.steady, pages.pull != 0);
}

}  // namespace strandline::engine
