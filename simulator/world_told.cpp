#include <fmt/format.h>

#include "simulator/laws.h"
#include "simulator/report.h"
#include "simulator/world.h"

// World, continued: what is told of a run.
namespace strandline::simulator {

double World::amplification() const {
    std::uint64_t rows = 0;
    for (const auto& device : devices_) rows += device->tally().rows_received;
    const double least = static_cast<double>(model_.count()) * static_cast<double>(devices_.size() - 1);
    return least > 0 ? static_cast<double>(rows) / least : 0.0;
}

/// In the second act, where nobody breaks a disk and so a look more changes nothing. In the first act the report
/// lives on the looks that the laws take.
void World::record() {
    if (!recorder_) return;
    for (Device* device : living()) {
        if (device->life() != Device::Life::running) continue;
        if (const auto coverage = read_coverage(device->sql())) recorder_->holds(device->index(), *coverage);
    }
    recorder_->sample();
}

std::string World::report(const Outcome& outcome) {
    recorder_->finish();
    Ran ran{options_, chronicle_, network_.all_traffic(), *recorder_, schedule_.now()};
    ran.healed_at = healed_at_;
    if (converged_after_us_ >= 0) ran.converged_at = after(*healed_at_, converged_after_us_);
    if (faults_) ran.armed = faults_->armed();
    ran.finding = outcome.finding;
    ran.changes = model_.count();
    ran.amplification = outcome.amplification;
    return page(ran);
}

std::string World::summary(double real_seconds) {
    const double simulated = static_cast<double>(schedule_.now().us) / static_cast<double>(kUsPerSecond);
    std::string out = fmt::format("simulated {:.1f} s, {:.0f} times as fast as real time\n", simulated,
                                  real_seconds > 0 ? simulated / real_seconds : 0.0);
    if (converged_after_us_ >= 0)
        out += fmt::format("converged {:.2f} s after healing\n",
                           static_cast<double>(converged_after_us_) / static_cast<double>(kUsPerSecond));
    std::uint64_t rows = 0;
    std::uint64_t lost = 0;
    std::uint64_t spins = 0;
    std::size_t unsent = 0;
    for (const auto& device : devices_) {
        rows += device->tally().rows_received;
        lost += device->tally().lost;
        spins += device->tally().spins;
        unsent = std::max(unsent, device->tally().unsent_bytes_most);
    }
    out += fmt::format(
        "{} changes written; {} rows crossed into a device, {:.2f} times the least; {} commits went with "
        "the power; most unsent {} bytes; {} deadlines without work\n",
        model_.count(), rows, amplification(), lost, unsent, spins);
    if (options_.devices <= kDevicesToldMost) {
        for (const auto& [way, traffic] : network_.all_traffic())
            out += fmt::format("link {} → {}: {} messages, the least {}; {} bytes, the least {}\n", way.first,
                               way.second, traffic.messages, traffic.messages_least, traffic.bytes,
                               traffic.bytes_least);
    }
    if (faults_) out += "faults armed: " + faults_->armed() + "\n";
    out +=
        fmt::format("deletions: {}\n", forgets_ ? "forgotten once all have acknowledged them" : "remembered");
    for (const auto& [name, count] : chronicle_.faults()) out += fmt::format("fault {}: {}\n", name, count);
    for (const auto& [name, count] : chronicle_.situations())
        out += fmt::format("sometimes {}: {}\n", name, count);
    return out;
}

}  // namespace strandline::simulator
