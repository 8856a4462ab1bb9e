#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <strandline/event.h>
#include <strandline/ids.h>
#include <strandline/result.h>
#include <strandline/time.h>

namespace strandline {

/// Who may change a row of a tracked table.
enum class Ownership {
    shared,        ///< every device
    device_owned,  ///< only the device that inserted it
};

[[nodiscard]] const char* name_of(Ownership ownership);

enum class DeviceState { uninitialized, backfilling, catching_up, ready, paused };

[[nodiscard]] const char* name_of(DeviceState state);

struct WatermarkStatus {
    OriginId origin;
    Hlc hlc;
};

/// One piece of a resource's coverage. Keys are encoded (docs/schema.md); no `high`: to the end.
struct RangeStatus {
    std::string low;
    std::optional<std::string> high;
    std::vector<WatermarkStatus> watermarks;
};

/// A peer with which a table is not exchanged, though both track it, as of its last session.
struct NotExchangedStatus {
    DeviceId peer;
    std::string why;  ///< a sentence: what differs, and what to do
};

struct ResourceStatus {
    std::string name;
    Ownership ownership{};
    bool is_there = true;  ///< the app's table exists, as it was tracked; else nothing of it is exchanged
    std::int64_t rows = 0;
    std::int64_t pending = 0;                 ///< writes of apps that are not taken up yet, and not in `rows`
    std::vector<WatermarkStatus> watermarks;  ///< what holds in every range: the componentwise minimum
    std::vector<RangeStatus> ranges;
    std::vector<NotExchangedStatus> not_exchanged;
};

struct PeerStatus {
    DeviceId device;
    std::string name;
    bool connected = false;
    bool heard = false;   ///< it has been heard from, ever; until then nobody knows what it holds
    bool parked = false;  ///< deletions are forgotten here without waiting for it
    std::int64_t behind =
        0;  ///< rows held here that the peer has not yet acknowledged: all, until it is heard
    std::optional<double> rtt_ms;
};

/// A device that others let in, and that this one has heard of.
struct OtherStatus {
    DeviceId device;
    bool parked = false;  ///< as of a peer
};

struct BackfillStatus {
    DeviceId peer;  ///< who is asked, or was last
    /// Nobody is asked now: it goes on by itself once this peer, or another that has the rest, is back.
    bool is_waiting = false;
    std::int64_t rows_done = 0;
    std::int64_t rows_total = 0;
    std::vector<std::string> resources_done;  ///< of which all is here, large values too
    std::string resource;
    double fraction = 0;          ///< 0 to 1; unlike rows_done / rows_total it never falls
    std::int64_t bytes_done = 0;  ///< keys and values, in this backfill; of large values each part
    std::int64_t bytes_total = 0;
    double rows_per_second = 0;  ///< of the last seconds
    double bytes_per_second = 0;
    std::optional<std::int64_t> seconds_left = {};  ///< at that rate; empty: nobody knows yet
};

/// Counted since the database was made; durable.
struct TrafficStatus {
    std::int64_t messages = 0;
    std::int64_t bytes = 0;  ///< as the network sees them, encryption and framing included
    std::int64_t rows = 0;
};

struct Status {
    DeviceId device;
    std::string name;
    DeviceState state{};
    std::vector<ResourceStatus> resources;
    std::vector<PeerStatus> peers;    ///< those that are let in
    std::vector<OtherStatus> others;  ///< deletions wait for these, too
    std::optional<BackfillStatus> backfill;
    std::int64_t quarantined = 0;
    std::int64_t conflicts = 0;
    TrafficStatus sent;
    TrafficStatus received;
};

/// The id of the device that a database belongs to.
[[nodiscard]] Result<DeviceId> read_device_id(const std::string& database);

/// Reads a device's status from its database file; works beside a running device and without one.
/// `running`: whether the lock says that a process runs the device now; without one no peer counts as connected.
[[nodiscard]] Result<Status> read_status(const std::string& database, bool running);

/// The events after `number`, oldest first, at most `most`.
[[nodiscard]] Result<std::vector<Event>> read_events(const std::string& database, std::int64_t number,
                                                     std::size_t most);

}  // namespace strandline
