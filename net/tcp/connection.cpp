#include "net/tcp/connection.h"

#include <string_view>
#include <utility>

#include <asio/connect.hpp>

#include "net/tcp/address.h"
#include "net/tcp/machine.h"

namespace strandline::net::tcp {
namespace {

Error lost(const std::string& message) {
    return {Category::network, message, Retry::later};
}

Error reading_failed(const asio::error_code& trouble) {
    return lost(trouble == asio::error::eof ? "the peer closed the connection" : trouble.message());
}

std::string text_of(const asio::ip::tcp::endpoint& endpoint, bool with_port) {
    if (!with_port) return endpoint.address().to_string();
    return to_text(Address{endpoint.address().to_string(), endpoint.port()});
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, const Identity& identity, Owner& owner, SteadyMs now)
    : socket_(std::move(socket)),
      owner_(owner),
      rival_{true, now, now},
      channel_(make_channel(identity)),
      state_(State::greeting) {}

Connection::Connection(asio::io_context& context, const Identity& identity, Owner& owner, SteadyMs now)
    : socket_(context),
      owner_(owner),
      rival_{false, now, now},
      channel_(make_channel(identity)),
      state_(State::connecting) {}

Channel Connection::make_channel(const Identity& identity) {
    const auto trust = [this](const DeviceId& device) {
        objection_ = owner_.objection(*this, device);
        if (!objection_) peer_ = device;
        return !objection_;
    };
    return {rival_.inbound ? Role::responder : Role::initiator, identity, trust, Secret<32>(random_seed())};
}

void Connection::dial(const Endpoints& endpoints) {
    asio::async_connect(socket_, endpoints,
                        [self = shared_from_this()](const asio::error_code& trouble, const auto&) {
                            if (self->state_ == State::gone) return;
                            if (trouble) return self->close(lost(trouble.message()));
                            self->state_ = State::greeting;
                            self->greet();
                        });
}

void Connection::greet() {
    asio::error_code trouble;
    const auto endpoint = socket_.remote_endpoint(trouble);
    if (!trouble) remote_ = text_of(endpoint, !inbound());
    // Messages are small and each waits for an answer: without this the kernel would hold them back.
    if (!trouble) socket_.set_option(asio::ip::tcp::no_delay(true), trouble);
    if (trouble) return close(lost(trouble.message()));
    flush();
    read();
}

void Connection::read() {
    if (reading_ || state_ == State::gone) return;
    reading_ = true;
    socket_.async_read_some(asio::buffer(input_),
                            [self = shared_from_this()](const asio::error_code& trouble, std::size_t size) {
                                self->reading_ = false;
                                self->took(trouble, size);
                            });
}

void Connection::took(const asio::error_code& trouble, std::size_t size) {
    if (state_ == State::gone) return;
    if (state_ == State::leaving) {
        // Unread bytes would make the kernel reset the connection, and with it what we said last.
        return trouble ? close(lost(why_leaving_)) : read();
    }
    if (trouble) return close(reading_failed(trouble));
    owner_.moved_bytes(0, size);
    const auto understood = channel_.receive(std::string_view(input_.data(), size));
    if (!understood) return close(objection_.value_or(understood.error()));
    rival_.heard_last = now().steady;
    flush();
    if (inbound() && channel_.is_open()) prove();
    hand_over();
}

void Connection::hand_over() {
    while (state_ == State::greeting || state_ == State::proven) {
        if (!owner_.takes_input()) return;  // resume() comes back to this
        auto frame = channel_.next_frame();
        if (!frame) return close(frame.error());
        if (!*frame) return read();
        prove();
        if (state_ == State::proven) owner_.received(*this, **frame);
    }
}

void Connection::prove() {
    if (state_ != State::greeting) return;
    state_ = State::proven;
    was_proven_ = true;
    rival_.heard = now().steady;
    owner_.proven(*this);
}

void Connection::resume() {
    if (!reading_) hand_over();
}

std::size_t Connection::unsent() const {
    return channel_.output_size() + output_.size() - written_;
}

void Connection::send(const std::string& frame) {
    if (state_ != State::proven || !channel_.is_open()) return;
    channel_.send(frame);
    flush();
}

void Connection::flush() {
    if (!output_.empty() || state_ == State::gone || state_ == State::connecting) return;
    output_ = channel_.take_output();
    written_ = 0;
    progress_at_ = now().steady;
    if (!output_.empty()) return write();
    if (state_ == State::leaving && !shut_) {
        shut_ = true;
        asio::error_code ignored;
        socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    }
}

void Connection::write() {
    socket_.async_write_some(asio::buffer(output_.data() + written_, output_.size() - written_),
                             [self = shared_from_this()](const asio::error_code& trouble, std::size_t size) {
                                 self->wrote(trouble, size);
                             });
}

void Connection::wrote(const asio::error_code& trouble, std::size_t size) {
    if (state_ == State::gone) return;
    if (trouble) return close(lost(trouble.message()));
    owner_.moved_bytes(size, 0);
    written_ += size;
    progress_at_ = now().steady;
    if (written_ < output_.size()) return write();
    output_.clear();
    written_ = 0;
    flush();
    if (wants_output()) owner_.has_room(*this);
}

void Connection::leave(SteadyMs now, const std::string& why) {
    if (state_ != State::proven) return close(lost(why));
    state_ = State::leaving;
    why_leaving_ = why;
    leaving_since_ = now;
    flush();
    read();
}

void Connection::close(const Error& why) {
    if (state_ == State::gone) return;
    const auto keep = shared_from_this();
    state_ = State::gone;
    asio::error_code ignored;
    socket_.close(ignored);
    owner_.gone(*this, why);
}

void Connection::check_deadlines(SteadyMs now) {
    const auto too_long = [now](SteadyMs since, std::int64_t limit) {
        return now.value - since.value >= limit;
    };
    if ((state_ == State::connecting || state_ == State::greeting) && too_long(rival_.began, kHandshakeMs)) {
        return close({Category::timeout,
                      state_ == State::connecting ? "no answer" : "the handshake took too long",
                      Retry::later});
    }
    if (state_ == State::leaving && too_long(leaving_since_, kGoodbyeMs)) return close(lost(why_leaving_));
    if (state_ == State::proven && !output_.empty() && too_long(progress_at_, kWriteStallMs)) {
        close({Category::timeout, "the peer has taken nothing for 30 seconds", Retry::later});
    }
}

}  // namespace strandline::net::tcp
