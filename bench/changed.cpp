// A few rows of many have changed: how long until the other device has them, durably.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "bench/devices.h"
#include "bench/pipe.h"

namespace strandline::bench {
namespace {

constexpr std::int64_t kChangedRows = 1'000;
/// Several a run, because one is over in milliseconds.
constexpr int kRepetitions = 5;
/// Longer than any of the pauses in which a host lets a busy writer's commits gather.
constexpr auto kQuiet = std::chrono::milliseconds(100);

struct Change {
    std::vector<std::string> ids;
    std::int64_t amount = 0;
};

Change make_change(std::int64_t rows, int number) {
    Change change;
    for (const std::int64_t row : shuffled(rows, kChangedRows, static_cast<std::uint64_t>(number) + 100))
        change.ids.push_back(row_at(row).id);
    change.amount = 1'000'000 + number;
    return change;
}

/// What the app does: one transaction, one column. When it had committed, as now_seconds() tells it.
double commit(Database& app, const Change& change) {
    Statement update(app, kUpdate);
    app.execute("BEGIN");
    for (const std::string& id : change.ids) {
        update.bind_blob(1, id);
        update.bind(2, change.amount);
        update.run();
    }
    app.execute("COMMIT");
    return now_seconds();
}

double ours_connected(Devices& devices, const std::vector<Change>& changes) {
    RunningPair pair(devices.a(), devices.b(), Run::on);
    pair.wait_until_in_step();
    std::vector<double> seconds;
    {
        Database app(devices.a(), Sync::normal);
        for (const Change& change : changes) {
            std::this_thread::sleep_for(kQuiet);
            const double committed = commit(app, change);
            seconds.push_back(pair.applied(kChangedRows) - committed);
        }
    }
    pair.stop();
    devices.check_equal();
    return median(seconds);
}

/// Both come up after the change. A finds it as it starts, before B dials; from there on all counts: handshake,
/// exchange of watermarks, receipt.
double ours_after_absence(Devices& devices, const Change& change) {
    {
        Database app(devices.a(), Sync::normal);
        commit(app, change);
    }
    RunningPair pair(devices.a(), devices.b(), Run::once);
    const double seconds = pair.in_step();
    pair.stop();
    devices.check_equal();
    return seconds;
}

double piped(const Devices& devices, const std::vector<Change>& changes) {
    Pipe pipe(devices.plain(), devices.pipe_target(), true);
    pipe.connect();
    std::vector<double> seconds;
    {
        Database app(devices.plain(), Sync::normal);
        for (const Change& change : changes) {
            std::this_thread::sleep_for(kQuiet);
            const double committed = commit(app, change);
            seconds.push_back(pipe.move_rows(change.ids) - committed);
        }
    }
    pipe.finish();
    return median(seconds);
}

struct Figures {
    double pipe_ms = 0;
    double connected_ms = 0;
    double absent_ms = 0;
};

Figures measure(Workbench& bench, std::int64_t rows, int number) {
    say(count_text(kChangedRows) + " changed rows of " + count_text(rows) + ", run " +
        std::to_string(number + 1) + " of " + std::to_string(bench.runs));
    Devices& devices = bench.devices(rows);
    devices.bring_in_step();
    if (!std::filesystem::exists(devices.pipe_target()))
        std::filesystem::copy_file(devices.plain(), devices.pipe_target());
    std::vector<Change> changes;
    changes.reserve(kRepetitions);
    for (int i = 0; i < kRepetitions; ++i) changes.push_back(make_change(rows, number * kRepetitions + i));
    sync();
    Figures figures;
    const bool pipe_first = number % 2 == 1;
    if (pipe_first) figures.pipe_ms = 1000 * piped(devices, changes);
    figures.connected_ms = 1000 * ours_connected(devices, changes);
    if (!pipe_first) figures.pipe_ms = 1000 * piped(devices, changes);
    figures.absent_ms = 1000 * ours_after_absence(devices, make_change(rows, 1'000 + number));
    return figures;
}

void report(Workbench& bench, std::int64_t rows, const Figures& figures) {
    constexpr double kAtMost = 4;
    const std::string name = "changed/" + std::to_string(rows);
    bench.report.add({name, count_text(kChangedRows) + " changed rows of " + count_text(rows), "pipe",
                      Unit::milliseconds, kAtMost},
                     figures.pipe_ms, figures.connected_ms);
    bench.report.add(
        {name + "/absence", "  the same after an absence, from dialling", "pipe", Unit::milliseconds, {}},
        figures.pipe_ms, figures.absent_ms);
}

}  // namespace

void measure_changed(Workbench& bench) {
    constexpr double kGrowthAtMost = 1.3;
    for (int number = 0; number < bench.runs; ++number) {
        const Figures small = measure(bench, bench.rows, number);
        const Figures large = measure(bench, bench.rows_large(), number);
        report(bench, bench.rows, small);
        report(bench, bench.rows_large(), large);
        bench.report.add({"changed/growth", "  1,000 changed of " + count_text(bench.rows_large()),
                          "of " + count_text(bench.rows), Unit::milliseconds, kGrowthAtMost},
                         small.connected_ms, large.connected_ms);
    }
    bench.report.note(
        "Changed rows: one transaction of one-column updates, from its commit until the rows are durable on "
        "B; "
        "both are connected. The pipe knows the keys, and moves whole rows.");
}

}  // namespace strandline::bench
