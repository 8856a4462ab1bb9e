// Asking an address which device answers there, and nothing else.
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <asio/io_context.hpp>

#include <strandline/node.h>

#include "net/key_file.h"
#include "net/tcp/address.h"
#include "net/tcp/connection.h"
#include "net/tcp/limits.h"
#include "net/tcp/machine.h"
#include "net/tcp/resolver.h"

namespace strandline {
namespace {

using namespace net::tcp;

/// Goes through a handshake until the other side has shown its key. Who dials speaks last in it, so hanging up there
/// leaves the connections that the other side has with the same device as they are.
class Caller final : public Connection::Owner {
public:
    explicit Caller(const net::Identity& identity) : identity_(identity) {}

    Result<DeviceId> ask(const Address& address, double seconds) {
        std::shared_ptr<Connection> connection;
        Resolver resolver(context_);
        const auto work = asio::make_work_guard(context_);
        resolver.resolve(address, [&](const Result<Endpoints>& endpoints) {
            if (!endpoints) return fail(endpoints.error());
            connection = std::make_shared<Connection>(context_, identity_, *this, now().steady);
            connection->dial(*endpoints);
        });
        const double limit = std::min(seconds, static_cast<double>(kHandshakeMs) / 1000);
        context_.run_for(std::chrono::milliseconds(static_cast<std::int64_t>(limit * 1000)));
        if (connection) connection->close({Category::timeout, "no answer", Retry::later});
        context_.restart();
        context_.poll();  // What the connection had under way is called off.
        if (peer_) return *peer_;
        return tl::unexpected(why_.value_or(Error{Category::timeout, "no answer", Retry::later}));
    }

private:
    std::optional<Error> objection(const Connection& /*connection*/, const DeviceId& peer) override {
        peer_ = peer;
        return Error{Category::busy, "this is all that was to be known", Retry::never};
    }
    void gone(Connection& /*connection*/, const Error& why) override { fail(why); }
    void proven(Connection& /*connection*/) override {}
    void received(Connection& /*connection*/, const std::string& /*frame*/) override {}
    bool takes_input() override { return false; }
    void has_room(Connection& /*connection*/) override {}
    void moved_bytes(std::size_t /*sent*/, std::size_t /*received*/) override {}

    void fail(const Error& why) {
        if (!why_) why_ = why;
        context_.stop();
    }

    const net::Identity& identity_;
    asio::io_context context_{1};
    std::optional<DeviceId> peer_;
    std::optional<Error> why_;
};

}  // namespace

Result<DeviceId> device_at(const std::string& database, const std::string& address, double seconds) {
    const auto parsed = parse_address(address);
    if (!parsed) return tl::unexpected(parsed.error());
    const auto key = net::KeyFile::load(net::key_path_of(database));
    if (!key) return tl::unexpected(key.error());
    return Caller(key->identity()).ask(*parsed, seconds);
}

}  // namespace strandline
