#include "simulator/liar.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>

#include "net/codec.h"
#include "simulator/tables.h"

namespace strandline::simulator {
namespace {

constexpr std::int64_t kHlcPerSecond = std::int64_t{1'000} << 16;
constexpr std::int64_t kHlcPerYear = 365 * 24 * 3'600 * kHlcPerSecond;
constexpr std::size_t kFloodTimes = 100;

bool is_device_owned(const std::string& table) {
    const auto at = std::ranges::find(tables(), table, &Table::name);
    return at != tables().end() && at->ownership == Ownership::device_owned;
}

}  // namespace

Liar::Liar(const DeviceId& self, Random random)
    : self_(self),
      random_(random),
      manner_(static_cast<Manner>(random_.below(kManners))),
      ahead_(manner_ == Manner::far_future ? random_.between(1, 30) * kHlcPerYear
                                           : random_.between(1, 3'600) * kHlcPerSecond) {}

std::vector<std::string> Liar::instead_of(Message message) {
    if (auto* have = std::get_if<message::Have>(&message)) twist(*have);
    if (auto* pages = std::get_if<message::Pages>(&message)) twist(*pages);
    std::string frame = net::encode(message);
    switch (manner_) {
        case Manner::malformed:
            return {bent(std::move(frame))};
        case Manner::oversized:
            if (random_.one_in(2)) return {std::string("\xdd\xff\xff\xff\xff", 5) + frame};
            return {std::string(std::size_t{4} << 20, '\0')};
        case Manner::flood:
            return std::vector<std::string>(kFloodTimes, frame);
        default:
            return {std::move(frame)};
    }
}

std::string Liar::bent(std::string frame) {
    const std::size_t at = random_.below(frame.size());
    switch (random_.below(4)) {
        case 0:
            frame.resize(at + 1);
            return frame;
        case 1:
            return random_.bytes(1 + random_.below(200));
        case 2:
            return frame + random_.bytes(1 + random_.below(20));
        default:
            frame[at] = static_cast<char>(random_.below(256));
            // What can still be read might be a forged write of somebody else, which is no lie about itself.
            if (net::decode(frame)) frame.resize(at);
            return frame.empty() ? std::string(1, '\0') : frame;
    }
}

void Liar::twist(message::Have& have) {
    for (message::Holding& holding : have.holdings) {
        for (message::Piece& piece : holding.pieces) twist(piece.vector, have.origins);
    }
}

void Liar::twist(message::Pages& pages) {
    if (manner_ == Manner::wrong_basis && pages.pull == 0) ++pages.basis;
    const std::size_t count = pages.pages.size();
    for (std::size_t i = 0; i < count; ++i) {
        message::Page& page = pages.pages[i];
        twist(page.vector, pages.origins);
        for (message::Entry& entry : page.entries) twist(entry, pages.origins);
        if (manner_ != Manner::foreign_cells || !is_device_owned(page.resource)) continue;
        message::Page forged = edits_of_others(page, pages.origins);
        if (!forged.entries.empty()) pages.pages.push_back(std::move(forged));
    }
}

/// On a page of their own, which claims nothing: to leave out what others wrote would be a lie about them.
message::Page Liar::edits_of_others(const message::Page& page, const std::vector<OriginId>& origins) const {
    message::Page forged{page.resource, page.range, {}, page.columns, {}};
    const auto own = std::ranges::find(origins, self_, &OriginId::device);
    if (own == origins.end()) return forged;
    const auto origin = static_cast<Origin>(own - origins.begin());
    for (const message::Entry& entry : page.entries) {
        if (!entry.row || is_own(*entry.row, origins) || entry.values.empty()) continue;
        message::Entry edit;
        edit.key = entry.key;
        edit.era = entry.era;
        edit.life = message::Life{entry.era, *entry.row};
        edit.cells = {{0, {Hlc{entry.row->hlc.value + kHlcPerSecond}, origin}}};
        edit.values = {Value(std::string("forged"))};
        forged.entries.push_back(std::move(edit));
    }
    return forged;
}

void Liar::twist(message::Entry& entry, const std::vector<OriginId>& origins) {
    const bool is_all_own =
        (!entry.era || is_own(*entry.era, origins)) && (!entry.row || is_own(*entry.row, origins)) &&
        std::ranges::all_of(entry.cells, [&](const auto& cell) { return is_own(cell.stamp, origins); });
    if (!is_all_own) return;
    if (manner_ == Manner::far_future) {
        if (entry.era) entry.era->hlc.value += ahead_;
        if (entry.row) entry.row->hlc.value += ahead_;
        for (message::Cell& cell : entry.cells) cell.stamp.hlc.value += ahead_;
        if (entry.life) entry.life->row.hlc.value += ahead_;
    }
    if (manner_ != Manner::two_contents) return;
    for (Value& value : entry.values) {
        if (auto* text = std::get_if<std::string>(&value)) *text += std::to_string(random_.below(1'000));
    }
}

void Liar::twist(message::Vector& vector, const std::vector<OriginId>& origins) {
    if (manner_ != Manner::too_high && manner_ != Manner::too_low) return;
    for (auto& [index, hlc] : vector) {
        const OriginId& origin = origins[static_cast<std::size_t>(index)];
        if (origin.device != self_ || (origin_ && *origin_ != origin)) continue;
        origin_ = origin;
        const std::int64_t lower = random_.between(0, ahead_);
        hlc.value =
            manner_ == Manner::too_high ? hlc.value + ahead_ : std::max<std::int64_t>(1, hlc.value - lower);
    }
}

bool Liar::is_own(const message::Stamp& stamp, const std::vector<OriginId>& origins) const {
    return origins[static_cast<std::size_t>(stamp.origin)].device == self_;
}

}  // namespace strandline::simulator
