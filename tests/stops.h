#pragma once

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace strandline::tests {

/// Runs the action in a child process; what it said on stderr when it aborted, else nothing.
template <typename Action>
std::string last_words_of(Action action) {
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) return {};
    const pid_t child = fork();
    if (child < 0) return {};
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);  // Catch's own would report a failed test.
        dup2(pipe_ends[1], STDERR_FILENO);
        action();
        std::_Exit(0);
    }
    close(pipe_ends[1]);
    std::string words;
    char buffer[256];
    for (ssize_t got = 0; (got = read(pipe_ends[0], buffer, sizeof buffer)) > 0;) {
        words.append(buffer, static_cast<std::size_t>(got));
    }
    close(pipe_ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? words : std::string();
}

}  // namespace strandline::tests
