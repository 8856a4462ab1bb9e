#include "simulator/stranger.h"

#include <algorithm>

namespace strandline::simulator {
namespace {

net::Secret<32> secret(Random random) {
    const std::string bytes = random.bytes(32);
    net::Secret<32> secret;
    std::ranges::copy(bytes, secret.data());
    return secret;
}

}  // namespace

Stranger::Stranger(Network& network, Random random)
    : network_(network),
      identity_(secret(random.fork("identity"))),
      channel_(
          net::Role::initiator, identity_, [](const DeviceId&) { return true; },
          secret(random.fork("ephemeral"))) {}

void Stranger::arrived(std::string_view bytes) {
    if (channel_.receive(bytes)) return say();
    network_.close(port_);
}

void Stranger::say() {
    const std::string output = channel_.take_output();
    if (!output.empty()) network_.send(port_, output);
}

}  // namespace strandline::simulator
