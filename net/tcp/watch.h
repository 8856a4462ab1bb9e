#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

namespace strandline::net::tcp {

/// How long to wait after a look at the database before the next.
///
/// A commit is heard a little before it can be seen: SQLite writes the WAL first, which the kernel tells, then
/// syncs it, then makes it visible in shared memory, which nobody tells. So a look that found nothing is
/// repeated at doubling gaps, down to the pulse. A look that found something rests instead, four times as
/// long as it took, which leaves a busy writer most of the time.
class LookPace {
public:
    explicit LookPace(std::chrono::microseconds pulse) : pulse_(pulse), gap_(pulse) {}

    /// Somebody has written: begin with the shortest gap again.
    void heard();
    /// After a look that took `took_ms`; `wrote`: it wrote itself, or somebody did meanwhile.
    [[nodiscard]] std::chrono::microseconds after_look(bool wrote, std::int64_t took_ms);

private:
    std::chrono::microseconds pulse_;
    std::chrono::microseconds gap_;
};

/// Hears of commits to a database, whichever process makes them: each writes to DATABASE-wal, and inotify
/// on the folder tells that at once. Where inotify does not serve (some network file systems) the pulse does.
/// Threads: io_context's.
class Watch {
public:
    Watch(asio::io_context& context, const std::string& database, std::chrono::microseconds pulse);

    /// Calls `look` whenever the database may have changed, and once a pulse in any case, until stop().
    void start(std::function<void()> look);
    void stop();

private:
    void listen();
    void look_after(std::chrono::microseconds gap);
    void look_now();
    bool was_written();

    asio::posix::stream_descriptor events_;
    asio::steady_timer timer_;
    std::string name_;  ///< the database's, without its folder
    std::function<void()> look_;
    std::chrono::microseconds pulse_;
    LookPace pace_;
    bool listening_ = false;
    bool stopped_ = true;
};

}  // namespace strandline::net::tcp
