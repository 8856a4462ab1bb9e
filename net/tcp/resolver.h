#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <strandline/result.h>

#include "net/tcp/address.h"

namespace strandline::net::tcp {

using Endpoints = std::vector<asio::ip::tcp::endpoint>;

/// The endpoints of an address. May block for as long as the system's name service takes.
/// Error (network): there is no such host.
[[nodiscard]] Result<Endpoints> resolve_now(const Address& address);

/// Looks names up without making anybody wait, not even at the end: the system's name service may take
/// half a minute when its server is away, and cannot be interrupted. So each lookup has a thread of its
/// own, which is left behind when the Resolver goes.
///
/// Threads: everything on io_context's thread; the answer comes there too, unless the Resolver is gone.
class Resolver {
public:
    using Answer = std::function<void(Result<Endpoints>)>;

    explicit Resolver(asio::io_context& context) : way_back_(std::make_shared<WayBack>()) {
        way_back_->context = &context;
    }
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    void resolve(const Address& address, Answer answer);

private:
    struct WayBack {
        std::mutex mutex;
        asio::io_context* context = nullptr;  ///< null once the Resolver is gone
    };
    std::shared_ptr<WayBack> way_back_;
};

}  // namespace strandline::net::tcp
