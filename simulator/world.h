#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "simulator/chronicle.h"
#include "simulator/device.h"
#include "simulator/faults.h"
#include "simulator/model.h"
#include "simulator/network.h"
#include "simulator/options.h"
#include "simulator/random.h"
#include "simulator/recorder.h"
#include "simulator/schedule.h"
#include "simulator/workload.h"

namespace strandline::simulator {

/// How a run ended; the numbers are the program's exit status.
enum class Verdict { clean = 0, usage = 2, law_broken = 3, no_convergence = 4, crash = 5 };

/// What a run has to say.
struct Outcome {
    Verdict verdict = Verdict::clean;
    int law = 0;          ///< the one that was broken; 0: none
    std::string finding;  ///< a sentence; empty: none
    std::string summary;  ///< some lines for people
    std::uint64_t hash = 0;
    std::int64_t simulated_us = 0;
    /// Rows that crossed into a device, against one for each change and other device. Below 1: changes to one row
    /// were carried together.
    double amplification = 0;
    std::string report;        ///< the page; empty: none was asked for
    Chronicle::Counts faults;  ///< that were done, by kind
    SituationCounts situations;
};

/// One seed, one world. START HERE.
///
/// First act: apps write, faults strike, and the laws that can be checked at any moment are. Second act: everything
/// is healed and nobody writes; the devices must converge in bounded time, be the same and what the model says, and
/// then be silent.
///
/// The same seed and options give the same world, event by event, on every machine.
class World {
public:
    explicit World(const Options& options);
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    /// Once.
    [[nodiscard]] Outcome run();

private:
    /// With more devices than this the summary tells no links, none is weighed, and their apps keep the log short.
    static constexpr std::size_t kDevicesToldMost = 10;

    void build();
    void make_room_for_copy(const Surroundings& world);
    void lay_links(Topology topology);

    void join_next();
    void move_courier(std::size_t island);
    void keep_writing(std::size_t device);
    void keep_saving_memory();
    void keep_checking();
    void first_act();
    void second_act();
    void converge(Moment end);
    void end_copy();
    [[nodiscard]] bool has_copy_beside(const Device& device) const;
    [[nodiscard]] std::string what_lacks();
    void demand_filled_once();
    void demand_proofs();
    void demand_final_state();
    void demand_silence();
    [[nodiscard]] std::int64_t bound_us() const;
    [[nodiscard]] std::vector<Device*> living();
    [[nodiscard]] double amplification() const;
    [[nodiscard]] std::string summary(double real_seconds);
    void run_until(Moment end);
    void record();
    [[nodiscard]] std::string report(const Outcome& outcome);

    Options options_;
    Random random_;
    Schedule schedule_;
    std::unique_ptr<Recorder> recorder_;  ///< only when a report was asked for
    Chronicle chronicle_;
    Network network_;
    Model model_;
    std::vector<std::unique_ptr<Device>> devices_;
    std::vector<Workload> workloads_;
    std::vector<Random> paces_;
    std::vector<std::pair<std::size_t, std::size_t>> links_;
    std::vector<std::vector<std::size_t>> islands_;
    std::unique_ptr<Faults> faults_;
    Device* original_ = nullptr;  ///< who may be copied; null: nobody
    Device* twin_ = nullptr;      ///< and the copy, absent until then
    std::size_t joined_ = 0;      ///< the devices before this one have joined
    bool is_first_act_ = true;
    bool forgets_ = false;
    std::size_t checked_ = 0;  ///< whose turn it is
    std::size_t lacked_ = 0;   ///< who lacked something in the second act when it was last looked
    Moment claims_due_;
    std::optional<Moment> healed_at_;
    std::int64_t converged_after_us_ = -1;
};

}  // namespace strandline::simulator
