#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "simulator/chronicle.h"
#include "simulator/random.h"
#include "simulator/schedule.h"

namespace strandline::simulator {

/// How one way of a link is, from one device to another.
struct Link {
    std::int64_t latency_us = 5'000;
    std::int64_t bytes_per_second = 10'000'000;
    std::int64_t clog_us = 0;  ///< what a crowd adds to the latency just now
    bool is_blocked = false;   ///< nothing gets through; it waits, as TCP sends again
    bool is_in_small_pieces = false;
};

/// Byte pipes between devices, as TCP gives them: in order and whole, or an end. And everything that TCP lets
/// through: late, slowly, in pieces of any size, cut in the middle, with a bit flipped, or never.
///
/// A pipe has a dialling and an accepting side, and each side an End. A pipe is `Port` to whoever uses one side.
class Network {
public:
    /// Who holds one side. Calls come from the schedule, never from within a call into the network.
    class End {
    public:
        End() = default;
        End(const End&) = delete;
        End& operator=(const End&) = delete;
        virtual ~End() = default;
        /// The dial went through.
        virtual void connected() = 0;
        virtual void arrived(std::string_view bytes) = 0;
        /// Some of what was sent is on its way, so more may be.
        virtual void has_room() = 0;
        /// The other side closed, or the pipe broke. Last of all.
        virtual void ended(const std::string& why) = 0;
    };
    struct Port {
        std::uint64_t pipe = 0;
        std::size_t side = 0;  ///< 0: dialled, 1: accepted
    };
    using Accept = std::function<std::shared_ptr<End>(Port, std::size_t from)>;

    Network(Schedule& schedule, Chronicle& chronicle, Random random)
        : schedule_(schedule), chronicle_(chronicle), random_(random) {}

    // --- for devices ------------------------------------------------------------------------------

    void listen(std::size_t device, Accept accept) { listeners_[device] = std::move(accept); }
    Port dial(std::size_t from, std::size_t to, std::shared_ptr<End> end);
    void send(Port port, std::string_view bytes);
    /// Bytes that are sent and not yet on their way.
    [[nodiscard]] std::size_t unsent(Port port) const;
    /// While paused nothing arrives: it waits, and keeps the other side from sending more.
    void pause(Port port, bool is_paused);
    /// Nothing more will be sent; what was goes on, then the other side hears of an end.
    void shut(Port port);
    /// The same, and nothing arrives here any more; the End is let go.
    void close(Port port);

    // --- for whoever does harm ----------------------------------------------------------------------

    /// The processes of a device die: whoever was connected hears of it.
    void hang_up(std::size_t device);
    /// A device has no power: nobody hears anything, until it is back and says that it knows no such pipe.
    void power_off(std::size_t device);
    void power_on(std::size_t device);
    /// One way's state; unblocking and the like take effect at once.
    [[nodiscard]] Link& link(std::size_t from, std::size_t to) { return links_[{from, to}]; }
    void block(std::size_t from, std::size_t to, bool is_blocked);
    /// Each of these picks one living pipe; false: there is none.
    bool reset_one();  ///< in the middle of what is on its way
    bool half_open_one();
    /// Whatever vanishes into a half-open pipe is told at last: both ends hear of a reset.
    void end_half_open();
    ///< from now on all that is sent vanishes, and nobody is told
    bool flip_bit_of_one();  ///< in the next bytes that arrive

    struct Traffic {
        std::uint64_t bytes = 0;
        // Counted by the devices:
        std::uint64_t messages = 0;
        std::uint64_t messages_least = 0;  ///< those that brought a row which the receiver lacked
        std::uint64_t bytes_least = 0;     ///< of their frames, with such rows alone
    };
    [[nodiscard]] Traffic& traffic(std::size_t from, std::size_t to) { return traffic_[{from, to}]; }
    using Ways = std::map<std::pair<std::size_t, std::size_t>, Traffic>;
    [[nodiscard]] const Ways& all_traffic() const { return traffic_; }

private:
    enum class Mark { bytes, fin, reset };
    struct Chunk {
        Mark mark = Mark::bytes;
        std::string bytes;
        Moment at;
    };
    /// Bytes in order. Taking some does not move the others, of which there may be megabytes; once empty it keeps no memory.
    class Queue {
    public:
        void add(std::string_view bytes) { bytes_ += bytes; }
        [[nodiscard]] std::string take(std::size_t size) {
            std::string taken = bytes_.substr(taken_, size);
            taken_ += taken.size();
            if (empty()) {
                clear();
            } else if (taken_ > bytes_.size() / 2) {
                bytes_.erase(0, taken_);
                taken_ = 0;
            }
            return taken;
        }
        [[nodiscard]] std::size_t size() const { return bytes_.size() - taken_; }
        [[nodiscard]] bool empty() const { return size() == 0; }
        void clear() { *this = {}; }

    private:
        std::string bytes_;
        std::size_t taken_ = 0;
    };
    /// One side, and what it has sent.
    struct Side {
        std::size_t device = 0;
        std::shared_ptr<End> end;
        bool is_paused = false;
        bool is_shut = false;
        Queue waiting;
        std::deque<Chunk> flying;
        std::size_t flying_bytes = 0;
        Moment last_at;
    };
    struct Pipe {
        Side sides[2];
        bool is_open = false;  ///< the dial went through
        bool is_lost = false;  ///< everything vanishes
        bool flips = false;
    };

    void answer(std::uint64_t id);
    void pump(std::uint64_t id, std::size_t side);
    void launch(std::uint64_t id, std::size_t side, Chunk chunk);
    void land(std::uint64_t id, std::size_t side);
    bool deliver(std::uint64_t id, std::size_t side);
    void end(std::uint64_t id, std::size_t side, const std::string& why);
    void abandon(Pipe& pipe, std::uint64_t id, std::size_t side);
    void forget_if_over(std::uint64_t id);
    [[nodiscard]] Pipe* find(std::uint64_t id);
    [[nodiscard]] std::uint64_t pick_pipe();

    Schedule& schedule_;
    Chronicle& chronicle_;
    Random random_;
    std::map<std::size_t, Accept> listeners_;
    std::set<std::size_t> powerless_;
    std::map<std::pair<std::size_t, std::size_t>, Link> links_;
    Ways traffic_;
    std::map<std::uint64_t, Pipe> pipes_;
    std::uint64_t pipes_made_ = 0;
};

}  // namespace strandline::simulator
