#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include <strandline/event.h>
#include <strandline/ids.h>
#include <strandline/message.h>

#include "simulator/chronicle.h"

namespace strandline::simulator {

/// Sees what one device says, hears and tells, and counts the situations that show there.
class Lookout {
public:
    explicit Lookout(Chronicle& chronicle) : chronicle_(chronicle) {}

    void began(const DeviceId& peer) { talks_[peer] = {}; }
    void said(const DeviceId& peer, const message::Message& message, std::size_t bytes);
    void heard(const DeviceId& peer, const message::Message& message);
    void told(const Event& event);

private:
    /// What is known of one session, from outside.
    struct Talk {
        std::uint32_t complete_haves = 0;  ///< said
        std::size_t unanswered_bytes = 0;  ///< of pages said since the peer's last Have
    };

    void asked(const DeviceId& peer, const message::Pull& pull);
    void took(const DeviceId& peer, const message::Pages& pages);

    Chronicle& chronicle_;
    std::map<DeviceId, Talk> talks_;
    std::map<std::string, DeviceId> asked_of_;  ///< by table: who was asked for it last
};

}  // namespace strandline::simulator
