#pragma once

#include <functional>
#include <string>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <strandline/result.h>

#include "net/tcp/address.h"

namespace strandline::net::tcp {

/// Takes connections that come in.
/// Threads: io_context's.
class Listener {
public:
    /// Binds, so the port is known and taken from here on; nothing is accepted before start().
    /// Error (network): no such host or interface, the port is in use or needs more rights.
    [[nodiscard]] static Result<Listener> open(asio::io_context& context, const Address& address);

    [[nodiscard]] int port() const;
    /// Hands over each connection. When accepting fails (too many open files) it says why and
    /// rests until the next start(), which a host calls once a second in any case.
    void start(std::function<void(asio::ip::tcp::socket)> arrived,
               std::function<void(const std::string&)> trouble);
    void stop();

private:
    explicit Listener(asio::ip::tcp::acceptor acceptor) : acceptor_(std::move(acceptor)) {}
    void accept();

    asio::ip::tcp::acceptor acceptor_;
    std::function<void(asio::ip::tcp::socket)> arrived_;
    std::function<void(const std::string&)> trouble_;
    bool accepting_ = false;
};

}  // namespace strandline::net::tcp
