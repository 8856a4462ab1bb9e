#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "simulator/chronicle.h"
#include "simulator/device.h"
#include "simulator/network.h"
#include "simulator/random.h"
#include "simulator/schedule.h"
#include "simulator/workload.h"

namespace strandline::simulator {

/// Who can come to harm.
struct Victims {
    Schedule& schedule;
    Chronicle& chronicle;
    Network& network;
    std::vector<std::unique_ptr<Device>>& devices;
    std::vector<Workload>& workloads;
    const std::vector<std::pair<std::size_t, std::size_t>>& links;  ///< who dials whom
    Device* original;                               ///< whom the fault "clone" copies; null: nobody
    Device* twin;                                   ///< the machine that the copy will run on
    std::function<void()> join_next;                ///< lets in the next device that was held back
    std::function<void(const DeviceId&)> distrust;  ///< what this one says of itself is worth nothing
};

/// The first act's harm. Each kind that is armed strikes again and again, at moments and places of its own stream of
/// chance; so arming one more does not move the others.
///
/// Swarm (Groce and others, "Swarm testing", 2012): every seed arms a random subset, each with a random strength. A
/// run with all faults at once seldom gets far enough to meet the rare ones.
class Faults {
public:
    /// `seed`: the world's.
    Faults(Victims victims, std::uint64_t seed, const std::string& names);

    /// The names of those armed, with their strengths.
    [[nodiscard]] std::string armed() const;
    [[nodiscard]] bool is_armed(const std::string& name) const;
    /// From now on they strike; devices that join late are held back here.
    void begin();
    /// They strike no more, and what they did to links, clocks, disks and processes is undone: second act.
    void end();

    /// Once everything is healed and everybody holds the same: rows of one device are damaged behind its engine, if that is
    /// armed.
    void damage_rows();

    struct Kind {
        const char* name;
        std::int64_t every_s;  ///< on average, at strength 1
        void (Faults::*strike)();
    };
    [[nodiscard]] static const std::vector<Kind>& kinds();

    struct Armed {
        const Kind* kind = nullptr;
        std::uint64_t strength = 1;
        Random random;
    };
    /// Those that the names stand for.
    [[nodiscard]] static std::vector<Armed> chosen(std::uint64_t seed, const std::string& names);

private:
    void plan(std::size_t armed);
    /// Later, if the first act is still on.
    void later(std::int64_t us, Schedule::Action action);
    [[nodiscard]] Device& device();
    [[nodiscard]] std::pair<std::size_t, std::size_t> link();
    [[nodiscard]] std::int64_t seconds(std::int64_t low, std::int64_t high);
    /// Half of the time at once, else at one of the next calls of the disk.
    [[nodiscard]] std::uint64_t at_call();

    void reset();
    void half_open();
    void flips();
    void pieces();
    void clog();
    void partition();
    void one_way();
    void crash();
    void power_cut();
    void disk_full();
    void io_error();
    void clock_step();
    void clock_years();
    void clock_drift();
    void clock_frozen();
    void stop();
    void pause();
    void leave();
    void park();
    void park_everywhere(const Device& away, bool is_parked);
    void late_join();
    void restore();
    void restore_with_key();
    void old_key_file();
    void clone();
    void slow_app();
    void bulk();
    void large();
    void huge();
    void store(const std::string& kind, std::size_t rows, std::size_t bytes);
    void same_moment();
    void damage();
    void stranger();
    void liar();
    [[nodiscard]] bool are_connected_without(const Device& gone) const;

    Victims victims_;
    std::vector<Armed> armed_;
    Random* chance_ = nullptr;  ///< the stream of the fault that strikes just now
    bool is_over_ = false;
    bool has_left_ = false;
    bool is_damage_due_ = false;
    Device* liar_ = nullptr;  ///< none yet
};

/// The names of the faults that `names` stands for in the world of this seed.
[[nodiscard]] std::vector<std::string> armed_faults(std::uint64_t seed, const std::string& names);
/// The first name that is no fault's; empty: all are.
[[nodiscard]] std::optional<std::string> unknown_fault(const std::string& names);

}  // namespace strandline::simulator
