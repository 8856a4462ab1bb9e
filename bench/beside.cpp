// An app that writes on a device while that is backfilled: how long its writes wait.
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "bench/devices.h"

namespace strandline::bench {
namespace {

constexpr auto kEvery = std::chrono::milliseconds(5);
constexpr int kUndisturbedRows = 400;

/// Writes a row every 5 ms until `is_over`: how long each took, from when it was due to be written until its commit.
template <typename IsOver>
std::vector<double> write(const std::string& path, std::int64_t first, IsOver is_over) {
    Database app(path, Sync::normal);
    Statement insert_row(app, kInsert);
    std::vector<double> seconds;
    while (!is_over(seconds.size())) {
        std::this_thread::sleep_for(kEvery);
        const Row row = row_at(first + static_cast<std::int64_t>(seconds.size()));
        const double began = now_seconds();
        insert(insert_row, row);
        seconds.push_back(now_seconds() - began);
    }
    return seconds;
}

double undisturbed_p50(Devices& devices, std::int64_t first) {
    devices.renew_b();
    return median(write(devices.b(), first, [](std::size_t written) { return written >= kUndisturbedRows; }));
}

/// What the app wrote last may still be on its way.
void wait_until_equal(const Devices& devices) {
    constexpr double kPatienceSeconds = 60;
    for (const double began = now_seconds(); !devices.are_equal();) {
        if (now_seconds() - began > kPatienceSeconds) devices.check_equal();
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
}

struct Beside {
    std::vector<double> waits;
    double seconds = 0;
};

Beside write_beside_backfill(Devices& devices, std::int64_t first) {
    devices.renew_b();
    RunningPair pair(devices.a(), devices.b(), Run::on);
    Beside beside;
    std::atomic<bool> is_filled = false;
    std::thread app([&] {
        beside.waits = write(devices.b(), first, [&](std::size_t /*written*/) { return is_filled.load(); });
    });
    beside.seconds = pair.filled();
    is_filled = true;
    app.join();
    wait_until_equal(devices);
    pair.stop();
    return beside;
}

}  // namespace

void measure_beside(Workbench& bench) {
    constexpr double kMedianAtMost = 20;
    constexpr double kTailAtMost = 200;
    constexpr double kLongestAtMost = 1000;
    prctl(PR_SET_TIMERSLACK, 1'000UL);  // Nanoseconds; the usual 50,000 are as much as what is measured here.
    Devices& devices = bench.devices(bench.rows_large());
    std::int64_t first = 2 * bench.rows_large();
    for (int number = 0; number < bench.runs; ++number) {
        say("an app beside a backfill, run " + std::to_string(number + 1) + " of " +
            std::to_string(bench.runs));
        const double base = 1000 * undisturbed_p50(devices, first);
        const Beside beside = write_beside_backfill(devices, first);
        first += static_cast<std::int64_t>(beside.waits.size());
        const auto add = [&](const char* name, const char* title, double at_most, double fraction) {
            bench.report.add({name, title, "p50", Unit::milliseconds, at_most}, base,
                             1000 * percentile(beside.waits, fraction));
        };
        add("beside/p50", "a row written on a device that is backfilled, p50 / undisturbed", kMedianAtMost,
            0.5);
        add("beside/p99", "a row written on a device that is backfilled, p99 / undisturbed", kTailAtMost,
            0.99);
        add("beside/max", "a row written on a device that is backfilled, longest / undisturbed",
            kLongestAtMost, 1);
        bench.report.add({"beside/seconds", "  such a backfill, until it is done", "", Unit::seconds, {}},
                         beside.seconds);
    }
    bench.report.note("Beside: a row every 5 ms, each a transaction, during a backfill of " +
                      count_text(bench.rows_large()) + " rows.");
}

}  // namespace strandline::bench
