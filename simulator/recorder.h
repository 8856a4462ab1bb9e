#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <strandline/message.h>

#include "simulator/laws.h"
#include "simulator/schedule.h"
#include "simulator/written.h"

namespace strandline::simulator {

/// What a message is to whoever reads the report. Heartbeats are counted, and not drawn.
enum class Saying : std::size_t { hello, have, pull, push, answer, compare, bye, heartbeat };
constexpr std::size_t kSayings = 8;
[[nodiscard]] const char* name_of(Saying saying);

/// Where a fault struck: nowhere to be named, at a device, or on the way from one device to another.
struct Place {
    std::optional<std::size_t> device;
    std::optional<std::size_t> peer;
};

/// Keeps what the report shows of one run. There is one only when a report was asked for.
///
/// It looks on: nothing that it is told changes what happens, so the event hash is the same with and without.
///
/// Memory: bounded, but for Written. Of more messages than fit, of each kind, every second one is kept, then every
/// fourth, and so on; of moments likewise. Of turns and strikes the first are kept and the rest counted.
class Recorder {
public:
    static constexpr std::size_t kMessagesMost = 3'000;  ///< of one kind
    static constexpr std::size_t kSamplesMost = 600;     ///< half a pixel's width each on a laptop
    static constexpr std::size_t kTurnsMost = 20'000;    ///< of all devices together
    static constexpr std::size_t kStrikesMost = 5'000;

    Recorder(const Schedule& schedule, std::size_t devices) : schedule_(schedule), lanes_(devices) {}

    // --- what is told -----------------------------------------------------------------------------

    /// From now on the device is this: "running", "paused", "stopped", "down", "left".
    void lives(std::size_t device, const char* life);
    /// A peer sends the device a table from the beginning, and has sent it.
    void backfill_started(std::size_t device, const std::string& table);
    void backfill_done(std::size_t device, const std::string& table);
    void said(std::size_t from, std::size_t to, const Message& message, std::string_view frame);
    /// The frame has come whole; those said before it on this way, and not heard, were lost.
    void heard(std::size_t from, std::size_t to, const Message& message, std::string_view frame);
    void struck(const std::string& fault, Place place);
    void wrote(const std::string& table, const std::string& key, const Stamp& stamp);
    void holds(std::size_t device, const Coverage& coverage);
    /// One more moment for the curves: what each device held when it was last seen to hold something.
    void sample();
    /// The run is over: one last moment, which is always kept.
    void finish();

    // --- what was kept ----------------------------------------------------------------------------

    struct Turn {
        Moment at;
        const char* life;
    };
    struct Backfill {
        Moment from;
        std::optional<Moment> to;  ///< none: it is under way
    };
    struct Lane {
        std::vector<Turn> turns;           ///< absent before the first
        std::vector<Backfill> backfills;   ///< of all tables: while at least one is under way
        std::set<std::string> filling;     ///< tables, just now
        std::optional<Coverage> coverage;  ///< none: it has not come, or is gone
    };
    struct Said {
        std::uint64_t number = 0;  ///< of its kind
        Moment at;
        std::optional<Moment> heard_at;
        std::size_t from = 0;
        std::size_t to = 0;
        std::size_t bytes = 0;
        std::size_t rows = 0;
    };
    struct Kind {
        std::vector<Said> kept;
        std::uint64_t every = 1;  ///< one of so many is kept
        std::uint64_t count = 0;
        std::uint64_t bytes = 0;
    };
    struct Strike {
        Moment at;
        std::string fault;
        Place place;
    };
    struct Sample {
        Moment at;
        std::uint64_t written = 0;  ///< and held by at least one device
        std::vector<std::optional<std::uint64_t>> held;
    };
    [[nodiscard]] const std::vector<Lane>& lanes() const { return lanes_; }
    [[nodiscard]] const Kind& kind(Saying saying) const { return kinds_[static_cast<std::size_t>(saying)]; }
    [[nodiscard]] const std::vector<Strike>& strikes() const { return strikes_; }
    [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }
    /// From here on turns, or strikes, are not kept.
    [[nodiscard]] std::optional<Moment> turns_end() const { return turns_end_; }
    [[nodiscard]] std::optional<Moment> strikes_end() const { return strikes_end_; }

private:
    struct Awaited {
        Saying saying;
        std::uint64_t number;
        std::uint64_t fingerprint;
    };
    [[nodiscard]] bool has_room();
    void backfills_end(Lane& lane);
    [[nodiscard]] Sample sampled() const;

    const Schedule& schedule_;
    std::vector<Lane> lanes_;
    std::size_t turns_ = 0;
    std::array<Kind, kSayings> kinds_;
    std::map<std::pair<std::size_t, std::size_t>, std::deque<Awaited>> awaited_;
    std::vector<Strike> strikes_;
    Written written_;
    std::vector<Sample> samples_;
    std::uint64_t samples_count_ = 0;
    std::uint64_t samples_every_ = 1;
    std::optional<Moment> turns_end_;
    std::optional<Moment> strikes_end_;
};

}  // namespace strandline::simulator
