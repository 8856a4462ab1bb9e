#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <strandline/message.h>
#include <strandline/result.h>

#include "net/packing.h"

/// Messages as bytes: MessagePack arrays, laid out in docs/protocol.md. Bytes become a Message here, once,
/// and are trusted after that.
namespace strandline::net {

/// What stands first in an encoded message. Numbers are never given to another kind.
enum class Kind : std::uint8_t {
    hello = 1,
    have = 2,
    pull = 3,
    pages = 4,
    ping = 5,
    pong = 6,
    bye = 7,
    waive = 8,
    compare = 9,
    fetch = 10,
    part = 11
};

/// The message must keep what decode checks; else the other side refuses it.
[[nodiscard]] std::string encode(const Message& message);
/// The same for a peer that unpacks: pages are packed where that pays.
[[nodiscard]] std::string encode(const Message& message, Packer& packer);

/// Checks everything that <strandline/message.h> promises, and the limits in net/limits.h. Fields behind
/// those that we know are skipped. Error (protocol): what is wrong with the bytes.
///
/// Memory: what the bytes really hold; at most kListBytesMax for lists, and the texts in them; what is
/// packed may hold a frame's worth, whatever its own size.
[[nodiscard]] Result<Message> decode(std::string_view bytes);

}  // namespace strandline::net
