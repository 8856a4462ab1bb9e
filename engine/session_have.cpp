#include <algorithm>
#include <utility>

#include "engine/agreement.h"
#include "engine/session.h"

// Session, continued: what is held here, in words.
namespace strandline::engine {

using store::Resource;
using watermarks::Coverage;
using watermarks::Piece;

message::Holding Session::holding(const Resource& resource, const std::vector<Piece>& pieces,
                                  OriginList& origins) {
    message::Holding holding{
        resource.name,
        resource.ownership == Ownership::device_owned,
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, store_.catalog.rows(resource.id))),
        {}};
    for (const Piece& piece : pieces)
        holding.pieces.push_back({{piece.range.low, piece.range.high}, origins.indexed(piece.vector)});
    return holding;
}

Message Session::say_everything() {
    say_all_ = false;
    members_to_say_.clear();
    has_refused_ = false;
    ++said_all_count_;
    message::Have have{true, {}, {}};
    OriginList origins(store_.origins);
    for (const Resource& resource : store_.catalog.resources()) {
        if (!resource.is_there) continue;
        const Coverage& coverage = store_.coverage(resource.id);
        have.holdings.push_back(holding(resource, coverage.pieces(), origins));
        have.holdings.back().key = key_in_words(resource.key);
        have.holdings.back().dropped = store_.dropped_columns(resource);
        have.holdings.back().waits =
            is_trial_ || (store_.quarantine.has_any(resource.id) && store_.quarantine.has_held(resource.id));
        told_[resource.id] = coverage;
        say_forgotten(have.holdings.back(), resource, origins);
    }
    const auto& ceilings = store_.origins.ceilings();
    have.ceilings = origins.indexed(watermarks::Vector::from({ceilings.begin(), ceilings.end()}));
    have.origins = origins.take();
    for (const auto& member : store_.ledger.members()) have.members.push_back(member.device);
    if (!have.members.empty()) have.members.push_back(store_.origins.id(store_.self()).device);
    return have;
}

Message Session::say_members() {
    // Itself too: a complete Have of when nobody was let in yet names nobody.
    members_to_say_.insert(store_.origins.id(store_.self()).device);
    const auto members = std::exchange(members_to_say_, {});
    return message::Have{false, {}, {}, {members.begin(), members.end()}};
}

std::optional<Message> Session::say_news() {
    if (told_all_at_ == store_.coverage_changes()) return std::nullopt;
    message::Have have;
    OriginList origins(store_.origins);
    bool is_all_told = true;
    for (const Theirs& known : theirs_) {
        const Resource* resource = find_ours(known);
        if (resource == nullptr || !resource->is_there) continue;
        const bool is_pushed = is_pushing(resource->id);
        const Coverage& coverage = store_.coverage(resource->id);
        Coverage& told = told_[resource->id];
        const bool has_forgotten = has_forgotten_more(known, *resource);
        is_all_told = is_all_told && !is_pushed;
        if (!has_forgotten && (is_pushed || told.dominates(coverage))) continue;
        std::vector<Piece> news;
        const watermarks::Vector lowest = told.is_whole() ? watermarks::Vector() : told.floor();
        const watermarks::Vector& known_everywhere = told.is_whole() ? told.pieces().front().vector : lowest;
        for (const Piece& piece : coverage.pieces()) {
            if (!told.dominates(piece.range, piece.vector))
                news.push_back({piece.range, above(piece.vector, known_everywhere)});
        }
        if (news.empty()) news.push_back({{"", std::nullopt}, {}});
        have.holdings.push_back(holding(*resource, news, origins));
        if (has_forgotten) say_forgotten(have.holdings.back(), *resource, origins);
        told = coverage;
    }
    if (is_all_told) told_all_at_ = store_.coverage_changes();
    if (have.holdings.empty()) return std::nullopt;
    have.origins = origins.take();
    return have;
}

}  // namespace strandline::engine
