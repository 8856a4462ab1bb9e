#include <strandline/node.h>

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "net/mark.h"
#include "net/tcp/host.h"
#include "net/tcp/limits.h"
#include "net/tcp/machine.h"

namespace strandline {

namespace tcp = net::tcp;

namespace {

/// Counts an opening, or its orderly end, in the key file and then in the database. Whoever comes in between finds
/// that they differ, which costs a new incarnation. Error (busy): the database is locked, and nothing was counted.
Result<void> count(net::KeyFile& key, const std::string& database, Engine& engine) {
    return engine.remember([&]() -> Result<Opening> {
        if (auto counted = key.set_opened(key.opened() + 1); !counted) return tl::unexpected(counted.error());
        return Opening{key.opened(), net::mark_of(database)};
    });
}

}  // namespace

struct Node::Parts {
    asio::io_context context{1};
    std::optional<tcp::Host> host;  // Goes before the context that its sockets live in.

    Parts() = default;
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;
    /// A copy of the database that was made while this ran is not what is left here.
    ~Parts() {
        if (host && !host->engine().failure()) (void)count(host->key(), host->database(), host->engine());
    }
};

namespace {

Result<std::vector<tcp::Address>> parse_peers(const std::vector<std::string>& texts) {
    std::vector<tcp::Address> peers;
    for (const auto& text : texts) {
        auto address = tcp::parse_address(text);
        if (!address) return tl::unexpected(address.error());
        if (address->port == 0)
            return failure(Category::usage, "'" + text + "' has port 0, where nobody listens");
        peers.push_back(std::move(*address));
    }
    return peers;
}

/// Binds the port, when one is asked for.
Result<std::optional<tcp::Listener>> open_listener(asio::io_context& context, const std::string& text) {
    if (text.empty()) return std::nullopt;
    const auto address = tcp::parse_address(text);
    if (!address) return tl::unexpected(address.error());
    auto listener = tcp::Listener::open(context, *address);
    if (!listener) return tl::unexpected(listener.error());
    return std::move(*listener);
}

/// Again and again while another process has the database locked, for as long as `wait_on` says.
template <typename Attempt>
auto unlocked(const Attempt& attempt, const std::function<bool()>& wait_on) {
    while (true) {
        auto result = attempt();
        const bool is_locked = !result && result.error().category == Category::busy;
        if (!is_locked || !wait_on || !wait_on()) return result;
        std::this_thread::sleep_for(std::chrono::milliseconds(tcp::kOpenAgainMs));
    }
}

}  // namespace

Result<Node> Node::open(const NodeOptions& options) {
    auto parts = std::make_unique<Parts>();
    // What changes nothing comes first, so that a wrong call leaves everything as it was.
    auto peers = parse_peers(options.peers);
    if (!peers) return tl::unexpected(peers.error());
    auto key = net::KeyFile::load(net::key_path_of(options.database));
    if (!key) return tl::unexpected(key.error());
    auto lock = tcp::Lock::take(options.database);
    if (!lock) return tl::unexpected(lock.error());
    // Again, now that nobody else can be raising the count in it.
    key = net::KeyFile::load(net::key_path_of(options.database));
    if (!key) return tl::unexpected(key.error());
    auto listener = open_listener(parts->context, options.listen);
    if (!listener) return tl::unexpected(listener.error());
    tcp::Place place(options.database);
    const Opening found{key->opened(), net::mark_of(options.database)};
    const auto open = [&] {
        EngineOptions told{options.database, key->identity().device(), "", tcp::system_entropy, found};
        told.stop_asked = [parts = parts.get(), before = options.stop_asked] {
            return parts->host ? parts->host->is_stop_due() : before && before();
        };
        told.bytes_per_second_max = options.bytes_per_second_max;
        told.rows_per_second_max = options.rows_per_second_max;
        told.is_trial = options.is_trial;
        return Engine::open(told, tcp::now());
    };
    auto engine = unlocked(open, options.wait_on);
    if (!engine) return tl::unexpected(engine.error());
    place.note_rest();
    const auto counted = unlocked([&] { return count(*key, options.database, *engine); }, options.wait_on);
    if (!counted) return tl::unexpected(counted.error());
    parts->host.emplace(
        parts->context,
        tcp::HostParts{options.database, std::move(place), std::move(*lock), std::move(*key),
                       std::move(*listener), std::move(*engine), std::move(*peers), options.compression});
    return Node(std::move(parts));
}

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(Node&&) noexcept = default;
Node::~Node() = default;

Engine& Node::engine() {
    return parts_->host->engine();
}
int Node::port() const {
    return parts_->host->port();
}

void Node::on_event(std::function<void(const Event&)> callback) {
    parts_->host->on_event(std::move(callback));
}
void Node::on_notice(std::function<void(const std::string&)> callback) {
    parts_->host->on_notice(std::move(callback));
}

Result<void> Node::run() {
    return parts_->host->run();
}
Result<bool> Node::run_once(double seconds) {
    return parts_->host->run_once(seconds);
}
void Node::stop() {
    parts_->host->stop();
}

}  // namespace strandline
