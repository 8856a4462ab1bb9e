#pragma once

#include <string>

/// One device in a process of its own, as an app would run it: strandline::Node, and nothing else.
namespace strandline::bench {

/// The first argument that turns the benchmark's program into a device.
inline constexpr const char* kDeviceWord = "device";

/// Runs `database` until its input ends or, `is_once`, until it is in step. Dials `peer`, or listens where that is
/// empty; rows travel compressed or not. Says, in lines:
///   port N             where it listens
///   dials T            it is about to; T are seconds, as now_seconds() tells them
///   in_step T          `is_once`: run_once() has returned, both sides hold the same
///   in_step_told T     the event of that name; it may come a second later
///   filled T           a backfill is done
///   applied ROWS T     rows from the peer are durable and visible
///   end KIB BYTES ROWS MESSAGES      its largest resident set, and what it received in all its life
/// The exit status: 0, or 1 after a sentence on stderr.
[[nodiscard]] int run_device(const std::string& database, const std::string& peer, bool is_once,
                             bool compression);

}  // namespace strandline::bench
