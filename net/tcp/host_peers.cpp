// Host's other half: which connections there are, and who may have one.
#include <algorithm>
#include <utility>

#include "net/tcp/host.h"
#include "net/tcp/machine.h"
#include "net/tcp/rivals.h"

namespace strandline::net::tcp {

void Host::listen() {
    if (!parts_.listener) return;
    parts_.listener->start([this](asio::ip::tcp::socket socket) { arrived(std::move(socket)); },
                           [this](const std::string& trouble) { notices_.say(trouble, now().steady); });
}

void Host::arrived(asio::ip::tcp::socket socket) {
    if (phase_ != Phase::running) return;
    make_room_for_strangers();
    const auto connection =
        std::make_shared<Connection>(std::move(socket), parts_.key.identity(), *this, now().steady);
    connections_.push_back(connection);
    connection->greet();
}

void Host::make_room_for_strangers() {
    const auto is_stranger = [](const ConnectionRef& connection) { return connection->is_stranger(); };
    const auto strangers = std::count_if(connections_.begin(), connections_.end(), is_stranger);
    if (static_cast<std::size_t>(strangers) < kStrangersMost) return;
    const auto oldest = *std::find_if(connections_.begin(), connections_.end(), is_stranger);
    oldest->close({Category::timeout, "too many connections wait to say who they are; the oldest had to go",
                   Retry::later});
}

std::optional<SteadyMs> Host::dial_at(const Named& named) const {
    if (named.dialer.device() && sessions_.contains(*named.dialer.device())) return std::nullopt;
    return named.dialer.due();
}

void Host::dial_what_is_due(SteadyMs now) {
    for (std::size_t index = 0; index < named_.size(); ++index) {
        const auto due = dial_at(named_[index]);
        if (!due || *due > now) continue;
        auto& dialer = named_[index].dialer;
        dialer.started();
        resolver_.resolve(dialer.address(),
                          [this, index](const Result<Endpoints>& endpoints) { dial(index, endpoints); });
    }
}

void Host::dial(std::size_t index, const Result<Endpoints>& endpoints) {
    auto& named = named_[index];
    const auto at = now().steady;
    if (!endpoints || phase_ != Phase::running) {
        if (!endpoints) notices_.say(endpoints.error().message + "; trying again", at);
        named.dialer.ended(0, at, system_entropy());
        return arm();
    }
    // Each try begins with another of the host's addresses, since one that swallows packets uses up the time.
    auto order = *endpoints;
    const auto first = static_cast<std::ptrdiff_t>(named.dialer.failures() % order.size());
    std::rotate(order.begin(), order.begin() + first, order.end());
    named.connection = std::make_shared<Connection>(context_, parts_.key.identity(), *this, at);
    connections_.push_back(named.connection);
    named.connection->dial(order);
}

std::optional<Error> Host::objection(const Connection& connection, const DeviceId& peer) {
    for (auto& named : named_) {
        if (named.connection.get() == &connection) named.dialer.found(peer);
    }
    // Who has our key and is not ourselves is a copy of us: as such it is let in, and each gets the other's writes.
    const bool is_ourselves = peer == engine().device();
    const auto is_other_end = [&](const ConnectionRef& other) {
        return other.get() != &connection && connection.is_other_end_of(*other);
    };
    if (is_ourselves && std::any_of(connections_.begin(), connections_.end(), is_other_end)) {
        return Error{Category::auth, "this device itself answers there; it needs no connection to itself"};
    }
    if (!is_ourselves && !engine().is_trusted(peer)) {
        return Error{Category::auth, "device " + short_hex(peer) +
                                         " is not trusted here; to let it in, run: strandline trust " +
                                         parts_.database + " " + to_hex(peer)};
    }
    // Who dials speaks last in the handshake, so stopping here leaves the other side's connections as they are.
    const bool dialled_already =
        std::any_of(connections_.begin(), connections_.end(), [&](const ConnectionRef& other) {
            return other.get() != &connection && !other->inbound() && other->peer() == peer;
        });
    if (!connection.inbound() && (dialled_already || sessions_.contains(peer))) {
        return Error{Category::busy, "there is a connection with that device already", Retry::later};
    }
    return std::nullopt;
}

void Host::proven(Connection& connection) {
    const DeviceId peer = *connection.peer();
    const auto existing = sessions_.find(peer);
    if (existing != sessions_.end()) {
        const Error why{Category::busy, "another connection with that device took its place", Retry::later};
        if (!takes_over(connection.rival(), existing->second->rival(), engine().device(), peer)) {
            return connection.close(why);
        }
        const auto old = existing->second;
        old->close(why);
    }
    sessions_.emplace(peer, connection.shared_from_this());
    engine().peer_up(peer, now());
    ask_settle();
}

void Host::end_session(Connection& connection, const std::string& why) {
    if (!connection.peer()) return;
    const auto session = sessions_.find(*connection.peer());
    if (session == sessions_.end() || session->second.get() != &connection) return;
    sessions_.erase(session);
    packers_.erase(*connection.peer());
    const auto at = now();
    engine().peer_down(*connection.peer(), why, at);
    // Both sides lose a session at one moment; the jitter keeps them from dialling at one moment too.
    for (auto& [dialer, its_connection] : named_) {
        if (!dialer.is_resting() || dialer.device() != connection.peer()) continue;
        dialer.ended(connection.session_ms(at.steady), at.steady, system_entropy());
    }
    ask_settle();
}

void Host::gone(Connection& connection, const Error& why) {
    end_session(connection, why.message);
    give_notice(connection, why);
    const auto at = now().steady;
    for (auto& [dialer, its_connection] : named_) {
        if (its_connection.get() != &connection) continue;
        dialer.ended(connection.session_ms(at), at, system_entropy());
        its_connection.reset();
    }
    std::erase_if(connections_, [&](const ConnectionRef& other) { return other.get() == &connection; });
    if (phase_ == Phase::closing && connections_.empty()) context_.stop();
    ask_settle();
}

/// Sessions that end are events of the engine; this is about those that never came to be.
void Host::give_notice(const Connection& connection, const Error& why) {
    if (phase_ != Phase::running || connection.was_proven() || why.category == Category::busy) return;
    const auto named = std::find_if(named_.begin(), named_.end(), [&](const Named& candidate) {
        return candidate.connection.get() == &connection;
    });
    const auto at = now().steady;
    if (named == named_.end()) {
        // Who hangs up without a word found that it has a connection with us already, or scans ports.
        if (why.category != Category::network) {
            notices_.say("a connection from " + connection.remote() + " was refused: " + why.message, at);
        }
        return;
    }
    const std::string address = to_text(named->dialer.address());
    if (connection.peer() && why.category == Category::network) {
        notices_.say(
            "device " + short_hex(*connection.peer()) + " at " + address + " hung up after the handshake (" +
                why.message + "); if it does not trust this device yet, run there: strandline trust DB " +
                to_hex(engine().device()) +
                "; if another device runs with a copy of this one's key, each of the two has its turn",
            at);
    } else {
        notices_.say("no session with " + address + ": " + why.message +
                         (why.retry == Retry::later ? "; trying again" : ""),
                     at);
    }
}

}  // namespace strandline::net::tcp
