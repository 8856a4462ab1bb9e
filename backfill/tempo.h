#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <strandline/time.h>

namespace strandline::backfill {

/// How fast what comes is applied: as fast as the disk takes it, unless an app writes beside it, which must wait briefly
/// and rarely, or people have set a limit.
///
/// A step is one transaction, and holds the database's write lock. How long steps take is measured, and the next one is
/// made as large as fits its time; while an app writes the lock is then left alone for longer than it was held, since
/// who finds it taken sleeps before trying again.
///
/// Pure: time is handed in. It stands still within a door of the engine's, so a step's end is known at the next one.
class Tempo {
public:
    /// Of what is asked for; empty: as fast as it goes.
    struct Limits {
        std::optional<std::int64_t> bytes_per_second;
        std::optional<std::int64_t> rows_per_second;
    };
    struct Amount {
        std::size_t bytes = 0;
        std::size_t rows = 0;
    };

    explicit Tempo(const Limits& limits) : limits_(limits) {}

    /// At every door, with the time there.
    void is_now(SteadyMs now);
    /// Somebody else has written to the database.
    void met_writer(SteadyMs now) { writer_at_ = now; }

    [[nodiscard]] bool has_writer(SteadyMs now) const;
    /// Before then there is no next step.
    [[nodiscard]] SteadyMs next_at() const;
    /// What the next step may apply; a single row may be more than that.
    [[nodiscard]] Amount step(SteadyMs now) const;
    /// A step was done in this door. `is_limited`: it counts for the limits.
    void stepped(const Amount& applied, SteadyMs now, bool is_limited);

private:
    Limits limits_;
    std::optional<SteadyMs> writer_at_;
    /// The step whose end is not known yet.
    struct Step {
        SteadyMs began;
        std::size_t bytes = 0;
    };
    std::optional<Step> step_;
    SteadyMs rests_until_;
    double paid_until_ms_ = 0;  ///< by then the limits have made up for all that was applied
    // Of the steps lately, each counting three quarters as much as the one after it.
    double bytes_ = 0;
    double took_ms_ = 0;
};

}  // namespace strandline::backfill
