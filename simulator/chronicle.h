#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "simulator/recorder.h"
#include "simulator/schedule.h"
#include "simulator/situations.h"

namespace strandline::simulator {

/// All that happens in one world: a running hash over it, counts by name, and with --log a line each.
///
/// The hash covers time, device, kind and payload in order, so two runs with one hash did the same thing.
class Chronicle {
public:
    /// `lanes`: how many devices a log line has room for; 0: no log.
    Chronicle(const Schedule& schedule, std::size_t lanes) : schedule_(schedule), lanes_(lanes) {}

    /// Something happened at a device: to be told to people as `text`, which is empty for what is not worth a line.
    void note(std::size_t device, std::string_view kind, std::string_view payload, const std::string& text);
    [[nodiscard]] bool is_logging() const { return lanes_ > 0; }

    /// A fault of this kind was done.
    void count_fault(const std::string& kind, Place place = {}) {
        ++faults_[kind];
        if (recorder_ != nullptr) recorder_->struck(kind, place);
    }
    /// One of the situations that a long run must have seen.
    void count_situation(Situation situation) { ++situations_[name_of(situation)]; }

    /// Whoever writes a report is told from now on.
    void attach(Recorder* recorder) { recorder_ = recorder; }
    /// Null: nobody asked for a report.
    [[nodiscard]] Recorder* recorder() const { return recorder_; }

    [[nodiscard]] std::uint64_t hash() const { return hash_; }
    using Counts = std::map<std::string, std::uint64_t>;
    [[nodiscard]] const Counts& faults() const { return faults_; }
    [[nodiscard]] const SituationCounts& situations() const { return situations_; }

private:
    const Schedule& schedule_;
    std::size_t lanes_;
    Recorder* recorder_ = nullptr;
    std::uint64_t hash_ = 0;
    Counts faults_;
    SituationCounts situations_;
};

}  // namespace strandline::simulator
