#include "net/channel.h"

#include <algorithm>
#include <utility>

#include "net/bytes.h"
#include "net/check.h"

namespace strandline::net {
namespace {

constexpr std::string_view kPrologue = "strandline/1";
constexpr int kNoiseSizeBytes = 2;
constexpr int kFrameSizeBytes = 4;

// A greeting travels inside the handshake: version, device id, signature of the Noise static key.
constexpr char kGreetingVersion = 1;
constexpr std::size_t kGreetingBytes = 1 + sizeof(DeviceId::bytes) + sizeof(Signature);

std::string greeting_of(const Identity& identity) {
    std::string greeting(1, kGreetingVersion);
    greeting += view_of(identity.device().bytes);
    greeting += view_of(identity.noise_signature());
    return greeting;
}

template <std::size_t Size>
void take(std::string_view& bytes, std::array<std::uint8_t, Size>& out) {
    std::copy_n(bytes.begin(), Size, out.begin());
    bytes.remove_prefix(Size);
}

/// Moves up to `count` bytes from the front of `bytes` to the end of `out`.
void move_front(std::string_view& bytes, std::size_t count, std::string& out) {
    const std::string_view front = bytes.substr(0, count);
    out += front;
    bytes.remove_prefix(front.size());
}

}  // namespace

Channel::Channel(Role role, const Identity& identity, Trust trust, Secret<32> ephemeral)
    : role_(role), identity_(identity), trust_(std::move(trust)) {
    handshake_.emplace(role, kPrologue, identity.noise_keys(), key_pair_of(std::move(ephemeral)));
    if (role == Role::initiator) say_handshake();
}

const DeviceId& Channel::peer() const {
    check(peer_.has_value(), "a channel was asked for its peer before it was open");
    return *peer_;
}

Result<void> Channel::receive(std::string_view bytes) {
    if (error_) return tl::unexpected(*error_);
    // Mostly what comes is whole, and nothing of it is kept: a device may have many connections that are idle.
    std::string begun = std::exchange(input_, {});
    if (!begun.empty()) bytes = begun += bytes;
    std::string_view left = bytes;
    while (!error_ && left.size() >= kNoiseSizeBytes) {
        const std::size_t size = from_big_endian(left.substr(0, kNoiseSizeBytes));
        if (!is_open_ && size > kHandshakeBytesMax) {
            die_of_another_protocol();  // At once: what it claims to send may never come.
            break;
        }
        if (left.size() - kNoiseSizeBytes < size) break;
        take_noise_message(left.substr(kNoiseSizeBytes, size));
        left.remove_prefix(kNoiseSizeBytes + size);
    }
    if (error_) return tl::unexpected(*error_);
    input_ = left.size() == begun.size() ? std::move(begun) : std::string(left);
    return {};
}

void Channel::take_noise_message(std::string_view message) {
    if (is_open_) {
        take_transport(message);
    } else {
        take_handshake(message);
    }
}

void Channel::take_handshake(std::string_view message) {
    const auto payload = handshake_->read_message(message);
    if (!payload) return die_of_another_protocol();
    const bool is_first = handshake_->messages() == 1;  // Not encrypted, so nothing is said in it.
    if (is_first && !payload->empty()) return die_of_another_protocol();
    if (!is_first && !admit(*payload)) return;
    if (!handshake_->finished()) say_handshake();
    if (!error_ && handshake_->finished()) open();
}

void Channel::say_handshake() {
    std::string message;
    const std::string payload = handshake_->messages() == 0 ? std::string() : greeting_of(identity_);
    if (!handshake_->write_message(payload, message)) return die_of_another_protocol();
    append_big_endian(output_, message.size(), kNoiseSizeBytes);
    output_ += message;
}

bool Channel::admit(std::string_view greeting) {
    if (greeting.empty() || greeting[0] != kGreetingVersion || greeting.size() != kGreetingBytes) {
        die({Category::protocol,
             "the other side greets in another version of strandline; update the older of the two"});
        return false;
    }
    greeting.remove_prefix(1);
    DeviceId device;
    Signature signature{};
    take(greeting, device.bytes);
    take(greeting, signature);
    if (!has_signed(device, handshake_->remote_static(), signature)) {
        die({Category::auth, "the other side calls itself device " + short_hex(device) +
                                 " and cannot prove it; somebody may be posing as that device"});
        return false;
    }
    if (!trust_(device)) {
        die({Category::auth, "device " + short_hex(device) +
                                 " is not trusted here; to let it in, run `strandline trust DB " +
                                 to_hex(device) + "`"});
        return false;
    }
    peer_ = device;
    return true;
}

void Channel::open() {
    Transport transport = handshake_->split();
    const bool initiates = role_ == Role::initiator;
    sending_ = std::move(initiates ? transport.initiator : transport.responder);
    receiving_ = std::move(initiates ? transport.responder : transport.initiator);
    handshake_.reset();
    is_open_ = true;
}

void Channel::take_transport(std::string_view message) {
    std::string plain;
    if (!receiving_.decrypt({}, message, plain) || plain.empty()) {
        return die({Category::protocol,
                    "what came from device " + short_hex(*peer_) +
                        " cannot be decrypted: it was changed on the way, or is out of step; connect again",
                    Retry::later});
    }
    take_plaintext(plain);
}

void Channel::take_plaintext(std::string_view plain) {
    while (!plain.empty()) {
        if (!take_frame_size(plain)) return;
        const std::size_t size = from_big_endian(frame_size_);
        move_front(plain, size - frame_.size(), frame_);
        if (frame_.size() < size) return;
        frames_.push_back(std::exchange(frame_, {}));
        frame_size_.clear();
    }
}

/// False: it is not whole yet, or is one that we refuse.
bool Channel::take_frame_size(std::string_view& plain) {
    if (frame_size_.size() == kFrameSizeBytes) return true;
    move_front(plain, kFrameSizeBytes - frame_size_.size(), frame_size_);
    if (frame_size_.size() < kFrameSizeBytes) return false;
    const std::size_t size = from_big_endian(frame_size_);
    if (size > 0 && size <= kFrameBytesMax) return true;
    die({Category::protocol, "device " + short_hex(*peer_) + " announced a frame of " + std::to_string(size) +
                                 " bytes, and 1 to " + std::to_string(kFrameBytesMax) + " are allowed"});
    return false;
}

Result<std::optional<std::string>> Channel::next_frame() {
    if (error_) return tl::unexpected(*error_);
    if (frames_.empty()) return std::nullopt;
    std::optional<std::string> frame(std::move(frames_.front()));
    frames_.pop_front();
    return frame;
}

void Channel::send(std::string_view frame) {
    check(is_open_, "a frame was sent on a channel that is not open");
    check(!frame.empty() && frame.size() <= kFrameBytesMax, "a frame of a size was sent that no peer takes");
    std::string first;  // Only the first piece is copied, to stand behind the size.
    append_big_endian(first, frame.size(), kFrameSizeBytes);
    move_front(frame, kPieceBytesMax - first.size(), first);
    send_piece(first);
    while (!frame.empty() && !error_) {
        const std::string_view piece = frame.substr(0, kPieceBytesMax);
        send_piece(piece);
        frame.remove_prefix(piece.size());
    }
}

void Channel::send_piece(std::string_view plain) {
    append_big_endian(output_, plain.size() + kNoiseTagBytes, kNoiseSizeBytes);
    if (sending_.encrypt({}, plain, output_)) return;
    die({Category::network,
         "this connection has carried all the messages that one key may seal; connect again", Retry::later});
}

std::optional<Hash> Channel::transcript() const {
    if (!handshake_) return std::nullopt;
    return handshake_->hash();
}

std::string Channel::take_output() {
    return std::exchange(output_, {});
}

void Channel::die(Error error) {
    error_ = std::move(error);
    is_open_ = false;
    handshake_.reset();
    sending_ = CipherState();
    receiving_ = CipherState();
    output_.clear();
    frames_.clear();
}

void Channel::die_of_another_protocol() {
    die({Category::protocol,
         "the other side does not speak strandline/1: it is another program, or another version of this "
         "one"});
}

}  // namespace strandline::net
