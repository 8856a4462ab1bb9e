#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <strandline/ids.h>
#include <strandline/result.h>
#include <strandline/time.h>

#include "net/channel.h"
#include "net/tcp/limits.h"
#include "net/tcp/rivals.h"
#include "simulator/network.h"

namespace strandline::simulator {

/// A pipe of the simulated network, and over it the encrypted channel that ships. Plays the part of
/// net::tcp::Connection, whose states, limits and order of calls these are; only the socket is another.
///
/// Lifetime: its owner lives longer, and forget()s it when it goes itself.
class Connection final : public Network::End, public std::enable_shared_from_this<Connection> {
public:
    /// Who lives with the connection: a simulated device's host.
    class Owner {
    public:
        Owner() = default;
        Owner(const Owner&) = delete;
        Owner& operator=(const Owner&) = delete;
        virtual ~Owner() = default;
        [[nodiscard]] virtual SteadyMs steady() const = 0;
        virtual std::optional<Error> objection(const Connection& connection, const DeviceId& peer) = 0;
        virtual void proven(Connection& connection) = 0;
        virtual void received(Connection& connection, const std::string& frame) = 0;
        virtual bool takes_input() = 0;
        virtual void said_more() = 0;
        virtual void moved_bytes(std::size_t sent, std::size_t received) = 0;
        virtual void gone(Connection& connection, const Error& why) = 0;
    };

    Connection(Network& network, Owner& owner, const net::Identity& identity, bool inbound,
               net::Secret<32> ephemeral);

    void accepted(Network::Port port, std::size_t from);
    void dial(std::size_t from, std::size_t to);

    // What the network tells.
    void connected() override;
    void arrived(std::string_view bytes) override;
    void has_room() override;
    void ended(const std::string& why) override;

    void send(const std::string& frame);
    [[nodiscard]] bool wants_output() const {
        return state_ == State::proven && unsent() < net::tcp::kOutputBytesMax;
    }
    /// Bytes that wait to be sent.
    [[nodiscard]] std::size_t unsent() const {
        return (channel_ ? channel_->output_size() : 0) + network_.unsent(port_);
    }
    void resume();
    void leave(const std::string& why);
    void close(const Error& why);
    void check_deadlines();
    /// The owner's process is no more: nobody is told anything.
    void forget() { state_ = State::gone; }

    [[nodiscard]] bool inbound() const { return rival_.inbound; }
    [[nodiscard]] bool is_gone() const { return state_ == State::gone; }
    [[nodiscard]] const std::optional<DeviceId>& peer() const { return peer_; }
    /// Whose machine is at the other end. A copy of a device has the device's id, and a machine of its own.
    [[nodiscard]] std::size_t other() const { return other_; }
    [[nodiscard]] const net::tcp::Rival& rival() const { return rival_; }
    [[nodiscard]] std::int64_t session_ms() const {
        return was_proven_ ? owner_.steady().value - rival_.heard.value : 0;
    }

private:
    enum class State { connecting, greeting, proven, leaving, gone };

    void begin_handshake();
    void hand_over();
    void prove();
    void flush();

    Network& network_;
    Owner& owner_;
    Network::Port port_;
    std::size_t other_ = 0;
    net::tcp::Rival rival_;
    std::optional<DeviceId> peer_;
    std::optional<Error> objection_;
    const net::Identity& identity_;
    net::Secret<32> ephemeral_;
    std::optional<net::Channel>
        channel_;  ///< once there is somebody: half of all dials meet nobody, and a key pair is dear
    State state_;
    std::string why_leaving_;
    SteadyMs leaving_since_;
    SteadyMs progress_at_;
    bool was_proven_ = false;
};

}  // namespace strandline::simulator
