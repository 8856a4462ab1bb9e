#include "net/tcp/watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "net/tcp/limits.h"
#include "net/tcp/machine.h"

namespace strandline::net::tcp {

using std::chrono::microseconds;
using std::chrono::milliseconds;

void LookPace::heard() {
    gap_ = microseconds(kLookGapMinUs);
}

microseconds LookPace::after_look(bool wrote, std::int64_t took_ms) {
    if (wrote) {
        heard();
        return milliseconds(std::clamp(4 * took_ms, kLookRestMsMin, kLookRestMsMax));
    }
    return std::exchange(gap_, std::min(gap_ * 2, pulse_));
}

Watch::Watch(asio::io_context& context, const std::string& database, microseconds pulse)
    : events_(context), timer_(context), pulse_(pulse), pace_(pulse) {
    // SQLite follows symbolic links and keeps the WAL beside the file that they lead to.
    std::error_code trouble;
    auto path = std::filesystem::weakly_canonical(database, trouble);
    if (trouble) path = database;
    name_ = path.filename().string();
    const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";

    const int file = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (file < 0) return;
    if (inotify_add_watch(file, folder.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
        close(file);
        return;
    }
    events_.assign(file);
}

void Watch::start(std::function<void()> look) {
    look_ = std::move(look);
    stopped_ = false;
    listen();
    look_after(pulse_);
}

void Watch::stop() {
    stopped_ = true;
    asio::error_code ignored;
    if (events_.is_open()) events_.cancel(ignored);
    timer_.cancel();
}

void Watch::listen() {
    if (listening_ || !events_.is_open()) return;
    listening_ = true;
    events_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const asio::error_code& trouble) {
        listening_ = false;
        if (trouble || stopped_) return;
        if (!was_written()) return listen();
        pace_.heard();
        look_now();
    });
}

void Watch::look_now() {
    const auto began = now().steady;
    look_();
    const bool wrote = was_written();
    const auto gap = pace_.after_look(wrote, now().steady.value - began.value);
    look_after(gap);
    if (!wrote) listen();  // Else the rest is kept, whatever is written in it.
}

void Watch::look_after(microseconds gap) {
    timer_.expires_after(gap);
    timer_.async_wait([this](const asio::error_code& trouble) {
        if (!trouble && !stopped_) look_now();
    });
}

bool Watch::was_written() {
    if (!events_.is_open()) return false;
    bool ours = false;
    alignas(inotify_event) std::array<char, 4096> buffer{};
    ssize_t size = 0;
    while ((size = read(events_.native_handle(), buffer.data(), buffer.size())) > 0) {
        for (const char* at = buffer.data(); at < buffer.data() + size;) {
            inotify_event event{};
            std::memcpy(&event, at, sizeof event);
            const std::string_view name = event.len > 0 ? at + sizeof event : "";
            // Events that were lost may have been ours.
            if ((event.mask & IN_Q_OVERFLOW) != 0 || name == name_ || name == name_ + "-wal") ours = true;
            at += sizeof event + event.len;
        }
    }
    return ours;
}

}  // namespace strandline::net::tcp
