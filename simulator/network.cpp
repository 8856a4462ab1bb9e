#include "simulator/network.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "simulator/check.h"

namespace strandline::simulator {
namespace {

/// What is on its way at most: a usual TCP window.
constexpr std::size_t kWindowBytes = 256 * 1024;
/// What one event carries at most.
constexpr std::size_t kChunkBytesMax = 64 * 1024;
constexpr std::size_t kSmallPieceBytesMax = 1'400;

}  // namespace

Network::Pipe* Network::find(std::uint64_t id) {
    const auto at = pipes_.find(id);
    return at != pipes_.end() ? &at->second : nullptr;
}

// --- connecting ---------------------------------------------------------------------------------

Network::Port Network::dial(std::size_t from, std::size_t to, std::shared_ptr<End> end) {
    const std::uint64_t id = ++pipes_made_;
    Pipe& pipe = pipes_[id];
    pipe.sides[0].device = from;
    pipe.sides[1].device = to;
    pipe.sides[0].end = std::move(end);
    schedule_.after(link(from, to).latency_us + link(from, to).clog_us, [this, id] { answer(id); });
    return {id, 0};
}

/// A dial has reached the other device, or nobody.
void Network::answer(std::uint64_t id) {
    Pipe* pipe = find(id);
    if (pipe == nullptr || pipe->sides[0].end == nullptr) return;
    const std::size_t from = pipe->sides[0].device;
    const std::size_t to = pipe->sides[1].device;
    if (link(from, to).is_blocked || link(to, from).is_blocked || powerless_.contains(to)) return;
    const auto listener = listeners_.find(to);
    const bool is_refused = listener == listeners_.end() || !listener->second;
    if (!is_refused) pipe->sides[1].end = listener->second({id, 1}, from);
    schedule_.after(link(to, from).latency_us, [this, id, is_refused] {
        Pipe* there = find(id);
        if (there == nullptr || there->sides[0].end == nullptr || there->is_lost) return;
        if (is_refused) return end(id, 0, "connection refused");
        there->is_open = true;
        const auto dialler = there->sides[0].end;
        dialler->connected();
    });
}

// --- sending ------------------------------------------------------------------------------------

void Network::send(Port port, std::string_view bytes) {
    Pipe* pipe = find(port.pipe);
    if (pipe == nullptr || pipe->sides[port.side].is_shut) return;
    pipe->sides[port.side].waiting.add(bytes);
    pump(port.pipe, port.side);
}

std::size_t Network::unsent(Port port) const {
    const auto at = pipes_.find(port.pipe);
    return at != pipes_.end() ? at->second.sides[port.side].waiting.size() : 0;
}

void Network::pump(std::uint64_t id, std::size_t side) {
    Pipe& pipe = *find(id);
    Side& sender = pipe.sides[side];
    const Link& way = link(sender.device, pipe.sides[1 - side].device);
    while (!sender.waiting.empty() && sender.flying_bytes < kWindowBytes) {
        std::size_t size = std::min(sender.waiting.size(), kChunkBytesMax);
        if (way.is_in_small_pieces) size = 1 + random_.below(std::min(size, kSmallPieceBytesMax));
        launch(id, side, {Mark::bytes, sender.waiting.take(size), {}});
    }
    if (sender.is_shut && sender.waiting.empty() &&
        (sender.flying.empty() || sender.flying.back().mark == Mark::bytes))
        launch(id, side, {Mark::fin, {}, {}});
}

void Network::launch(std::uint64_t id, std::size_t side, Chunk chunk) {
    Pipe& pipe = *find(id);
    Side& sender = pipe.sides[side];
    const std::size_t to = pipe.sides[1 - side].device;
    const Link& way = link(sender.device, to);
    const auto size = static_cast<std::int64_t>(chunk.bytes.size());
    // A way carries one byte after the other, whosever they are on this pipe.
    const Moment start = std::max(schedule_.now(), after(sender.last_at, -way.latency_us - way.clog_us));
    chunk.at =
        std::max(after(start, size * kUsPerSecond / way.bytes_per_second + way.latency_us + way.clog_us),
                 sender.last_at);
    sender.last_at = chunk.at;
    sender.flying_bytes += chunk.bytes.size();
    traffic(sender.device, to).bytes += chunk.bytes.size();
    schedule_.after(chunk.at.us - schedule_.now().us, [this, id, side] { land(id, side); });
    sender.flying.push_back(std::move(chunk));
}

// --- arriving -----------------------------------------------------------------------------------

/// Delivers what side `side` has sent and what has had its time, as far as nothing is in the way.
void Network::land(std::uint64_t id, std::size_t side) {
    while (deliver(id, side)) {
    }
    forget_if_over(id);
}

bool Network::deliver(std::uint64_t id, std::size_t side) {
    Pipe* pipe = find(id);
    if (pipe == nullptr || pipe->is_lost) return false;
    Side& sender = pipe->sides[side];
    Side& receiver = pipe->sides[1 - side];
    if (sender.flying.empty() || sender.flying.front().at > schedule_.now()) return false;
    if (link(sender.device, receiver.device).is_blocked || (receiver.is_paused && receiver.end)) return false;
    Chunk chunk = std::move(sender.flying.front());
    sender.flying.pop_front();
    sender.flying_bytes -= chunk.bytes.size();
    if (chunk.mark != Mark::bytes) {
        end(id, 1 - side,
            chunk.mark == Mark::fin ? "the peer closed the connection" : "connection reset by peer");
        return false;
    }
    if (std::exchange(pipe->flips, false))
        chunk.bytes[random_.below(chunk.bytes.size())] ^= static_cast<char>(1 << random_.below(8));
    chronicle_.note(receiver.device, "bytes", chunk.bytes, {});
    const bool had_waiting = !sender.waiting.empty();
    pump(id, side);
    // Held, as an end may go in the middle of hearing something.
    const auto sending = sender.end;
    const auto receiving = receiver.end;
    if (receiving) receiving->arrived(chunk.bytes);
    if (had_waiting && sending && find(id) != nullptr) sending->has_room();
    return true;
}

void Network::end(std::uint64_t id, std::size_t side, const std::string& why) {
    Pipe* pipe = find(id);
    if (pipe == nullptr) return;
    const auto gone = std::exchange(pipe->sides[side].end, nullptr);
    pipe->sides[side].is_shut = true;
    pipe->sides[side].waiting.clear();
    if (gone) gone->ended(why);
    forget_if_over(id);
}

void Network::pause(Port port, bool is_paused) {
    Pipe* pipe = find(port.pipe);
    if (pipe == nullptr || pipe->sides[port.side].is_paused == is_paused) return;
    pipe->sides[port.side].is_paused = is_paused;
    if (!is_paused) schedule_.after(0, [this, port] { land(port.pipe, 1 - port.side); });
}

void Network::shut(Port port) {
    Pipe* pipe = find(port.pipe);
    if (pipe == nullptr || pipe->sides[port.side].is_shut) return;
    pipe->sides[port.side].is_shut = true;
    pump(port.pipe, port.side);
}

void Network::close(Port port) {
    shut(port);
    if (Pipe* pipe = find(port.pipe)) pipe->sides[port.side].end = nullptr;
    forget_if_over(port.pipe);
}

void Network::forget_if_over(std::uint64_t id) {
    const Pipe* pipe = find(id);
    if (pipe == nullptr) return;
    for (const Side& side : pipe->sides) {
        if (side.end) return;
    }
    // Nobody is there to hear what still flies; a dial that nobody has answered is over too.
    pipes_.erase(id);
}

// --- harm ---------------------------------------------------------------------------------------

/// One side is gone without a word; what it sent is lost, and the other side hears of a reset.
void Network::abandon(Pipe& pipe, std::uint64_t id, std::size_t side) {
    Side& gone = pipe.sides[side];
    gone.end = nullptr;
    gone.is_shut = true;
    gone.waiting.clear();
    gone.flying.clear();
    gone.flying_bytes = 0;
    launch(id, side, {Mark::reset, {}, {}});
}

void Network::hang_up(std::size_t device) {
    std::vector<std::uint64_t> ids;
    for (auto& [id, pipe] : pipes_) ids.push_back(id);
    for (const std::uint64_t id : ids) {
        Pipe& pipe = *find(id);
        for (std::size_t side = 0; side < 2; ++side) {
            if (pipe.sides[side].device == device && pipe.sides[side].end) abandon(pipe, id, side);
        }
        forget_if_over(id);
    }
}

void Network::power_off(std::size_t device) {
    powerless_.insert(device);
    std::vector<std::uint64_t> ids;
    for (auto& [id, pipe] : pipes_) ids.push_back(id);
    for (const std::uint64_t id : ids) {
        Pipe& pipe = *find(id);
        for (Side& side : pipe.sides) {
            if (side.device != device) continue;
            side.end = nullptr;
            side.is_shut = true;
            pipe.is_lost = true;
        }
        forget_if_over(id);
    }
}

void Network::power_on(std::size_t device) {
    powerless_.erase(device);
    for (auto& [id, pipe] : pipes_) {
        for (std::size_t side = 0; side < 2; ++side) {
            if (pipe.sides[side].device != device || pipe.sides[side].end) continue;
            pipe.is_lost = false;
            abandon(pipe, id, side);
        }
    }
}

void Network::block(std::size_t from, std::size_t to, bool is_blocked) {
    Link& way = link(from, to);
    if (std::exchange(way.is_blocked, is_blocked) == is_blocked || is_blocked) return;
    for (const auto& [id, pipe] : pipes_) {
        for (std::size_t side = 0; side < 2; ++side) {
            if (pipe.sides[side].device != from || pipe.sides[1 - side].device != to) continue;
            schedule_.after(way.latency_us, [this, its = id, side] { land(its, side); });
        }
    }
}

std::uint64_t Network::pick_pipe() {
    std::vector<std::uint64_t> living;
    for (const auto& [id, pipe] : pipes_) {
        if (pipe.is_open && !pipe.is_lost) living.push_back(id);
    }
    return living.empty() ? 0 : random_.pick(living);
}

bool Network::reset_one() {
    const std::uint64_t id = pick_pipe();
    if (id == 0) return false;
    Pipe& pipe = *find(id);
    for (std::size_t side = 0; side < 2; ++side) {
        Side& sender = pipe.sides[side];
        if (!sender.flying.empty() && sender.flying.front().mark == Mark::bytes) {
            // Half of what flies first still arrives: the frame that it belongs to is cut.
            Chunk half = std::move(sender.flying.front());
            half.bytes.resize((half.bytes.size() + 1) / 2);
            sender.flying.clear();
            sender.flying_bytes = half.bytes.size();
            sender.flying.push_back(std::move(half));
        }
        sender.is_shut = true;
        sender.waiting.clear();
        launch(id, side, {Mark::reset, {}, {}});
    }
    return true;
}

bool Network::half_open_one() {
    const std::uint64_t id = pick_pipe();
    if (id == 0) return false;
    find(id)->is_lost = true;
    return true;
}

void Network::end_half_open() {
    for (auto& [id, pipe] : pipes_) {
        if (!pipe.is_lost) continue;
        pipe.is_lost = false;
        for (std::size_t side = 0; side < 2; ++side) {
            pipe.sides[side].is_shut = true;
            pipe.sides[side].waiting.clear();
            pipe.sides[side].flying.clear();
            launch(id, side, {Mark::reset, {}, {}});
        }
    }
}

bool Network::flip_bit_of_one() {
    const std::uint64_t id = pick_pipe();
    if (id == 0) return false;
    find(id)->flips = true;
    return true;
}

}  // namespace strandline::simulator
