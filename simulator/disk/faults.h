#pragma once

#include <cstdint>
#include <optional>

#include "simulator/disk/chance.h"
#include "simulator/disk/disk.h"

namespace strandline::simulator::disk {

/// A call that touches the disk.
enum class Call { open, remove, read, write, truncate, sync };

/// What becomes of it. The last one before the disk goes down is done, and nobody hears of it.
enum class Verdict { done, failed, last };

/// How the processes' life ends: by a crash of theirs, or with the power.
struct End {
    bool cuts_power = false;
    Survival survival = {};  ///< of a power cut
};

/// Counts the calls, and says which of them go wrong. Knows nothing of files.
class Faults {
public:
    /// Asked once for every call, while the disk is up.
    [[nodiscard]] Verdict admit(Call call);

    /// The n-th call from now on is the last.
    void schedule(const End& end, std::uint64_t n);
    /// A crash during a power cut changes nothing; a power cut after a crash does.
    void go_down(const End& end);
    /// How it went down, while it is down.
    [[nodiscard]] const std::optional<End>& down() const { return down_; }
    /// Up again, with nothing scheduled that would take it down.
    void go_up();

    void fail(const IoError& error) { error_ = error; }
    void heal() { error_.reset(); }

    Counters counters;

private:
    [[nodiscard]] bool hits(Call call);

    std::uint64_t calls_left_ = 0;  ///< until the scheduled end; zero: none is
    End scheduled_;
    std::optional<End> down_;
    std::optional<IoError> error_;  ///< its at_call counts down to one
};

}  // namespace strandline::simulator::disk
