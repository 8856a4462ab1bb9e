#include "cli/signals.h"

#include <utility>

#include <pthread.h>
#include <csignal>

namespace strandline::cli {
namespace {

sigset_t stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

}  // namespace

void hold_stop_signals() {
    const sigset_t signals = stop_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

bool is_stop_held() {
    sigset_t held;
    sigpending(&held);
    return sigismember(&held, SIGINT) == 1 || sigismember(&held, SIGTERM) == 1;
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
