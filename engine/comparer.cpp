#include "engine/comparer.h"

#include <algorithm>
#include <iterator>

#include "engine/limits.h"
#include "engine/retention.h"

namespace strandline::engine {

using message::Compare;
using message::Comparison;
using store::Resource;

namespace {

constexpr const char* kOtherColumns =
    "the table has other columns there, so its rows cannot be compared; make them the same on both";
constexpr const char* kNotThere = "the peer did not compare it";
constexpr const char* kStillDiffers =
    "some rows differ still, after all that both devices have of them was exchanged";

}  // namespace

void Comparer::begin(const DeviceId& peer, Now now) {
    Talk talk;
    talk.found.peer = peer;
    talk.since = now.steady;
    talks_.insert_or_assign(peer, talk);
}

void Comparer::forget(const DeviceId& peer) {
    talks_.erase(peer);
    questions_.erase(peer);
}

Comparison Comparer::comparison(const Resource& resource, const Fingerprinter& held) const {
    return {resource.name, held.columns(), held.held(), {}};
}

// --- what there is to do ------------------------------------------------------------------------

bool Comparer::has_work(const Session& session, Now now) const {
    if (!session.is_ready()) return false;
    if (questions_.contains(session.peer())) return true;
    const auto talk = talks_.find(session.peer());
    if (talk == talks_.end()) return false;
    if (talk->second.is_asking) return now.steady.value >= talk->second.since.value + kAnswerPatienceMs;
    return session.knows(message::kCompares) && session.is_in_step();
}

std::optional<SteadyMs> Comparer::next_deadline(const Session& session) const {
    if (!session.is_ready()) return std::nullopt;
    if (questions_.contains(session.peer())) return SteadyMs{};
    const auto talk = talks_.find(session.peer());
    if (talk == talks_.end()) return std::nullopt;
    if (talk->second.is_asking) return SteadyMs{talk->second.since.value + kAnswerPatienceMs};
    if (session.knows(message::kCompares) && session.is_in_step()) return talk->second.since;
    return std::nullopt;
}

/// Whether all that this peer and we exchange is summed up now.
bool Comparer::sum_up(const Session& session, std::size_t rows_max) {
    const auto is_done = [&](const Resource& resource) {
        if (!session.exchanges(resource)) return true;
        // What was forgotten at one moment is gone from the records at any later one.
        if (has_forgettable(store_, resource.id, {})) sweep(store_, resource.id, kForgetRowsMax);
        return !has_forgettable(store_, resource.id, {}) && Fingerprinter(store_, resource).refresh(rows_max);
    };
    return std::ranges::all_of(store_.catalog.resources(), is_done);
}

Comparer::Step Comparer::step(Session& session, Now now) {
    Step step;
    const auto question = questions_.find(session.peer());
    if (question != questions_.end())
        return sum_up(session, kSummedRowsMax) ? answer(session, question->second) : step;
    step.talk = talks_.at(session.peer());
    if (step.talk->is_asking) {  // For too long.
        step.talk->is_asking = false;
        step.talk->since = now.steady;
    }
    if (!sum_up(session, kSummedRowsMax)) return {};
    step.say = first_question(session);
    step.say->number = ++step.talk->number;
    step.talk->is_asking = true;
    step.talk->since = now.steady;
    step.talk->is_level = true;
    step.talk->is_different = false;
    step.talk->open.clear();
    step.talk->left.clear();
    ++step.talk->found.rounds;
    for (const Comparison& asked : step.say->comparisons) step.talk->left[asked.resource] = kNotThere;
    return step;
}

void Comparer::keep(Session& session, Step step) {
    const DeviceId peer = session.peer();
    if (step.answers) questions_.erase(peer);
    for (auto& [resource, keys] : step.send) session.send_rows(resource, std::move(keys));
    if (step.say) session.say(std::move(*step.say));
    if (step.done) {
        talks_.erase(peer);
    } else if (step.talk) {
        talks_.insert_or_assign(peer, std::move(*step.talk));
    }
}

void Comparer::came(const DeviceId& peer, std::int64_t resource, const std::string& key) {
    const auto talk = talks_.find(peer);
    if (talk == talks_.end()) return;
    talk->second.rows.emplace(resource, key);
    talk->second.is_different = true;
}

// --- what is said -------------------------------------------------------------------------------

Compare Comparer::first_question(const Session& session) {
    Compare question{0, true, {}};
    for (const Resource& resource : store_.catalog.resources()) {
        if (!session.exchanges(resource)) continue;
        Fingerprinter held(store_, resource);
        question.comparisons.push_back(comparison(resource, held));
        question.comparisons.back().stretches.push_back(backfill::whole_of(held));
    }
    return question;
}

Comparer::Step Comparer::take(Session& session, const Compare& compare, Now now) {
    if (compare.asks) {
        questions_.insert_or_assign(session.peer(), compare);
        return step(session, now);
    }
    const auto talk = talks_.find(session.peer());
    if (talk == talks_.end() || !talk->second.is_asking || talk->second.number != compare.number) return {};
    return hear(talk->second, compare, now);
}

Comparer::Step Comparer::answer(Session& session, const Compare& question) {
    Step step;
    step.answers = true;
    step.say = Compare{question.number, false, {}};
    for (const Comparison& asked : question.comparisons) {
        const Resource* resource = store_.catalog.find(asked.resource);
        if (resource == nullptr || !session.exchanges(*resource)) continue;
        Fingerprinter held(store_, *resource);
        Comparison said = comparison(*resource, held);
        if (said.columns == asked.columns && said.held == asked.held) {
            auto stretches = asked.stretches;
            auto found = backfill::reconcile(backfill::take_spans(stretches, backfill::kSpansAskedMax), held);
            said.stretches = std::move(found.stretches);
            if (!found.send.empty()) step.send[resource->id] = std::move(found.send);
        }
        step.say->comparisons.push_back(std::move(said));
    }
    return step;
}

Comparer::Step Comparer::hear(const Talk& talk, const Compare& answer, Now now) {
    Step step;
    step.talk = talk;
    Talk& next = *step.talk;
    next.is_asking = false;
    for (const Comparison& said : answer.comparisons) {
        const Resource* resource = store_.catalog.find(said.resource);
        if (resource == nullptr) continue;
        Fingerprinter held(store_, *resource);
        next.left.erase(resource->name);
        if (said.columns != held.columns()) {
            next.left[resource->name] = kOtherColumns;
        } else if (said.held != held.held()) {
            next.is_level = false;
        } else {
            auto found = backfill::reconcile(said.stretches, held);
            next.is_different = next.is_different || !found.send.empty() || found.wanted > 0;
            for (const std::string& key : found.send) next.rows.emplace(resource->id, key);
            if (!found.send.empty()) step.send[resource->id] = std::move(found.send);
            auto& open = next.open[resource->name];
            std::ranges::move(found.stretches, std::back_inserter(open));
        }
    }
    go_on(step, now);
    return step;
}

void Comparer::go_on(Step& step, Now now) {
    Talk& talk = *step.talk;
    talk.since = now.steady;
    if (!talk.is_level) return;  // Begins again, once both are in step.
    Compare question{talk.number + 1, true, {}};
    std::size_t spans_left = backfill::kSpansAskedMax;
    for (auto& [name, stretches] : talk.open) {
        const Resource* resource = store_.catalog.find(name);
        if (resource == nullptr || stretches.empty() || spans_left == 0) continue;
        Comparison asked = comparison(*resource, Fingerprinter(store_, *resource));
        asked.stretches = backfill::take_spans(stretches, spans_left);
        for (const message::Stretch& stretch : asked.stretches)
            spans_left -= std::min(spans_left, stretch.bounds.size() + 1);
        question.comparisons.push_back(std::move(asked));
    }
    if (!question.comparisons.empty()) {
        ++talk.number;
        ++talk.found.rounds;
        talk.is_asking = true;
        step.say = std::move(question);
        return;
    }
    ++talk.passes;
    if (talk.is_different && talk.passes < kPassesMax) return;
    if (talk.is_different) talk.left.emplace(std::string(), kStillDiffers);
    talk.found.is_same = talk.left.empty();
    talk.found.rows = static_cast<std::int64_t>(talk.rows.size());
    for (const auto& [table, why] : talk.left)
        talk.found.left.push_back(table.empty() ? why : table + ": " + why);
    step.done = talk.found;
}

}  // namespace strandline::engine
