#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <strandline/engine.h>

#include "net/key_file.h"
#include "net/packing.h"
#include "net/tcp/connection.h"
#include "net/tcp/dialer.h"
#include "net/tcp/listener.h"
#include "net/tcp/lock.h"
#include "net/tcp/notices.h"
#include "net/tcp/place.h"
#include "net/tcp/resolver.h"
#include "net/tcp/watch.h"

namespace strandline::net::tcp {

/// What a host is made of; Node::open() brings it together.
struct HostParts {
    std::string database;
    Place place;  ///< complete
    Lock lock;
    KeyFile key;
    std::optional<Listener> listener;
    Engine engine;
    std::vector<Address> peers;
    bool packs = true;  ///< pages for peers that unpack, and says that it unpacks itself
};

/// An engine among sockets: carries what passes through the engine's doors, and nothing else.
///
///     bytes ──Connection──▶ message ──▶ ┌────────┐ ──▶ message ──Connection──▶ bytes
///     file changed ──Watch────────────▶ │ Engine │ ──▶ events, told to whoever runs us
///     time ──timer────────────────────▶ └────────┘ ──▶ the next deadline
///
///     idle ──run()──▶ running ──stop(), a result, a failing disk, a lost file──▶ closing ──all gone──▶ idle
///
/// After whatever went in, settle() asks every door out. One thread, one event loop.
/// Invariant: the engine knows of at most one connection a device, those in `sessions_`. Nothing is said to a peer
///            before it is sure that what the engine has committed stands in the database that everybody sees.
/// Threads:   as Node says.
class Host final : public Connection::Owner {
public:
    /// `context` must outlive the host, and is its alone.
    Host(asio::io_context& context, HostParts parts);

    [[nodiscard]] Engine& engine() { return parts_.engine; }
    [[nodiscard]] KeyFile& key() { return parts_.key; }
    [[nodiscard]] const std::string& database() const { return parts_.database; }
    [[nodiscard]] int port() const { return parts_.listener ? parts_.listener->port() : 0; }
    void on_event(std::function<void(const Event&)> callback) { on_event_ = std::move(callback); }
    void on_notice(std::function<void(const std::string&)> callback) {
        notices_.on_notice(std::move(callback));
    }

    [[nodiscard]] Result<void> run();
    [[nodiscard]] Result<bool> run_once(double seconds);
    void stop();
    /// Whether stop() was called and has not got through to the loop yet: what is under way is to end. Any thread may ask.
    [[nodiscard]] bool is_stop_due() const { return is_stop_due_; }

private:
    enum class Phase { idle, running, closing };
    using ConnectionRef = std::shared_ptr<Connection>;

    /// A peer that was named, and the connection that its dialer made.
    struct Named {
        Dialer dialer;
        ConnectionRef connection;
    };

    // What a Connection asks and tells.
    std::optional<Error> objection(const Connection& connection, const DeviceId& peer) override;
    void proven(Connection& connection) override;
    void received(Connection& connection, const std::string& frame) override;
    bool takes_input() override;
    void has_room(Connection& connection) override;
    void moved_bytes(std::size_t sent, std::size_t received) override;
    void gone(Connection& connection, const Error& why) override;

    // The loop.
    void serve();
    void ask_settle();
    void settle();
    /// Says what is due, and takes in what there is room for.
    void talk();
    void say(const DeviceId& peer, Connection& connection);
    [[nodiscard]] std::string frame_of(Message& message, const DeviceId& peer);
    void tell_events();
    [[nodiscard]] bool is_file_lost();
    void tell_lock();
    void finish_when_due();
    void arm();
    void tick();
    void look();
    void goodbye();

    // Connections.
    void listen();
    void arrived(asio::ip::tcp::socket socket);
    void make_room_for_strangers();
    [[nodiscard]] std::optional<SteadyMs> dial_at(const Named& named) const;
    void dial_what_is_due(SteadyMs now);
    void dial(std::size_t index, const Result<Endpoints>& endpoints);
    void end_session(Connection& connection, const std::string& why);
    void give_notice(const Connection& connection, const Error& why);
    [[nodiscard]] bool has_session(const Named& named) const;
    [[nodiscard]] bool is_in_step_with(const Named& named) const;
    [[nodiscard]] bool is_in_step_with_all() const;
    void tell_not_in_step();
    [[nodiscard]] std::optional<Error> trouble() const;

    asio::io_context& context_;
    HostParts parts_;
    Watch watch_;
    Resolver resolver_;
    asio::steady_timer timer_;
    Notices notices_;
    std::function<void(const Event&)> on_event_;

    Phase phase_ = Phase::idle;
    std::atomic<bool> is_stop_due_ = false;
    bool settle_due_ = false;
    std::optional<SteadyMs> once_until_;  ///< run_once()'s end; none: run()
    bool in_step_ = false;                ///< run_once()'s answer
    std::optional<Error> lost_;           ///< the database is not the one that was opened
    SteadyMs closing_since_;
    std::int64_t lock_told_ms_ = 0;  ///< how long a lock had been in the way when that was last told

    std::vector<Named> named_;
    std::vector<ConnectionRef> connections_;  ///< all that live, oldest first
    std::map<DeviceId, ConnectionRef> sessions_;
    std::map<DeviceId, Packer> packers_;  ///< of sessions whose peer unpacks
};

}  // namespace strandline::net::tcp
