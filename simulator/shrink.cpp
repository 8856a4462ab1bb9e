#include "simulator/shrink.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "simulator/faults.h"

namespace strandline::simulator {
namespace {

/// Minutes are tried in these parts, so that the command stays short to read.
constexpr double kPartsOfMinute = 100;

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : ",") + name;
    return out.empty() ? "none" : out;
}

class Search {
public:
    Search(const Options& options, std::uint64_t tries_most, const Fails& fails)
        : tries_most_(tries_most), fails_(fails) {
        best_.options = options;
        best_.options.seeds = 1;
        best_.options.scenario.clear();
        best_.options.faults = joined(armed_faults(options.seed, options.faults));
    }

    Shrunk run() {
        bool is_smaller = true;
        while (is_smaller && has_tries()) {
            is_smaller = drop_faults();
            is_smaller = lower_devices() || is_smaller;
            is_smaller = lower_time() || is_smaller;
            is_smaller = lower_writes() || is_smaller;
        }
        best_.is_smallest = !is_smaller;
        return best_;
    }

private:
    [[nodiscard]] bool has_tries() const { return best_.tries < tries_most_; }

    bool try_out(const Options& smaller) {
        if (!has_tries() || !objection(smaller).empty()) return false;
        ++best_.tries;
        if (!fails_(smaller)) return false;
        best_.options = smaller;
        return true;
    }

    /// All of them, then half of them, and so on down to one by one.
    bool drop_faults() {
        bool is_smaller = false;
        auto names = armed_faults(best_.options.seed, best_.options.faults);
        for (std::size_t size = names.size(); size > 0; size /= 2) {
            for (std::size_t from = 0; from < names.size();) {
                auto fewer = names;
                const auto begin = fewer.begin() + static_cast<std::ptrdiff_t>(from);
                fewer.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(size, names.size() - from)));
                Options smaller = best_.options;
                smaller.faults = joined(fewer);
                if (try_out(smaller)) {
                    names = fewer;
                    is_smaller = true;
                } else {
                    from += size;
                }
            }
        }
        return is_smaller;
    }

    /// From `now` down to `least` in one step if that still fails, else in smaller and smaller ones, as long as a
    /// reader would see the difference.
    template <typename Set>
    bool lower(std::uint64_t now, std::uint64_t least, const Set& set) {
        bool is_smaller = false;
        for (std::uint64_t step = now - std::min(now, least); step > 0 && step * 8 >= now;) {
            Options smaller = best_.options;
            set(smaller, now - step);
            if (try_out(smaller)) {
                now -= step;
                is_smaller = true;
                step = std::min(step, now - least);
            } else {
                step /= 2;
            }
        }
        return is_smaller;
    }

    bool lower_devices() {
        return lower(best_.options.devices, 1,
                     [](Options& options, std::uint64_t count) { options.devices = count; });
    }
    bool lower_time() {
        const double parts = std::ceil(best_.options.minutes * kPartsOfMinute);
        return lower(static_cast<std::uint64_t>(parts), 1, [](Options& options, std::uint64_t count) {
            options.minutes = static_cast<double>(count) / kPartsOfMinute;
        });
    }
    bool lower_writes() {
        return lower(best_.options.writes_per_minute, 0,
                     [](Options& options, std::uint64_t count) { options.writes_per_minute = count; });
    }

    std::uint64_t tries_most_;
    const Fails& fails_;
    Shrunk best_;
};

}  // namespace

Shrunk shrink(const Options& options, std::uint64_t tries_most, const Fails& fails) {
    return Search(options, tries_most, fails).run();
}

}  // namespace strandline::simulator
