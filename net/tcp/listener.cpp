#include "net/tcp/listener.h"

#include <utility>

#include "net/tcp/resolver.h"

namespace strandline::net::tcp {

Result<Listener> Listener::open(asio::io_context& context, const Address& address) {
    const auto endpoints = resolve_now(address);
    if (!endpoints) return tl::unexpected(endpoints.error());
    const auto& endpoint = endpoints->front();

    asio::ip::tcp::acceptor acceptor(context);
    asio::error_code trouble;
    acceptor.open(endpoint.protocol(), trouble);
    // A port that our last run used may be used again at once; one that somebody listens on may not.
    if (!trouble) acceptor.set_option(asio::socket_base::reuse_address(true), trouble);
    if (!trouble) acceptor.bind(endpoint, trouble);
    if (!trouble) acceptor.listen(asio::socket_base::max_listen_connections, trouble);
    if (trouble == asio::error::address_in_use) {
        return failure(Category::network,
                       "cannot listen on " + to_text(address) +
                           ": the port is in use; choose another, or 0 to have one picked",
                       Retry::later);
    }
    if (trouble) {
        return failure(Category::network,
                       "cannot listen on " + to_text(address) + ": " + trouble.message() +
                           "; give an address of this machine, and a port that you may use");
    }
    return Listener(std::move(acceptor));
}

int Listener::port() const {
    asio::error_code trouble;
    const auto endpoint = acceptor_.local_endpoint(trouble);
    return trouble ? 0 : endpoint.port();
}

void Listener::start(std::function<void(asio::ip::tcp::socket)> arrived,
                     std::function<void(const std::string&)> trouble) {
    arrived_ = std::move(arrived);
    trouble_ = std::move(trouble);
    if (!accepting_) accept();
}

void Listener::accept() {
    accepting_ = true;
    acceptor_.async_accept([this](const asio::error_code& trouble, asio::ip::tcp::socket socket) {
        accepting_ = false;
        if (trouble == asio::error::operation_aborted) return;
        if (trouble) return trouble_("cannot take a connection: " + trouble.message());
        arrived_(std::move(socket));
        if (!accepting_) accept();
    });
}

void Listener::stop() {
    asio::error_code ignored;
    acceptor_.cancel(ignored);
}

}  // namespace strandline::net::tcp
