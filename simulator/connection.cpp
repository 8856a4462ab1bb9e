#include "simulator/connection.h"

#include <utility>

namespace strandline::simulator {
namespace {

Error lost(const std::string& message) {
    return {Category::network, message, Retry::later};
}

}  // namespace

Connection::Connection(Network& network, Owner& owner, const net::Identity& identity, bool inbound,
                       net::Secret<32> ephemeral)
    : network_(network),
      owner_(owner),
      rival_{inbound, owner.steady(), owner.steady()},
      identity_(identity),
      ephemeral_(std::move(ephemeral)),
      state_(inbound ? State::greeting : State::connecting),
      progress_at_(owner.steady()) {
    if (inbound) begin_handshake();
}

void Connection::begin_handshake() {
    const auto objects = [this](const DeviceId& device) {
        objection_ = owner_.objection(*this, device);
        if (!objection_) peer_ = device;
        return !objection_;
    };
    channel_.emplace(inbound() ? net::Role::responder : net::Role::initiator, identity_, objects,
                     std::move(ephemeral_));
}

void Connection::accepted(Network::Port port, std::size_t from) {
    port_ = port;
    other_ = from;
}

void Connection::dial(std::size_t from, std::size_t to) {
    other_ = to;
    port_ = network_.dial(from, to, shared_from_this());
}

void Connection::connected() {
    if (state_ != State::connecting) return;
    state_ = State::greeting;
    begin_handshake();
    flush();
}

void Connection::arrived(std::string_view bytes) {
    if (state_ == State::gone || state_ == State::leaving) return;
    owner_.moved_bytes(0, bytes.size());
    const auto understood = channel_->receive(bytes);
    if (!understood) return close(objection_.value_or(understood.error()));
    rival_.heard_last = owner_.steady();
    flush();
    if (inbound() && channel_->is_open()) prove();
    hand_over();
}

void Connection::hand_over() {
    while (state_ == State::greeting || state_ == State::proven) {
        if (!owner_.takes_input()) return network_.pause(port_, true);
        auto frame = channel_->next_frame();
        if (!frame) return close(frame.error());
        if (!*frame) return network_.pause(port_, false);
        prove();
        if (state_ == State::proven) owner_.received(*this, **frame);
    }
}

void Connection::prove() {
    if (state_ != State::greeting) return;
    state_ = State::proven;
    was_proven_ = true;
    rival_.heard = owner_.steady();
    owner_.proven(*this);
}

void Connection::resume() {
    hand_over();
}

void Connection::send(const std::string& frame) {
    if (state_ != State::proven || !channel_->is_open()) return;
    channel_->send(frame);
    flush();
}

void Connection::flush() {
    if (state_ == State::gone || state_ == State::connecting) return;
    const std::string output = channel_->take_output();
    if (output.empty()) return;
    if (network_.unsent(port_) == 0) progress_at_ = owner_.steady();
    owner_.moved_bytes(output.size(), 0);
    network_.send(port_, output);
}

void Connection::has_room() {
    progress_at_ = owner_.steady();
    if (wants_output()) owner_.said_more();
}

void Connection::ended(const std::string& why) {
    close(lost(state_ == State::leaving ? why_leaving_ : why));
}

void Connection::leave(const std::string& why) {
    if (state_ != State::proven) return close(lost(why));
    state_ = State::leaving;
    why_leaving_ = why;
    leaving_since_ = owner_.steady();
    network_.pause(port_, false);
    network_.shut(port_);
}

void Connection::close(const Error& why) {
    if (state_ == State::gone) return;
    const auto keep = shared_from_this();
    state_ = State::gone;
    network_.close(port_);
    owner_.gone(*this, why);
}

void Connection::check_deadlines() {
    const SteadyMs now = owner_.steady();
    const auto too_long = [now](SteadyMs since, std::int64_t limit) {
        return now.value - since.value >= limit;
    };
    const bool is_greeting = state_ == State::connecting || state_ == State::greeting;
    if (is_greeting && too_long(rival_.began, net::tcp::kHandshakeMs)) {
        return close({Category::timeout, "no answer, or the handshake took too long", Retry::later});
    }
    if (state_ == State::leaving && too_long(leaving_since_, net::tcp::kGoodbyeMs))
        return close(lost(why_leaving_));
    if (state_ == State::proven && network_.unsent(port_) > 0 &&
        too_long(progress_at_, net::tcp::kWriteStallMs)) {
        close({Category::timeout, "the peer has taken nothing for 30 seconds", Retry::later});
    }
}

}  // namespace strandline::simulator
