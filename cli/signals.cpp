#include "cli/signals.h"

#include <utility>

#include <pthread.h>
#include <csignal>

namespace strandline::cli {
namespace {

/// nohup(1) ignores SIGHUP for its command; blocked, it would come all the same.
bool is_hangup_ignored() {
    struct sigaction hangup {};
    return sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler == SIG_IGN;
}

sigset_t stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    if (!is_hangup_ignored()) sigaddset(&signals, SIGHUP);
    return signals;
}

}  // namespace

void hold_stop_signals() {
    const sigset_t signals = stop_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

bool is_stop_held() {
    const sigset_t signals = stop_signals();
    sigset_t held;
    sigpending(&held);
    const auto is_held = [&](int signal) {
        return sigismember(&signals, signal) == 1 && sigismember(&held, signal) == 1;
    };
    return is_held(SIGINT) || is_held(SIGTERM) || is_held(SIGHUP);
}

StopOnSignal::StopOnSignal(std::function<void()> stop)
    : waiter_([stop = std::move(stop)](const std::stop_token& over) {
          const sigset_t signals = stop_signals();
          int signal = 0;
          sigwait(&signals, &signal);
          if (!over.stop_requested()) stop();
      }) {}

StopOnSignal::~StopOnSignal() {
    waiter_.request_stop();
    // Ends sigwait(). The thread is there until it is joined, even when a signal has ended it already.
    pthread_kill(waiter_.native_handle(), SIGTERM);
}

}  // namespace strandline::cli
