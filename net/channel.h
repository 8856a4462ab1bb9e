#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <strandline/ids.h>
#include <strandline/result.h>

#include "net/identity.h"
#include "net/limits.h"
#include "net/noise.h"
#include "net/secret.h"

namespace strandline::net {

/// Whether this device may talk with that one. Asked once, after the other has proved who it is.
using Trust = std::function<bool(const DeviceId&)>;

/// One connection, without the socket: bytes in, bytes out, and between them whole frames that only the
/// two devices can read or write. docs/protocol.md has every byte.
///
///     shaking hands ──both have proved who they are, and are trusted──> open
///           └──────────────────── any error ─────────────────────┬────────┘
///                                                               dead
///
/// Invariant: no frame goes out, and none comes out of next_frame, before the other side has proved that
///            it is a device that we trust. An initiator that is not trusted gets no byte after message 2.
/// Memory:    grows with what was received and not yet fetched, never by what a peer announces.
/// Errors:    protocol (not strandline/1, or bytes that were changed), auth (no proof, or not trusted). An
///            error is final: output is dropped, and every Result says the same error again.
/// Threads:   one at a time.
class Channel {
public:
    /// `identity` must outlive the channel. `ephemeral` is 32 bytes of chance, never used before.
    Channel(Role role, const Identity& identity, Trust trust, Secret<32> ephemeral);

    /// Takes bytes as they come, in pieces of any size. Fetch the frames after each call.
    [[nodiscard]] Result<void> receive(std::string_view bytes);
    /// The next whole frame; nothing: more bytes are needed.
    [[nodiscard]] Result<std::optional<std::string>> next_frame();

    /// Only when is_open(), and only 1 to kFrameBytesMax bytes: the program stops otherwise.
    void send(std::string_view frame);
    /// All bytes that are ready for the other side; they are the caller's then.
    [[nodiscard]] std::string take_output();
    /// Bytes that take_output would give, to slow down a sender whose peer does not read.
    [[nodiscard]] std::size_t output_size() const { return output_.size(); }

    /// The handshake so far, as both ends of this connection know it and no other connection's do; empty: it is over.
    [[nodiscard]] std::optional<Hash> transcript() const;

    [[nodiscard]] bool is_open() const { return is_open_; }
    /// Only once the channel was open.
    [[nodiscard]] const DeviceId& peer() const;

private:
    void take_noise_message(std::string_view message);
    void take_handshake(std::string_view message);
    void say_handshake();
    [[nodiscard]] bool admit(std::string_view greeting);
    void open();
    void take_transport(std::string_view message);
    void take_plaintext(std::string_view plain);
    [[nodiscard]] bool take_frame_size(std::string_view& plain);
    void send_piece(std::string_view plain);
    void die(Error error);
    void die_of_another_protocol();

    Role role_;
    const Identity& identity_;
    Trust trust_;
    std::optional<HandshakeState> handshake_;
    CipherState sending_;
    CipherState receiving_;
    bool is_open_ = false;
    std::optional<DeviceId> peer_;
    std::optional<Error> error_;

    std::string input_;               ///< the beginning of a Noise message
    std::string frame_size_;          ///< up to four bytes
    std::string frame_;               ///< what has come of it
    std::deque<std::string> frames_;  ///< whole, not yet fetched
    std::string output_;
};

}  // namespace strandline::net
