#pragma once

#include <strandline/ids.h>
#include <strandline/time.h>

/// One connection a pair of devices: which one stays when there are two.
///
/// Two devices that name each other dial at the same moment, a device that lost its network dials again
/// while its peer still believes in the old connection, and one device may be named by two addresses.
/// Who dials gives up before it has shown its own key when it already has a connection with whom it
/// found (Host::objection). So a dial that went through says: "I had none just then." From this both
/// sides compute the same answer without a word more; and of two that came in the one that is dialled decides.
namespace strandline::net::tcp {

/// What the rule looks at.
struct Rival {
    bool inbound = false;      ///< the peer dialled
    SteadyMs began;            ///< when it was accepted, or its dial began
    SteadyMs heard;            ///< when the peer's first proof of being at the other end arrived
    SteadyMs heard_last = {};  ///< when anything of it was read
};

/// Whether `newcomer`, just proven, takes the place of `existing` at the device `self`.
///
/// - Both came in: the peer dialled again, so it has lost the old one.
/// - The newcomer came in, and began after the peer had been heard on the existing one: the same.
///   Not while the existing one is in use, for a while: then two devices have one key, a copy and its original, and take turns
///   of kTurnMs at most. (Else who was first comes back at once, and the other never gets anything.)
/// - Else they crossed on the way: what the smaller device id dialled stays.
[[nodiscard]] bool takes_over(const Rival& newcomer, const Rival& existing, const DeviceId& self,
                              const DeviceId& peer);

}  // namespace strandline::net::tcp
