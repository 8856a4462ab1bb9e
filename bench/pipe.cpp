#include "bench/pipe.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#define MSGPACK_NO_BOOST
#include <msgpack.hpp>

#include "bench/report.h"
#include "bench/rows.h"

namespace strandline::bench {
namespace {

constexpr const char* kReplace =
    "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name, "
    "body = excluded.body, amount = excluded.amount, price = excluded.price, changed_at = "
    "excluded.changed_at";

void check(bool is_well, const char* what) {
    if (!is_well) throw Trouble(std::string("the pipe's loopback connection failed: ") + what);
}

/// One frame is one transaction: its length in bytes, then the rows' columns one after another.
struct Frame {
    std::string bytes;
    std::int64_t rows = 0;
    void write(const char* data, std::size_t size) { bytes.append(data, size); }
};

void pack_row(msgpack::packer<Frame>& packer, const Statement& row) {
    const auto id = row.bytes(0);
    packer.pack_bin(static_cast<std::uint32_t>(id.size()));
    packer.pack_bin_body(id.data(), static_cast<std::uint32_t>(id.size()));
    for (const int column : {1, 2}) {
        const auto text = row.bytes(column);
        packer.pack_str(static_cast<std::uint32_t>(text.size()));
        packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
    }
    packer.pack_int64(row.integer(3));
    packer.pack_double(row.real(4));
    packer.pack_int64(row.integer(5));
}

/// Binds the values of a frame to the statement as they come, and runs it once a row.
struct RowVisitor : msgpack::null_visitor {
    explicit RowVisitor(Statement& insert) : statement(insert) {}

    bool visit_bin(const char* bytes, std::uint32_t size) {
        statement.bind_blob(++column, {bytes, size});
        return true;
    }
    bool visit_str(const char* bytes, std::uint32_t size) {
        statement.bind_text(++column, {bytes, size});
        return true;
    }
    bool visit_positive_integer(std::uint64_t value) { return integer(static_cast<std::int64_t>(value)); }
    bool visit_negative_integer(std::int64_t value) { return integer(value); }
    bool visit_float64(double value) {
        statement.bind(++column, value);
        return true;
    }
    bool integer(std::int64_t value) {
        statement.bind(++column, value);
        if (column < 6) return true;
        statement.run();
        column = 0;
        return true;
    }

    Statement& statement;
    int column = 0;
};

void insert_frame(Database& target, RowVisitor& visitor, const std::string& frame) {
    target.execute("BEGIN");
    std::size_t at = 0;
    while (at < frame.size()) check(msgpack::parse(frame.data(), frame.size(), at, visitor), "a bad frame");
    target.execute("COMMIT");
}

/// The other process: inserts a frame, says so with a byte, until a frame is empty.
void serve(Loopback& loopback, const std::string& path, bool replaces) {
    Database target(path, Sync::full);
    Statement insert(target, replaces ? kReplace : kInsert);
    RowVisitor visitor(insert);
    loopback.accept();
    std::string frame;
    for (;;) {
        std::uint32_t size = 0;
        loopback.receive(reinterpret_cast<char*>(&size), sizeof size);
        if (size == 0) return;
        frame.resize(size);
        loopback.receive(frame.data(), size);
        insert_frame(target, visitor, frame);
        loopback.send("d", 1);
    }
}

}  // namespace

Loopback::Loopback() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(bind(listener_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
    check(listen(listener_.number(), 1) == 0, "listen");
}

void Loopback::accept() {
    connection_ = Handle(::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC));
    const int yes = 1;
    setsockopt(connection_.number(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    check(connection_.number() >= 0, "accept");
}

void Loopback::connect() {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(listener_.number(), reinterpret_cast<sockaddr*>(&address), &size);
    connection_ = Handle(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    setsockopt(connection_.number(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    check(::connect(connection_.number(), reinterpret_cast<const sockaddr*>(&address), size) == 0, "connect");
}

void Loopback::send(const char* bytes, std::size_t size) {
    while (size > 0) {
        const ssize_t sent = ::send(connection_.number(), bytes, size, MSG_NOSIGNAL);
        check(sent > 0, "send");
        bytes += sent;
        size -= static_cast<std::size_t>(sent);
    }
}

void Loopback::receive(char* bytes, std::size_t size) {
    while (size > 0) {
        const ssize_t received = ::recv(connection_.number(), bytes, size, 0);
        check(received > 0, "receive");
        bytes += received;
        size -= static_cast<std::size_t>(received);
    }
}

Pipe::Pipe(const std::string& source, const std::string& target, bool replaces)
    : receiver_(fork_off([&] { serve(loopback_, target, replaces); })), source_(source, Sync::full) {}

void Pipe::send_frame(const std::string& frame) {
    const auto size = static_cast<std::uint32_t>(frame.size());
    loopback_.send(reinterpret_cast<const char*>(&size), sizeof size);
    loopback_.send(frame.data(), frame.size());
    bytes_ += static_cast<std::int64_t>(sizeof size + frame.size());
}

void Pipe::wait_for(std::int64_t frames) {
    char done = 0;
    while (frames-- > 0) loopback_.receive(&done, 1);
}

double Pipe::move_all(std::int64_t per_transaction) {
    Statement select(source_, "SELECT * FROM items");
    const double began = now_seconds();
    connect();
    Frame frame;
    msgpack::packer<Frame> packer(frame);
    std::int64_t frames = 0;
    bool has_row = select.step();
    while (has_row) {
        pack_row(packer, select);
        has_row = select.step();
        if (++frame.rows < per_transaction && has_row) continue;
        send_frame(frame.bytes);
        ++frames;
        frame.bytes.clear();
        frame.rows = 0;
    }
    wait_for(frames);
    return now_seconds() - began;
}

double Pipe::move_rows(const std::vector<std::string>& ids) {
    Statement select(source_, "SELECT * FROM items WHERE id = ?");
    Frame frame;
    msgpack::packer<Frame> packer(frame);
    for (const std::string& id : ids) {
        select.bind_blob(1, id);
        if (select.step()) pack_row(packer, select);
        select.reset();
    }
    send_frame(frame.bytes);
    wait_for(1);
    return now_seconds();
}

void Pipe::finish() {
    send_frame("");
    receiver_.wait();
}

}  // namespace strandline::bench
