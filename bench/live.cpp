// One row, written by another process on A, until a third can read it on B.
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <thread>

#include "bench/devices.h"
#include "bench/pipe.h"

namespace strandline::bench {
namespace {

constexpr int kRows = 300;
constexpr auto kLookEvery = std::chrono::microseconds(50);
constexpr double kPatienceSeconds = 30;

/// Between two writes: not in step with any pause of the devices' own.
std::chrono::microseconds pause(std::mt19937_64& random) {
    return std::chrono::microseconds(5'000 + random() % 20'000);
}

double durable_commit_seconds(const std::string& path) {
    remove_database(path);
    std::vector<double> seconds;
    {
        Database database(path, Sync::full);
        database.execute(kCreateTable);
        Statement statement(database, kInsert);
        for (int i = 0; i < kRows; ++i) {
            const Row row = row_at(i);
            const double began = now_seconds();
            insert(statement, row);
            seconds.push_back(now_seconds() - began);
        }
    }
    remove_database(path);
    return median(seconds);
}

double round_trip_seconds() {
    Loopback loopback;
    Child echo = fork_off([&] {
        loopback.accept();
        char byte = 0;
        for (int i = 0; i < kRows; ++i) {
            loopback.receive(&byte, 1);
            loopback.send(&byte, 1);
        }
    });
    loopback.connect();
    std::vector<double> seconds;
    for (int i = 0; i < kRows; ++i) {
        char byte = 0;
        const double began = now_seconds();
        loopback.send(&byte, 1);
        loopback.receive(&byte, 1);
        seconds.push_back(now_seconds() - began);
    }
    echo.wait();
    return median(seconds);
}

double until_readable(Statement& read, const Row& row, double written) {
    for (;;) {
        read.bind_blob(1, row.id);
        const bool is_there = read.step();
        read.reset();
        const double waited = now_seconds() - written;
        if (is_there) return waited;
        if (waited > kPatienceSeconds) throw Trouble("a row written on A did not arrive on B");
        std::this_thread::sleep_for(kLookEvery);
    }
}

std::vector<double> live_seconds(Devices& devices, std::int64_t first) {
    RunningPair pair(devices.a(), devices.b(), Run::on);
    pair.wait_until_in_step();
    std::vector<double> seconds;
    std::mt19937_64 random(static_cast<std::uint64_t>(first));
    {
        Database app(devices.a(), Sync::normal);
        Database reader(devices.b(), Sync::normal);
        Statement write(app, kInsert);
        Statement read(reader, "SELECT 1 FROM items WHERE id = ?");
        for (std::int64_t i = 0; i < kRows; ++i) {
            std::this_thread::sleep_for(pause(random));
            const Row row = row_at(first + i);
            insert(write, row);
            seconds.push_back(until_readable(read, row, now_seconds()));
        }
    }
    pair.stop();
    devices.check_equal();
    return seconds;
}

}  // namespace

void measure_live(Workbench& bench) {
    constexpr double kMedianAtMost = 15;
    constexpr double kTailAtMost = 100;
    prctl(PR_SET_TIMERSLACK, 1'000UL);  // Nanoseconds; the usual 50,000 are half of what is measured here.
    Devices& devices = bench.devices(bench.rows);
    devices.bring_in_step();
    for (int number = 0; number < bench.runs; ++number) {
        say("one row, live, run " + std::to_string(number + 1) + " of " + std::to_string(bench.runs));
        const double commit = durable_commit_seconds(bench.path("floor.db"));
        const double trip = round_trip_seconds();
        const double floor_ms = 1000 * (2 * commit + trip);
        const auto seconds = live_seconds(devices, bench.rows_large() + std::int64_t{kRows} * number);
        bench.report.add({"live/p50", "one row written on A until readable on B, p50", "floor",
                          Unit::milliseconds, kMedianAtMost},
                         floor_ms, 1000 * median(seconds));
        bench.report.add({"live/p99", "one row written on A until readable on B, p99", "floor",
                          Unit::milliseconds, kTailAtMost},
                         floor_ms, 1000 * percentile(seconds, 0.99));
        bench.report.add(
            {"live/commit", "  of the floor: a durable one-row commit", "", Unit::milliseconds, {}},
            1000 * commit);
        bench.report.add({"live/trip", "  of the floor: a loopback round trip", "", Unit::milliseconds, {}},
                         1000 * trip);
    }
    bench.report.note("Live: " + std::to_string(kRows) + " rows a run, 5 to 25 ms apart, into the table of " +
                      count_text(bench.rows) + " rows; from the writer's commit.");
}

}  // namespace strandline::bench
