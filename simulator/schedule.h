#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "simulator/time.h"

namespace strandline::simulator {

/// What is going to happen, in order of time; what is due at one moment, in the order in which it was planned.
/// Time stands still while something happens, and then jumps to the next.
class Schedule {
public:
    using Action = std::function<void()>;

    [[nodiscard]] Moment now() const { return now_; }
    /// `us` from now, 0 or more: even 0 comes after all that is due now already.
    void after(std::int64_t us, Action action);
    /// Lets the next thing happen. False: nothing is due up to `end`, and time stands there.
    bool run_next(Moment end);
    /// How many things have happened.
    [[nodiscard]] std::uint64_t count() const { return count_; }

private:
    struct Due {
        Moment at;
        std::uint64_t number = 0;
        Action action;
    };
    static bool is_later(const Due& a, const Due& b) {
        return a.at != b.at ? a.at > b.at : a.number > b.number;
    }

    Moment now_;
    std::uint64_t numbers_ = 0;
    std::uint64_t count_ = 0;
    std::vector<Due> heap_;
};

}  // namespace strandline::simulator
