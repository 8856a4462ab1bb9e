#include <strandline/engine.h>

#include <utility>

#include "engine/device.h"
#include "engine/limits.h"
#include "engine/store/status.h"
#include "planted/planted.h"

namespace strandline {

using engine::Device;
using engine::Session;
using engine::store::StorageError;

namespace {

Error error_from(const StorageError& error, const std::string& database) {
    if (error.is_busy()) {
        return {
            Category::busy,
            database +
                " is locked by another process; an app that holds the lock for seconds should commit sooner",
            Retry::later};
    }
    if (error.is_stopped()) {
        return {Category::busy,
                "stopped before the work on " + database + " was done; it goes on the next time",
                Retry::later};
    }
    return {Category::storage, "the database " + database + " gave an error: " + error.advised(),
            Retry::never};
}

}  // namespace

/// A Device, and what its doors share: whoever comes in finds it working, or hears why it does not.
struct Engine::Parts {
    Parts(const EngineOptions& options, std::unique_ptr<engine::store::Connection> opened, Now now)
        : database(options.database), id(options.device), device(options, std::move(opened), now) {}

    /// Runs a step. A lock of another process's puts it off (false); any other trouble ends all work.
    template <typename Step>
    bool guarded(Now now, Step&& step) {
        if (failure) return true;
        try {
            step();
            return true;
        } catch (const StorageError& error) {
            return is_put_off(error, now);
        }
    }

    bool is_put_off(const StorageError& error, Now now) {
        try {
            const bool may_work_later = error.is_busy() || error.is_stopped() || is_schema_to_blame();
            device.recover();
            if (may_work_later) {
                if (error.is_busy()) device.meet_lock(now);
                if (!device.retry_at) device.retry_at = SteadyMs{now.steady.value + engine::kBusyRetryMs};
                return false;
            }
        } catch (const StorageError&) {
            // The first error is the one to tell.
        }
        fail(error, now);
        return true;
    }

    /// A step that failed may have done so because the app has changed its schema since we looked. Where one schema is met in vain
    /// again and again, the error is told.
    bool is_schema_to_blame() {
        if (!device.is_schema_stale()) return false;
        const auto version = device.store.connection.ask_integer("PRAGMA schema_version");
        if (std::exchange(stale_schema, version) != version) stale_tries = 0;
        return ++stale_tries <= engine::kStaleTriesMax;
    }

    /// Nothing more can be done until the database is opened anew.
    void fail(const StorageError& error, Now now) {
        failure = error_from(error, database);
        device.events.push_back({0, now.wall, EventKind::trouble, {}, {}, failure->message, 0});
        for (auto& [peer, session] : device.sessions) session.close("its database failed");
    }

    Session* session(const DeviceId& peer) {
        const auto at = device.sessions.find(peer);
        return at != device.sessions.end() ? &at->second : nullptr;
    }

    /// Messages that waited for the lock, oldest first.
    void drain_inbox(Now now) {
        while (!device.inbox.empty() && !failure) {
            auto& waiting = device.inbox.front();
            const bool done = guarded(now, [&] {
                if (Session* from = session(waiting.first)) device.take(*from, waiting.second, now);
            });
            if (!done) return;
            device.inbox.pop_front();
        }
    }

    std::string database;
    DeviceId id;
    Device device;
    std::optional<Error> failure;
    std::int64_t stale_schema = 0;  ///< SQLite's number of the schema that was met in vain last
    int stale_tries = 0;            ///< how often
};

Result<Engine> Engine::open(const EngineOptions& options, Now now) {
    try {
        auto opened = std::make_unique<engine::store::Connection>(
            options.database, engine::store::OpenMode::existing, options.vfs);
        if (auto objection = engine::store::objection_to(*opened, options.database, options.device))
            return tl::unexpected(*objection);
        return Engine(std::make_unique<Parts>(options, std::move(opened), now));
    } catch (const StorageError& error) {
        return tl::unexpected(error_from(error, options.database));
    }
}

Engine::Engine(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

Engine::~Engine() {
    if (!parts_ || parts_->failure) return;
    try {
        // What was only for others to see: figures and counters.
        parts_->device.sessions.clear();
        parts_->device.store.connection.set_busy_ms(engine::kBusyMs);
        parts_->device.close();
    } catch (const StorageError&) {
        // Nothing depends on it.
    }
}

namespace {

/// Runs an operator's step: its own errors, and the database's, as a Result.
template <typename Step>
Result<void> asked(Engine::Parts& parts, Now now, Step&& step) {
    if (parts.failure) return tl::unexpected(*parts.failure);
    try {
        Result<void> result = step();
        if (!result) parts.device.recover();
        return result;
    } catch (const StorageError& error) {
        try {
            parts.device.recover();
        } catch (const StorageError&) {
            parts.fail(error, now);  // The first error is the one to tell.
        }
        return tl::unexpected(error_from(error, parts.database));
    }
}

}  // namespace

Result<void> Engine::track(const std::vector<std::string>& tables, Ownership ownership, Now now) {
    return asked(*parts_, now, [&] { return parts_->device.track(tables, ownership, now); });
}

TrackProgress Engine::track_progress() const {
    return parts_->device.track_progress();
}

Result<void> Engine::untrack(const std::vector<std::string>& tables, Now now) {
    return asked(*parts_, now, [&] { return parts_->device.untrack(tables, now); });
}

Result<void> Engine::trust(const DeviceId& device, const std::string& name, Now now) {
    return asked(*parts_, now, [&] { return parts_->device.trust(device, name, now); });
}

Result<void> Engine::park(const DeviceId& device, bool is_parked, Now now) {
    return asked(*parts_, now, [&] { return parts_->device.park(device, is_parked, now); });
}

Result<void> Engine::remember(const std::function<Result<Opening>()>& count) {
    if (parts_->failure) return tl::unexpected(*parts_->failure);
    try {
        return parts_->device.remember_opening(count);  // Nothing of it is mirrored, so nothing is read anew.
    } catch (const StorageError& error) {
        return tl::unexpected(error_from(error, parts_->database));
    }
}

Result<void> Engine::verify(bool is_deep, Now now) {
    return asked(*parts_, now, [&]() -> Result<void> {
        parts_->device.verify(is_deep ? engine::store::Proof::deep : engine::store::Proof::shallow, now);
        return {};
    });
}

Result<void> Engine::note_snapshot(const std::string& text, Now now) {
    return asked(*parts_, now, [&]() -> Result<void> {
        parts_->device.note_snapshot(text, now);
        return {};
    });
}

const std::optional<Verification>& Engine::verified() const {
    return parts_->device.verified();
}

bool Engine::is_trusted(const DeviceId& device) const {
    return parts_->device.let_in.contains(device) || is_planted(planted::Bug::stranger_served);
}

void Engine::database_changed(Now now) {
    parts_->device.tempo.is_now(now.steady);
    parts_->guarded(now, [&] { parts_->device.look(now); });
}

void Engine::peer_up(const DeviceId& peer, Now now) {
    parts_->guarded(now, [&] { parts_->device.connect(peer, now); });
}

void Engine::peer_down(const DeviceId& peer, const std::string& reason, Now now) {
    parts_->guarded(now, [&] { parts_->device.disconnect(peer, reason, now); });
}

void Engine::receive(const DeviceId& from, message::Message message, Now now) {
    parts_->device.tempo.is_now(now.steady);
    ++parts_->device.received.messages;
    parts_->device.inbox.emplace_back(from, std::move(message));
    parts_->drain_inbox(now);
}

void Engine::advance(Now now) {
    Device& device = parts_->device;
    device.tempo.is_now(now.steady);
    const bool was_put_off = device.retry_at.has_value();
    if (device.retry_at && now.steady >= *device.retry_at) {
        device.retry_at.reset();
        device.store.connection.set_busy_ms(engine::kBusyMs);
        parts_->guarded(now, [&] { device.look(now); });
        parts_->drain_inbox(now);
    }
    if (!device.retry_at) parts_->guarded(now, [&] { device.take_waiting(now); });
    if (!device.retry_at) parts_->guarded(now, [&] { device.let_pass(now); });
    // Only now, since what was put off may be something else than what was done here.
    if (!was_put_off && !device.retry_at) device.locked_since.reset();
}

void Engine::count_bytes(std::int64_t sent, std::int64_t received) {
    parts_->device.sent.bytes += sent;
    parts_->device.received.bytes += received;
}

std::optional<message::Message> Engine::next_message(const DeviceId& peer, Now now) {
    parts_->device.tempo.is_now(now.steady);
    Session* session = parts_->session(peer);
    std::optional<message::Message> out;
    if (session == nullptr) return out;
    parts_->guarded(now, [&] {
        out = session->next_control(now);
        if (!out && session->is_ready() && session->may_send_pages())
            out = parts_->device.read_pages(*session, now);
        if (!out && !session->was_in_step) parts_->device.tell_in_step(*session, now);
    });
    if (out) ++parts_->device.sent.messages;
    return out;
}

bool Engine::is_closed(const DeviceId& peer) const {
    const Session* session = parts_->session(peer);
    return session == nullptr || session->state() == engine::SessionState::closed;
}

bool Engine::wants_input() const {
    return parts_->device.inbox.empty() && parts_->device.has_room();
}

std::optional<Event> Engine::next_event() {
    auto& events = parts_->device.events;
    if (events.empty()) return std::nullopt;
    Event event = std::move(events.front());
    events.pop_front();
    return event;
}

std::optional<SteadyMs> Engine::next_deadline() const {
    if (parts_->failure) return std::nullopt;
    return parts_->device.next_deadline();
}

DeviceId Engine::device() const {
    return parts_->id;
}

std::optional<SteadyMs> Engine::locked_since() const {
    return parts_->device.locked_since;
}

bool Engine::is_in_step(const DeviceId& peer) const {
    const Session* session = parts_->session(peer);
    Device& device = parts_->device;
    return session != nullptr && session->is_in_step() && device.inbox.empty() && !device.has_waiting() &&
           !device.owes_retry();
}

Status Engine::status() const {
    Status status = engine::store::read_status(parts_->device.store.connection, true);
    status.state = parts_->device.state();
    if (status.backfill) status.backfill->is_waiting = !parts_->device.is_being_filled();
    return status;
}

std::optional<Error> Engine::failure() const {
    return parts_->failure;
}

}  // namespace strandline
