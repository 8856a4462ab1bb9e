#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "simulator/chronicle.h"
#include "simulator/options.h"
#include "simulator/world.h"

namespace strandline::simulator {

/// How a run in a process of its own ended. After a crash nothing but the first two is known.
struct Ending {
    Verdict verdict = Verdict::crash;
    int status = 0;  ///< as the system told it: exit status, or the signal that killed the process
    Outcome outcome;

    [[nodiscard]] bool is_like(const Ending& other) const {
        return status == other.status && outcome.law == other.outcome.law;
    }
};

/// One run, in a process of its own: a crash ends it alone, and no run sees what another left behind.
class Trial {
public:
    enum class Voice {
        aloud,   ///< with its log, and with what a crash says on stderr
        silent,  ///< one of many tries
    };

    /// It runs from now on.
    Trial(const Options& options, Voice voice);

    [[nodiscard]] pid_t process() const { return process_; }
    /// Once the process has ended, with what wait() said of it.
    [[nodiscard]] Ending ended(int status);
    /// Waits for this one.
    [[nodiscard]] Ending wait();

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };

    std::unique_ptr<std::FILE, Close> told_;  ///< nameless; what the child has to say
    pid_t process_ = -1;
};

}  // namespace strandline::simulator
