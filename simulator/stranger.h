#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/channel.h"
#include "net/identity.h"
#include "simulator/network.h"
#include "simulator/random.h"

namespace strandline::simulator {

/// A device that nobody has let in: it dials, proves who it is as it should, and must hear nothing more. What it meets
/// checks law 10; it says no frame itself.
class Stranger final : public Network::End, public std::enable_shared_from_this<Stranger> {
public:
    Stranger(Network& network, Random random);

    void knock(std::size_t from, std::size_t to) { port_ = network_.dial(from, to, shared_from_this()); }

    void connected() override { say(); }
    void arrived(std::string_view bytes) override;
    void has_room() override {}
    void ended(const std::string& /*why*/) override {}

private:
    void say();

    Network& network_;
    net::Identity identity_;
    net::Channel channel_;
    Network::Port port_;
};

}  // namespace strandline::simulator
