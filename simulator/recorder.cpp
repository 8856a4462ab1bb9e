#include "simulator/recorder.h"

#include <algorithm>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace strandline::simulator {
namespace {

/// What is said and not yet heard on one way, at most: as much as fits into a link that nobody reads.
constexpr std::size_t kAwaitedMost = 1'000;

Saying saying_of(const Message& message) {
    if (const auto* pages = std::get_if<message::Pages>(&message))
        return pages->pull == 0 ? Saying::push : Saying::answer;
    if (std::holds_alternative<message::Hello>(message)) return Saying::hello;
    if (std::holds_alternative<message::Have>(message)) return Saying::have;
    if (std::holds_alternative<message::Pull>(message) || std::holds_alternative<message::Waive>(message) ||
        std::holds_alternative<message::Fetch>(message))
        return Saying::pull;
    if (std::holds_alternative<message::Part>(message)) return Saying::answer;
    if (std::holds_alternative<message::Bye>(message)) return Saying::bye;
    if (std::holds_alternative<message::Compare>(message)) return Saying::compare;
    return Saying::heartbeat;
}

std::size_t rows_in(const Message& message) {
    std::size_t rows = 0;
    if (const auto* pages = std::get_if<message::Pages>(&message)) {
        for (const message::Page& page : pages->pages) rows += page.entries.size();
    }
    return rows;
}

/// Leaves the first of every two.
template <typename T>
void halve(std::vector<T>& items) {
    for (std::size_t i = 1; 2 * i < items.size(); ++i) items[i] = std::move(items[2 * i]);
    items.resize((items.size() + 1) / 2);
}

}  // namespace

const char* name_of(Saying saying) {
    constexpr std::array<const char*, kSayings> kNames{"Hello",  "Have",    "Pull", "push",
                                                       "answer", "Compare", "Bye",  "heartbeat"};
    return kNames[static_cast<std::size_t>(saying)];
}

bool Recorder::has_room() {
    if (turns_ < kTurnsMost) {
        ++turns_;
        return true;
    }
    if (!turns_end_) turns_end_ = schedule_.now();
    return false;
}

void Recorder::lives(std::size_t device, const char* life) {
    Lane& lane = lanes_[device];
    if (std::string_view(life) == "left") lane.coverage.reset();
    backfills_end(lane);
    if (has_room()) lane.turns.push_back({schedule_.now(), life});
}

void Recorder::backfill_started(std::size_t device, const std::string& table) {
    Lane& lane = lanes_[device];
    if (lane.filling.empty() && has_room()) lane.backfills.push_back({schedule_.now(), {}});
    lane.filling.insert(table);
}

void Recorder::backfill_done(std::size_t device, const std::string& table) {
    Lane& lane = lanes_[device];
    lane.filling.erase(table);
    if (lane.filling.empty()) backfills_end(lane);
}

void Recorder::backfills_end(Lane& lane) {
    lane.filling.clear();
    if (!lane.backfills.empty() && !lane.backfills.back().to) lane.backfills.back().to = schedule_.now();
}

void Recorder::said(std::size_t from, std::size_t to, const Message& message, std::string_view frame) {
    const Saying saying = saying_of(message);
    Kind& kind = kinds_[static_cast<std::size_t>(saying)];
    const std::uint64_t number = kind.count++;
    kind.bytes += frame.size();
    if (saying == Saying::heartbeat || number % kind.every != 0) return;
    if (kind.kept.size() == kMessagesMost) {
        halve(kind.kept);
        kind.every *= 2;
        if (number % kind.every != 0) return;
    }
    kind.kept.push_back({number, schedule_.now(), {}, from, to, frame.size(), rows_in(message)});
    auto& awaited = awaited_[{from, to}];
    if (awaited.size() == kAwaitedMost) awaited.pop_front();
    awaited.push_back({saying, number, XXH3_64bits(frame.data(), frame.size())});
}

void Recorder::heard(std::size_t from, std::size_t to, const Message& message, std::string_view frame) {
    if (saying_of(message) == Saying::heartbeat) return;
    auto& awaited = awaited_[{from, to}];
    const auto it =
        std::ranges::find(awaited, XXH3_64bits(frame.data(), frame.size()), &Awaited::fingerprint);
    if (it == awaited.end()) return;  // Not kept.
    Kind& kind = kinds_[static_cast<std::size_t>(it->saying)];
    const auto kept = std::ranges::lower_bound(kind.kept, it->number, {}, &Said::number);
    if (kept != kind.kept.end() && kept->number == it->number) kept->heard_at = schedule_.now();
    awaited.erase(awaited.begin(), std::next(it));
}

void Recorder::struck(const std::string& fault, Place place) {
    if (strikes_.size() < kStrikesMost) {
        strikes_.push_back({schedule_.now(), fault, place});
    } else if (!strikes_end_) {
        strikes_end_ = schedule_.now();
    }
}

void Recorder::wrote(const std::string& table, const std::string& key, const Stamp& stamp) {
    written_.add(table, key, stamp);
}

void Recorder::holds(std::size_t device, const Coverage& coverage) {
    lanes_[device].coverage = coverage;
}

void Recorder::sample() {
    if (samples_count_++ % samples_every_ != 0) return;
    if (samples_.size() == kSamplesMost) {
        halve(samples_);
        samples_every_ *= 2;
        if ((samples_count_ - 1) % samples_every_ != 0) return;
    }
    samples_.push_back(sampled());
}

void Recorder::finish() {
    for (Lane& lane : lanes_) backfills_end(lane);
    samples_.push_back(sampled());
}

Recorder::Sample Recorder::sampled() const {
    Sample sample{schedule_.now(), 0, {}};
    Written::Highest highest;
    for (std::size_t device = 0; device < lanes_.size(); ++device) {
        const auto& coverage = lanes_[device].coverage;
        sample.held.push_back(coverage ? std::optional(written_.count_in(*coverage)) : std::nullopt);
        if (coverage) Written::raise(highest, *coverage);
    }
    sample.written = written_.count_in(highest);
    return sample;
}

}  // namespace strandline::simulator
