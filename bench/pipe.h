#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/process.h"
#include "bench/sqlite.h"

/// The least program that moves rows: SELECT, msgpack, TCP on loopback, INSERT. No encryption, no metadata, nothing that
/// would let it go on after a crash. What it needs is what any program needs.
namespace strandline::bench {

/// A connection on loopback to a process of our own, without Nagle's delay.
class Loopback {
public:
    /// Waits on a port of its own choice, which a process that is forked off now can accept() on.
    Loopback();
    void accept();
    void connect();

    void send(const char* bytes, std::size_t size);
    void receive(char* bytes, std::size_t size);

private:
    Handle listener_;
    Handle connection_;
};

class Pipe {
public:
    /// Starts the process that writes into `target`, with synchronous=FULL: new rows, or rows that replace
    /// older ones. `target` has the table already.
    Pipe(const std::string& source, const std::string& target, bool replaces);

    /// Moves the whole table; the seconds from connecting until all of it is durable.
    double move_all(std::int64_t per_transaction);
    /// Connects, for move_rows().
    void connect() { loopback_.connect(); }
    /// Moves the rows with these keys in one transaction; when they were durable, as now_seconds() tells it.
    double move_rows(const std::vector<std::string>& ids);
    /// Ends the other process.
    void finish();

    [[nodiscard]] std::int64_t bytes() const { return bytes_; }

private:
    void send_frame(const std::string& frame);
    void wait_for(std::int64_t frames);

    Loopback loopback_;
    Child receiver_;
    Database source_;
    std::int64_t bytes_ = 0;
};

}  // namespace strandline::bench
