#include "cli/waiting.h"

#include <cstdio>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <strandline/node.h>

#include <unistd.h>

#include "cli/format.h"

namespace strandline::cli {
namespace {

constexpr auto kTickAfter = std::chrono::milliseconds(2'000);
constexpr auto kTickEvery = std::chrono::milliseconds(250);

long long seconds_in(std::chrono::steady_clock::duration time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

}  // namespace

void Wait::tell(const std::function<std::string()>& whom) {
    const auto waited = lasted();
    if (waited < due_) return;
    due_ = 2 * waited;
    say(fmt::format("waiting for {}, for {} s so far", whom(), seconds_in(waited)));
}

std::string lock_holder_text(const std::string& database) {
    return fmt::format("{}, which holds the write lock of {}", printable(writing_process(database)),
                       database);
}

Error in_vain(const Error& error, const std::string& database, const Wait& wait) {
    Error told = error;
    told.message += fmt::format(". Waited {} s for {}; nothing was changed, try again when it is done",
                                seconds_in(wait.lasted()), printable(writing_process(database)));
    return told;
}

Ticker::Ticker(std::function<std::string()> line) {
    if (isatty(STDERR_FILENO) != 1) return;
    thread_ = std::jthread([this, line = std::move(line)](const std::stop_token& over) {
        std::unique_lock lock(mutex_);
        bool is_shown = false;
        auto pause = kTickAfter;
        while (!wake_.wait_for(lock, over, pause, [&over] { return over.stop_requested(); })) {
            pause = kTickEvery;
            const std::string text = line();
            if (text.empty()) continue;
            print_to_stderr("\r\x1b[K" + shortened(text, kWidth - 1));
            std::fflush(stderr);
            is_shown = true;
        }
        if (is_shown) print_to_stderr("\r\x1b[K");
    });
}

}  // namespace strandline::cli
