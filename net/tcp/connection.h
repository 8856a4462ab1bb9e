#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <strandline/ids.h>
#include <strandline/result.h>
#include <strandline/time.h>

#include "net/channel.h"
#include "net/identity.h"
#include "net/tcp/limits.h"
#include "net/tcp/resolver.h"
#include "net/tcp/rivals.h"

namespace strandline::net::tcp {

/// One socket, and the encrypted channel over it.
///
///     connecting ──▶ greeting ──▶ proven ──▶ leaving ──▶ gone
///          └─────────────┴───────────┴───────────┴────────▲   close(), from anywhere
///
///   connecting  a dial: TCP is under way
///   greeting    keys are exchanged
///   proven      the peer is known, trusted, and has shown that it lets us in: it has finished the
///               handshake (it dialled), or said a first frame after it (we dialled)
///   leaving     nothing more is said: what waits is flushed, then we wait for the peer to leave too
///   gone        the socket is closed, and the owner has been told
///
/// Bounded: one read's worth of bytes and what Channel allows for one frame come in, and nothing is read
/// while the owner takes no input; the owner sends only while wants_output().
/// Threads: io_context's. Every call into the owner comes from the event loop or from close().
class Connection : public std::enable_shared_from_this<Connection> {
public:
    /// Who lives with the connection: the Host.
    class Owner {
    public:
        Owner() = default;
        Owner(const Owner&) = delete;
        Owner& operator=(const Owner&) = delete;
        virtual ~Owner() = default;
        /// What speaks against going on with the device at the other end; empty: nothing.
        virtual std::optional<Error> objection(const Connection& connection, const DeviceId& peer) = 0;
        virtual void proven(Connection& connection) = 0;
        virtual void received(Connection& connection, const std::string& frame) = 0;
        /// Whether received() may be called just now.
        virtual bool takes_input() = 0;
        /// There is room again to say more.
        virtual void has_room(Connection& connection) = 0;
        virtual void moved_bytes(std::size_t sent, std::size_t received) = 0;
        /// Told once, last of all.
        virtual void gone(Connection& connection, const Error& why) = 0;
    };

    /// For a socket that was accepted.
    Connection(asio::ip::tcp::socket socket, const Identity& identity, Owner& owner, SteadyMs now);
    /// For a dial.
    Connection(asio::io_context& context, const Identity& identity, Owner& owner, SteadyMs now);

    /// Begins, on an accepted socket.
    void greet();
    /// Begins, by dialling one endpoint after the other.
    void dial(const Endpoints& endpoints);

    void send(const std::string& frame);
    /// Whether so little waits to be sent that more may be said.
    [[nodiscard]] bool wants_output() const { return state_ == State::proven && unsent() < kOutputBytesMax; }
    /// Goes on handing over frames after takes_input() was false.
    void resume();
    /// Flushes, says goodbye, and closes when the peer does or when kGoodbyeMs are over.
    void leave(SteadyMs now, const std::string& why);
    void close(const Error& why);
    /// Closes what has taken too long.
    void check_deadlines(SteadyMs now);

    /// Whether both are ends of one connection, whose handshake is under way: then we talk to ourselves.
    [[nodiscard]] bool is_other_end_of(const Connection& other) const {
        return channel_.transcript() && channel_.transcript() == other.channel_.transcript();
    }
    [[nodiscard]] bool inbound() const { return rival_.inbound; }
    [[nodiscard]] bool is_proven() const { return state_ == State::proven; }
    [[nodiscard]] bool was_proven() const { return was_proven_; }
    /// How long ago it was proven, in milliseconds; 0: it never was.
    [[nodiscard]] std::int64_t session_ms(SteadyMs now) const {
        return was_proven_ ? now.value - rival_.heard.value : 0;
    }
    /// Came in and has not yet said who it is.
    [[nodiscard]] bool is_stranger() const { return inbound() && state_ == State::greeting; }
    /// Since objection() had none; before, nobody.
    [[nodiscard]] const std::optional<DeviceId>& peer() const { return peer_; }
    [[nodiscard]] const Rival& rival() const { return rival_; }
    /// The other end's numeric address, for people; without its port when it dialled, since that port
    /// says nothing and would make every try look new.
    [[nodiscard]] const std::string& remote() const { return remote_; }

private:
    enum class State { connecting, greeting, proven, leaving, gone };

    Channel make_channel(const Identity& identity);
    [[nodiscard]] std::size_t unsent() const;
    void read();
    void took(const asio::error_code& trouble, std::size_t size);
    void hand_over();
    void prove();
    void flush();
    void write();
    void wrote(const asio::error_code& trouble, std::size_t size);

    asio::ip::tcp::socket socket_;
    Owner& owner_;
    Rival rival_;
    std::optional<DeviceId> peer_;
    std::optional<Error> objection_;
    Channel channel_;
    State state_;
    std::string remote_;
    std::string why_leaving_;
    SteadyMs leaving_since_;
    bool was_proven_ = false;
    bool reading_ = false;
    bool shut_ = false;

    std::array<char, kReadBytesMax> input_{};
    std::string output_;  ///< being written
    std::size_t written_ = 0;
    SteadyMs progress_at_;  ///< when the peer last took a byte of it
};

}  // namespace strandline::net::tcp
