#include "engine/store/status.h"

#include <strandline/engine.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "engine/limits.h"
#include "engine/store/coverage.h"
#include "engine/store/ledger.h"
#include "engine/store/reading.h"
#include "engine/store/schema.h"
#include "engine/store/stamps.h"
#include "engine/text.h"

namespace strandline {
namespace engine::store {
namespace {

std::vector<OriginId> read_origins(Connection& connection) {
    std::vector<OriginId> ids;
    Statement statement =
        connection.prepare("SELECT device, incarnation FROM strandline_origins ORDER BY id");
    while (statement.step())
        ids.push_back(
            {device_id_from_bytes(statement.bytes(0)), static_cast<Incarnation>(statement.integer(1))});
    return ids;
}

std::vector<WatermarkStatus> named(const watermarks::Vector& vector, const std::vector<OriginId>& ids) {
    std::vector<WatermarkStatus> watermarks;
    for (const auto& [origin, hlc] : vector.entries())
        watermarks.push_back({ids[static_cast<std::size_t>(origin)], hlc});
    std::ranges::sort(watermarks, {}, &WatermarkStatus::origin);
    return watermarks;
}

std::vector<ResourceStatus> read_resources(Connection& connection, const std::vector<OriginId>& ids) {
    std::vector<ResourceStatus> resources;
    auto not_exchanged = Ledger(connection).not_exchanged();
    Statement statement = connection.prepare(
        "SELECT id, name, ownership, rows, is_away OR NOT EXISTS (SELECT 1 FROM sqlite_schema "
        "WHERE type = 'table' AND name = strandline_resources.name COLLATE NOCASE) "
        "FROM strandline_resources ORDER BY name");
    std::map<std::int64_t, std::int64_t> pending;
    Statement journal =
        connection.prepare("SELECT resource, count(*) FROM strandline_journal GROUP BY resource");
    while (journal.step()) pending[journal.integer(0)] = journal.integer(1);
    while (statement.step()) {
        const watermarks::Coverage coverage = load_coverage(connection, statement.integer(0));
        ResourceStatus resource;
        resource.name = statement.text(1);
        resource.ownership = statement.text(2) == "shared" ? Ownership::shared : Ownership::device_owned;
        resource.rows = statement.integer(3);
        resource.is_there = statement.integer(4) == 0;
        resource.pending = pending[statement.integer(0)];
        resource.watermarks = named(coverage.floor(), ids);
        for (const watermarks::Piece& piece : coverage.pieces())
            resource.ranges.push_back({piece.range.low, piece.range.high, named(piece.vector, ids)});
        resource.not_exchanged = std::move(not_exchanged[statement.integer(0)]);
        resources.push_back(std::move(resource));
    }
    return resources;
}

DeviceState state_of(Connection& connection, const Status& status, bool running) {
    if (status.resources.empty()) return DeviceState::uninitialized;
    const bool is_split = std::ranges::any_of(status.resources, [](const ResourceStatus& resource) {
        return resource.is_there && resource.ranges.size() > 1;
    });
    if (status.backfill || is_split) return DeviceState::backfilling;
    const bool catches_up = running && connection.ask_text("SELECT state FROM strandline_device") ==
                                           name_of(DeviceState::catching_up);
    return catches_up ? DeviceState::catching_up : DeviceState::ready;
}

Error trouble_with(const std::string& database, const StorageError& error) {
    if (error.is_busy()) return {Category::busy, database + " is locked by another process", Retry::later};
    return {Category::storage, "cannot read " + database + ": " + error.advised(), Retry::never};
}

Error not_a_device(const std::string& database) {
    return {Category::usage, database + " is not a device's database; `strandline init` makes it one"};
}

/// Opens a device's database for reading beside whoever else has it open, and runs `read` on it.
template <typename T, typename Read>
Result<T> read_database(const std::string& database, Read&& read) {
    try {
        std::error_code trouble;
        if (!std::filesystem::exists(database, trouble) && !trouble)
            return failure(Category::usage, "there is no file " + database);
        Reading reading(database);
        if (!has_schema(reading.connection())) return tl::unexpected(not_a_device(database));
        Result<T> result = read(reading.connection());
        if (!reading.is_torn()) return result;
        return failure(Category::busy, database + " was written to while it was read; try again",
                       Retry::later);
    } catch (const StorageError& error) {
        return tl::unexpected(trouble_with(database, error));
    }
}

/// What is held here and the peer has not yet acknowledged, in rows.
std::int64_t count_behind(Connection& connection, const std::map<std::int64_t, watermarks::Vector>& receipts,
                          const std::set<std::int64_t>& not_exchanged, std::size_t origins) {
    std::int64_t behind = 0;
    Fingerprints fingerprints(connection);
    Stamps stamps(connection, fingerprints);
    Statement resources = connection.prepare("SELECT id, rows FROM strandline_resources");
    while (resources.step()) {
        const std::int64_t resource = resources.integer(0);
        if (not_exchanged.contains(resource)) continue;
        const auto held = receipts.find(resource);
        behind += held == receipts.end() ? resources.integer(1)
                                         : stamps.count_since(resource, held->second, origins, kBehindMax);
    }
    return behind;
}

}  // namespace

Status read_status(Connection& connection, bool running) {
    const Snapshot snapshot(connection);
    Ledger ledger(connection);
    const DeviceRow device = read_device(connection);
    Status status;
    status.device = device.device;
    status.name = device.name;
    const std::vector<OriginId> origins = read_origins(connection);
    status.resources = read_resources(connection, origins);
    status.peers = ledger.peers();
    for (const Ledger::Member& member : ledger.members()) {
        if (!member.is_let_in) status.others.push_back({member.device, member.is_parked});
    }
    auto receipts = ledger.receipts();
    std::map<DeviceId, std::set<std::int64_t>> not_exchanged;
    for (const auto& [resource, peers] : ledger.not_exchanged()) {
        for (const NotExchangedStatus& peer : peers) not_exchanged[peer.peer].insert(resource);
    }
    for (PeerStatus& peer : status.peers) {
        peer.connected = peer.connected && running;
        peer.behind =
            count_behind(connection, receipts[peer.device], not_exchanged[peer.device], origins.size());
    }
    status.backfill = ledger.backfill();
    if (status.backfill) {
        status.backfill->is_waiting = std::ranges::none_of(status.peers, [&](const PeerStatus& peer) {
            return peer.connected && peer.device == status.backfill->peer;
        });
    }
    status.quarantined = connection.ask_integer("SELECT count(*) FROM strandline_quarantine");
    status.sent = ledger.traffic("sent");
    status.received = ledger.traffic("received");
    status.state = state_of(connection, status, running);
    return status;
}

}  // namespace engine::store

using engine::store::Connection;
using engine::store::OpenMode;
using engine::store::StorageError;

Result<Status> read_status(const std::string& database, bool running) {
    return engine::store::read_database<Status>(database, [&](Connection& connection) -> Result<Status> {
        return engine::store::read_status(connection, running);
    });
}

Result<DeviceId> read_device_id(const std::string& database) {
    return engine::store::read_database<DeviceId>(database, [](Connection& connection) -> Result<DeviceId> {
        return engine::store::read_device(connection).device;
    });
}

Result<std::vector<Event>> read_events(const std::string& database, std::int64_t number, std::size_t most) {
    return engine::store::read_database<std::vector<Event>>(
        database, [&](Connection& connection) -> Result<std::vector<Event>> {
            return engine::store::Ledger(connection).events_after(number, most);
        });
}

Result<std::int64_t> leave_request(const std::string& database, const Request& request) {
    try {
        Connection connection(database, OpenMode::existing);
        connection.set_busy_ms(engine::kBusyMs);
        if (!engine::store::has_schema(connection))
            return tl::unexpected(engine::store::not_a_device(database));
        return engine::store::Ledger(connection).add_request(request);
    } catch (const StorageError& error) {
        return tl::unexpected(engine::store::trouble_with(database, error));
    }
}

Result<bool> request_answered(const std::string& database, std::int64_t number) {
    return engine::store::read_database<bool>(database, [&](Connection& connection) -> Result<bool> {
        const auto answer = engine::store::Ledger(connection).answer_to(number);
        if (answer && !*answer) return tl::unexpected(answer->error());
        return answer.has_value();
    });
}

Result<Verification> request_verified(const std::string& database, std::int64_t number) {
    return engine::store::read_database<Verification>(
        database, [&](Connection& connection) -> Result<Verification> {
            if (const auto found = engine::store::Ledger(connection).verified_by(number)) return *found;
            return failure(Category::usage, "no proof was made for the request " + std::to_string(number));
        });
}

Result<void> init_database(const InitOptions& options, Now now) {
    if (auto fit = engine::check_name(options.name); !fit) return fit;
    try {
        Connection connection(options.database, OpenMode::create, options.vfs);
        connection.set_busy_ms(engine::kBusyMs);
        if (engine::store::has_schema(connection)) {
            const auto device = engine::store::read_device(connection).device;
            return failure(Category::usage, options.database + " is a device already, " + short_hex(device) +
                                                "; nothing was changed");
        }
        if (connection.ask_text("PRAGMA journal_mode = WAL") != "wal") {
            return failure(Category::storage, options.database +
                                                  " cannot be put into WAL mode, which Strandline needs; is "
                                                  "it read-only, or on a file system without shared memory?");
        }
        engine::store::Transaction transaction(connection);
        engine::store::create_schema(connection, options, now);
        transaction.commit();
        return {};
    } catch (const StorageError& error) {
        if (error.is_busy()) return tl::unexpected(engine::store::trouble_with(options.database, error));
        return failure(Category::storage,
                       "cannot make " + options.database + " a device: " + error.advised());
    }
}

}  // namespace strandline
