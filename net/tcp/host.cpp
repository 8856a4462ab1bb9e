#include "net/tcp/host.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include <asio/post.hpp>

#include "net/codec.h"
#include "net/limits.h"
#include "net/tcp/machine.h"
#include "net/tcp/writer.h"

namespace strandline::net::tcp {

Host::Host(asio::io_context& context, HostParts parts)
    : context_(context),
      parts_(std::move(parts)),
      watch_(context, parts_.database, std::chrono::milliseconds(kPulseMs)),
      resolver_(context),
      timer_(context) {
    for (const auto& peer : parts_.peers) named_.push_back({Dialer(peer), nullptr});
}

Result<void> Host::run() {
    once_until_.reset();
    serve();
    if (auto error = trouble()) return tl::unexpected(*error);
    return {};
}

Result<bool> Host::run_once(double seconds) {
    if (named_.empty()) return failure(Category::usage, "there is nobody to be in step with: name a peer");
    if (!(seconds >= 0)) return failure(Category::usage, "the time to get in step must not be negative");
    const double limited_ms = std::min(seconds * 1000, 1e15);
    once_until_ = SteadyMs{now().steady.value + std::llround(limited_ms)};
    serve();
    if (auto error = trouble()) return tl::unexpected(*error);
    return in_step_;
}

std::optional<Error> Host::trouble() const {
    return lost_ ? lost_ : parts_.engine.failure();
}

void Host::stop() {
    is_stop_due_ = true;
    asio::post(context_, [this] { goodbye(); });
}

void Host::serve() {
    phase_ = Phase::running;
    in_step_ = false;
    context_.restart();
    watch_.start([this] { look(); });
    look();
    tick();
    context_.run();
    tell_events();  // Of the sessions that have just ended.
    phase_ = Phase::idle;
}

void Host::ask_settle() {
    if (settle_due_) return;
    settle_due_ = true;
    asio::post(context_, [this] {
        settle_due_ = false;
        settle();
    });
}

void Host::settle() {
    if (phase_ == Phase::idle) return;
    if (!is_file_lost()) talk();
    arm();
}

void Host::talk() {
    const auto sessions = sessions_;  // Saying something may end a session.
    for (const auto& [peer, connection] : sessions) say(peer, *connection);
    tell_events();
    finish_when_due();
    if (takes_input()) {
        const auto connections = connections_;
        for (const auto& connection : connections) connection->resume();
    }
}

/// Asked after whatever the engine has committed, and before any of it is said.
bool Host::is_file_lost() {
    if (!lost_) {
        lost_ = parts_.place.lost();
        if (lost_) goodbye();
    }
    return lost_.has_value();
}

void Host::say(const DeviceId& peer, Connection& connection) {
    while (connection.wants_output()) {
        auto message = engine().next_message(peer, now());
        if (is_file_lost()) return;
        if (message) {
            const std::string frame = frame_of(*message, peer);
            if (frame.size() > kFrameBytesMax) {
                // Told, and the process lives; a row of that size stays here until it is smaller.
                const std::string why =
                    "a row is larger than a message may be, " + std::to_string(kFrameBytesMax >> 20) + " MiB";
                end_session(connection, why);
                connection.leave(now().steady, why);
                return;
            }
            connection.send(frame);
        } else if (engine().is_closed(peer)) {
            end_session(connection, "the session is over");
            connection.leave(now().steady, "the session is over");
        } else {
            return;
        }
    }
}

std::string Host::frame_of(Message& message, const DeviceId& peer) {
    if (auto* hello = std::get_if<message::Hello>(&message); hello != nullptr && parts_.packs)
        hello->features |= message::kUnpacks;
    const auto packer = packers_.find(peer);
    return packer != packers_.end() ? encode(message, packer->second) : encode(message);
}

void Host::tell_events() {
    while (const auto event = engine().next_event()) {
        // Whoever was just let in may be behind an address that we dial in vain.
        if (event->kind == EventKind::trusted) {
            for (auto& named : named_) named.dialer.hurry(now().steady);
        }
        if (on_event_) on_event_(*event);
        ask_settle();  // The callback may have asked something of the engine.
    }
}

void Host::finish_when_due() {
    if (phase_ != Phase::running) return;
    if (once_until_) {
        in_step_ = is_in_step_with_all();
        const bool is_over = now().steady >= *once_until_;
        if (!in_step_ && is_over) tell_not_in_step();
        if (in_step_ || is_over) return goodbye();
    }
    if (engine().failure()) goodbye();
}

bool Host::has_session(const Named& named) const {
    return named.dialer.device() && sessions_.contains(*named.dialer.device());
}

bool Host::is_in_step_with(const Named& named) const {
    if (!has_session(named)) return false;
    const auto& [peer, connection] = *sessions_.find(*named.dialer.device());
    // With a full buffer the engine may still have a receipt to say.
    return connection->wants_output() && parts_.engine.is_in_step(peer);
}

bool Host::is_in_step_with_all() const {
    return std::all_of(named_.begin(), named_.end(),
                       [this](const Named& named) { return is_in_step_with(named); });
}

void Host::tell_not_in_step() {
    for (const Named& named : named_) {
        if (is_in_step_with(named)) continue;
        const std::string address = to_text(named.dialer.address());
        notices_.say(has_session(named) ? "connected with " + address + ", but not in step with it yet"
                                        : "no session with " + address + " came about in that time",
                     now().steady);
    }
}

void Host::arm() {
    SteadyMs next{now().steady.value + kPulseMs};
    if (phase_ == Phase::closing) next = std::min(next, SteadyMs{closing_since_.value + kGoodbyeMs});
    const auto consider = [&next](std::optional<SteadyMs> time) {
        if (time) next = std::min(next, *time);
    };
    if (phase_ == Phase::running) {
        consider(engine().next_deadline());
        consider(once_until_);
        for (const auto& named : named_) consider(dial_at(named));
    }
    timer_.expires_at(asio::steady_timer::time_point(std::chrono::milliseconds(next.value)));
    timer_.async_wait([this](const asio::error_code& trouble) {
        if (!trouble) tick();
    });
}

void Host::tick() {
    const Now at = now();
    const auto connections = connections_;
    for (const auto& connection : connections) connection->check_deadlines(at.steady);
    if (phase_ == Phase::running) {
        listen();
        engine().advance(now());
        dial_what_is_due(at.steady);
        tell_lock();
    }
    settle();
}

/// After two seconds, and whenever that has doubled; and once more when it is over.
void Host::tell_lock() {
    const auto at = now().steady;
    const auto since = engine().locked_since();
    const std::int64_t waited_ms = since ? at.value - since->value : 0;
    if (!since && lock_told_ms_ > 0) notices_.say("the write lock of the database is free again", at);
    if (waited_ms >= std::max(kLockToldMs, 2 * lock_told_ms_)) {
        notices_.say("waits for " + writer_of(parts_.database) + ", which holds the write lock of " +
                         parts_.database + ", since " + std::to_string(waited_ms / 1000) + " s",
                     at);
        lock_told_ms_ = waited_ms;
    }
    if (!since) lock_told_ms_ = 0;
}

void Host::look() {
    if (phase_ != Phase::running) return;
    engine().database_changed(now());
    ask_settle();
}

void Host::goodbye() {
    is_stop_due_ = false;  // What ends the sessions is to be done.
    if (phase_ != Phase::running) return;
    phase_ = Phase::closing;
    closing_since_ = now().steady;
    if (parts_.listener) parts_.listener->stop();
    watch_.stop();
    const auto connections = connections_;
    for (const auto& connection : connections) {
        end_session(*connection, "this device stops");
        connection->leave(now().steady, "this device stops");
    }
    if (connections_.empty()) context_.stop();
    ask_settle();
}

// --- what a Connection asks and tells ---------------------------------------------------------------

bool Host::takes_input() {
    return phase_ == Phase::running && engine().wants_input();
}

void Host::has_room(Connection&) {
    ask_settle();
}

void Host::moved_bytes(std::size_t sent, std::size_t received) {
    engine().count_bytes(static_cast<std::int64_t>(sent), static_cast<std::int64_t>(received));
}

void Host::received(Connection& connection, const std::string& frame) {
    auto message = decode(frame);
    if (!message) return connection.close(message.error());
    const auto* hello = std::get_if<message::Hello>(&*message);
    if (hello != nullptr && parts_.packs && (hello->features & message::kUnpacks) != 0)
        packers_.try_emplace(*connection.peer(), now_us);
    engine().receive(*connection.peer(), std::move(*message), now());
    ask_settle();
}

}  // namespace strandline::net::tcp
