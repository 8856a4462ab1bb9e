#include "engine/comparer.h"

#include <algorithm>
#include <iterator>

#include "engine/inspector.h"
#include "engine/limits.h"
#include "engine/retention.h"

namespace strandline::engine {

using message::Compare;
using message::Comparison;
using store::Resource;

namespace {

constexpr const char* kOtherColumns =
    "the table has other columns there, so its rows cannot be compared; make them the same on both";
constexpr const char* kNothing = "no table is exchanged with this peer, so nothing was compared";
constexpr const char* kNotThere = "the peer did not compare it";
constexpr const char* kStillDamaged =
    "rows that were damaged here are not at the peer as they were written; other peers are asked";
constexpr const char* kStillDiffers =
    "some rows differ still, after all that both devices have of them was exchanged";
constexpr const char* kForgetting =
    "deletions were forgotten all the while on one of the two, so not all rows could be compared; try again "
    "later";

Ranges everything() {
    return {{std::string(), std::nullopt}};
}

bool overlaps(const Ranges& ranges, const message::Range& range) {
    auto at = range.high ? ranges.lower_bound(*range.high) : ranges.end();
    if (at == ranges.begin()) return false;
    const auto& high = std::prev(at)->second;
    return !high || *high > range.low;
}

bool is_listed(const message::Stretch& stretch) {
    return stretch.form == message::Stretch::Form::listed;
}

}  // namespace

std::size_t bytes_of(const Compare& compare) {
    std::size_t bytes = 0;
    for (const Comparison& comparison : compare.comparisons) {
        bytes += sizeof comparison + comparison.resource.size();
        for (const message::Stretch& stretch : comparison.stretches) {
            bytes +=
                sizeof stretch + stretch.range.low.size() + stretch.digests.size() + stretch.unsettled.size();
            for (const std::string& bound : stretch.bounds) bytes += sizeof bound + bound.size();
        }
    }
    return bytes;
}

void Comparer::begin(const DeviceId& peer, const Damage& damaged, Now now) {
    Talk talk;
    talk.damaged = damaged;
    for (const auto& [resource, keys] : damaged) talk.found.damaged += static_cast<std::int64_t>(keys.size());
    talk.found.peer = peer;
    talk.asked = talk.answered = talk.round_end = last_number_;
    talk.since = now.steady;
    talks_.insert_or_assign(peer, talk);
}

void Comparer::forget(const DeviceId& peer) {
    talks_.erase(peer);
    questions_.erase(peer);
}

Comparison Comparer::comparison(const Resource& resource, const Fingerprinter& held) const {
    return {resource.name, held.columns(), held.forgotten(), {}};
}

// --- what there is to do ------------------------------------------------------------------------

bool Comparer::has_work(const Session& session, Now now) const {
    const auto due = next_deadline(session);
    return due && *due <= now.steady;
}

std::optional<SteadyMs> Comparer::next_deadline(const Session& session) const {
    if (!session.is_ready()) return std::nullopt;
    if (questions_.contains(session.peer()) && session.compares_to_say() < kAnswersMax) return SteadyMs{};
    const auto at = talks_.find(session.peer());
    if (at == talks_.end()) return std::nullopt;
    const Talk& talk = at->second;
    if (talk.is_asking()) return SteadyMs{talk.since.value + kAnswerPatienceMs};
    if (!session.knows(message::kCompares)) return std::nullopt;
    const std::int64_t patience = session.is_in_step() ? 0 : kStepPatienceMs;
    const std::int64_t rest = talk.vain == 0 ? 0 : kMovingPatienceMs << talk.vain;
    return SteadyMs{talk.since.value + std::max(patience, rest)};
}

/// Whether all that this peer and we exchange is summed up now.
bool Comparer::sum_up(const Session& session, std::size_t rows_max) {
    const auto is_done = [&](const Resource& resource) {
        if (!session.exchanges(resource)) return true;
        // What was forgotten at one moment is gone from the records at any later one.
        if (has_forgettable(store_, resource.id, {})) sweep(store_, resource.id, kForgetRowsMax);
        if (has_forgettable(store_, resource.id, {})) return false;
        Fingerprinter held(store_, resource);
        // So few more are read where they are asked about: else one that is written to everywhere would never be done.
        return held.refresh(rows_max) || held.rows_to_sum_up() <= static_cast<std::int64_t>(kSummedRowsMax);
    };
    return std::ranges::all_of(store_.catalog.resources(), is_done);
}

Comparer::Step Comparer::step(Session& session, Now now) {
    Step step;
    const auto question = questions_.find(session.peer());
    if (question != questions_.end())
        return sum_up(session, kSummedRowsMax) ? answer(session, question->second.front()) : step;
    step.talk = talks_.at(session.peer());
    Talk& talk = *step.talk;
    if (talk.is_asking()) {  // For too long.
        talk.answered = talk.asked;
        talk.asked_tables.clear();
        talk.since = now.steady;
    }
    if (!session.is_nearly_in_step()) {
        step.gives_up = true;
        return step;
    }
    if (!sum_up(session, kSummedRowsMax)) return {};
    talk.is_different = false;
    talk.open.clear();
    talk.listed.clear();
    talk.unclear.clear();
    talk.left.clear();
    for (const Resource& resource : store_.catalog.resources()) {
        if (!session.exchanges(resource)) {
            if (talk.unproved.contains(resource.name)) talk.left[resource.name] = kNotThere;
            continue;
        }
        if (!talk.columns.contains(resource.name)) talk.unproved[resource.name] = everything();
        if (!talk.unproved.contains(resource.name)) continue;
        Fingerprinter held(store_, resource);
        talk.open[resource.name].push_back(backfill::whole_of(held));
        talk.columns[resource.name] = held.columns();
        talk.forgotten[resource.name] = held.forgotten();
        talk.acknowledged[resource.name] = session.theirs(resource)->acknowledged_then;
    }
    if (talk.columns.empty()) talk.left.emplace(std::string(), kNothing);
    ask_for_damaged(talk);
    go_on(step, now);
    return step;
}

/// Those that are not mended yet.
void Comparer::ask_for_damaged(Talk& talk) {
    for (auto& [id, keys] : talk.damaged) {
        const Resource* resource = store_.catalog.find(id);
        if (resource == nullptr) continue;
        std::erase_if(keys, [&](const std::string& key) { return is_sound(store_, *resource, key); });
        auto& open = talk.open[resource->name];
        for (const std::string& key : keys)
            open.push_back({message::Stretch::Form::wanted, {key, key + '\0'}, {}, {}, {}});
    }
    std::erase_if(talk.damaged, [](const auto& entry) { return entry.second.empty(); });
    talk.is_different = !talk.damaged.empty();
}

void Comparer::keep(Session& session, Step step) {
    const DeviceId peer = session.peer();
    if (step.answers) {
        const auto questions = questions_.find(peer);
        questions->second.pop_front();
        if (questions->second.empty()) questions_.erase(questions);
    }
    for (auto& [resource, keys] : step.send) session.send_rows(resource, std::move(keys));
    for (Compare& word : step.say) session.say(std::move(word));
    if (step.talk) last_number_ = std::max(last_number_, step.talk->asked);
    if (step.done || step.gives_up) {
        talks_.erase(peer);
    } else if (step.talk) {
        talks_.insert_or_assign(peer, std::move(*step.talk));
    }
}

void Comparer::came(const DeviceId& peer, std::int64_t resource, const std::string& key) {
    const auto talk = talks_.find(peer);
    if (talk == talks_.end()) return;
    const auto damaged = talk->second.damaged.find(resource);
    const bool is_damaged = damaged != talk->second.damaged.end() && damaged->second.contains(key);
    // What is held back comes without a claim, too.
    if (!is_damaged && !talk->second.wanted[resource].contains(backfill::key_digest(key))) return;
    if (!is_damaged) talk->second.rows.emplace(resource, key);
    talk->second.is_different = true;
}

// --- what is said -------------------------------------------------------------------------------

Comparer::Waiting Comparer::waiting(const DeviceId& peer) const {
    const auto questions = questions_.find(peer);
    if (questions == questions_.end()) return {};
    Waiting waiting{questions->second.size(), 0};
    for (const Compare& question : questions->second) waiting.bytes += bytes_of(question);
    return waiting;
}

Comparer::Step Comparer::take(Session& session, const Compare& compare, Now now) {
    if (compare.asks) {
        auto& questions = questions_[session.peer()];
        // It may come here once more, if something was in the way of the transaction.
        if (questions.empty() || questions.back().number != compare.number) questions.push_back(compare);
        return session.compares_to_say() < kAnswersMax ? step(session, now) : Step();
    }
    const auto talk = talks_.find(session.peer());
    if (talk == talks_.end() || !talk->second.is_asking() || compare.number != talk->second.answered + 1)
        return {};
    return hear(talk->second, compare, now);
}

Comparer::Step Comparer::answer(Session& session, const Compare& question) {
    Step step;
    step.answers = true;
    Compare said_of_all{question.number, false, {}};
    for (const Comparison& asked : question.comparisons) {
        const Resource* resource = store_.catalog.find(asked.resource);
        const auto* theirs = resource != nullptr ? session.theirs(*resource) : nullptr;
        if (theirs == nullptr || !session.exchanges(*resource)) continue;
        Fingerprinter held(store_, *resource, theirs->acknowledged);
        Comparison said = comparison(*resource, held);
        if (said.columns == asked.columns) {
            auto stretches = asked.stretches;
            auto found = backfill::answer(backfill::take_spans(stretches, backfill::kSpansAskedMax), held);
            said.stretches = std::move(found.stretches);
            if (!found.send.empty()) step.send[resource->id] = std::move(found.send);
        }
        said_of_all.comparisons.push_back(std::move(said));
    }
    step.say.push_back(std::move(said_of_all));
    return step;
}

Comparer::Step Comparer::hear(const Talk& talk, const Compare& answer, Now now) {
    Step step;
    step.talk = talk;
    Talk& next = *step.talk;
    next.answered = answer.number;
    std::set<std::string> unnamed = std::move(next.asked_tables.front());
    next.asked_tables.pop_front();
    std::size_t spans_left = backfill::kSpansAskedMax * backfill::kParts;  // Nobody honest says more.
    for (const Comparison& said : answer.comparisons) {
        const Resource* resource = store_.catalog.find(said.resource);
        if (resource == nullptr) continue;
        Fingerprinter held(store_, *resource, next.acknowledged[resource->name]);
        unnamed.erase(resource->name);
        if (said.columns != held.columns() || said.columns != next.columns[resource->name]) {
            next.left[resource->name] = kOtherColumns;
        } else {
            auto stretches = said.stretches;
            auto heard = backfill::take_spans(stretches, spans_left);
            for (const message::Stretch& stretch : heard)
                spans_left -= std::min(spans_left, stretch.bounds.size() + 1);
            const bool is_clear =
                said.forgotten == next.forgotten[resource->name] && said.forgotten == held.forgotten();
            auto send = next.take_in(*resource, std::move(heard), is_clear, held);
            if (!send.empty()) step.send[resource->id] = std::move(send);
        }
    }
    for (const std::string& name : unnamed) next.left[name] = kNotThere;
    go_on(step, now);
    return step;
}

std::set<std::string> Comparer::Talk::take_in(const Resource& resource, std::vector<message::Stretch> heard,
                                              bool is_clear, Fingerprinter& held) {
    for (const message::Stretch& stretch : heard) {
        if (is_listed(stretch)) listed[resource.name].emplace(stretch.range.low, stretch.range.high);
    }
    if (!is_clear && std::erase_if(heard, is_listed) > 0) unclear.insert(resource.name);
    auto follows = backfill::hear(heard, held);
    for (message::Stretch& stretch : follows.stretches) {
        if (stretch.form == message::Stretch::Form::wanted) {
            for (std::size_t i = 0; i < stretch.digests.size(); i += backfill::kShortDigestBytes)
                wanted[resource.id].insert(stretch.digests.substr(i, backfill::kKeyDigestBytes));
        } else if (!overlaps(unproved[resource.name], stretch.range)) {
            continue;
        }
        open[resource.name].push_back(std::move(stretch));
    }
    is_different = is_different || !follows.send.empty() || follows.wanted > 0;
    for (const std::string& key : follows.send) rows.emplace(resource.id, key);
    return std::move(follows.send);
}

Compare Comparer::next_question(Talk& talk) const {
    Compare question{talk.asked + 1, true, {}};
    std::set<std::string> tables;
    std::size_t spans_left = backfill::kSpansAskedMax;
    for (auto& [name, stretches] : talk.open) {
        const Resource* resource = store_.catalog.find(name);
        if (resource == nullptr || stretches.empty() || spans_left < backfill::kParts) continue;
        Comparison asked = comparison(*resource, Fingerprinter(store_, *resource, {}));
        asked.stretches = backfill::take_spans(stretches, spans_left);
        for (const message::Stretch& stretch : asked.stretches)
            spans_left -= std::min(spans_left, stretch.bounds.size() + 1);
        question.comparisons.push_back(std::move(asked));
        tables.insert(name);
    }
    if (!tables.empty()) talk.asked_tables.push_back(std::move(tables));
    return question;
}

void Comparer::go_on(Step& step, Now now) {
    Talk& talk = *step.talk;
    talk.since = now.steady;
    while (talk.asked - talk.answered < kQuestionsMax) {
        Compare question = next_question(talk);
        if (question.comparisons.empty()) break;
        ++talk.asked;
        step.say.push_back(std::move(question));
    }
    if (talk.is_asking()) {
        if (talk.answered < talk.round_end) return;
        talk.round_end = talk.asked;
        ++talk.found.rounds;
        return;
    }
    talk.unproved = std::exchange(talk.listed, {});
    const bool is_moving = std::ranges::any_of(
        talk.unproved, [&](const auto& entry) { return !talk.left.contains(entry.first); });
    for (const auto& [name, why] : talk.left) talk.unproved[name] = everything();
    ++(talk.is_different ? talk.passes : talk.vain);
    if (talk.is_different ? talk.passes < kPassesMax : is_moving && talk.vain < kVainPassesMax) return;
    const bool differs_still = talk.is_different;
    for (const auto& [name, ranges] : talk.unproved) {
        if (talk.unclear.contains(name)) talk.left.emplace(name, kForgetting);
    }
    talk.found.is_all = talk.unproved.empty();
    ask_for_damaged(talk);
    talk.found.mended = talk.found.damaged;
    for (const auto& [resource, keys] : talk.damaged)
        talk.found.mended -= static_cast<std::int64_t>(keys.size());
    if (!talk.damaged.empty()) {
        talk.left.emplace(std::string(), kStillDamaged);
    } else if (differs_still) {
        talk.left.emplace(std::string(), kStillDiffers);
    }
    talk.found.is_same = talk.left.empty();
    talk.found.rows = static_cast<std::int64_t>(talk.rows.size());
    for (const auto& [table, why] : talk.left)
        talk.found.left.push_back(table.empty() ? why : table + ": " + why);
    step.done = talk.found;
}

}  // namespace strandline::engine
