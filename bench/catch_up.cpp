// An empty device catches up with one that has the table: two processes, encrypted, durable on arrival.
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "bench/devices.h"
#include "bench/pipe.h"

namespace strandline::bench {
namespace {

constexpr double kMemoryMibAtMost = 96;

struct CaughtUp {
    double seconds = 0;
    double resident_mib = 0;
    double bytes_per_row = 0;
    double rows_per_transaction = 0;
};

CaughtUp catch_up(Devices& devices) {
    devices.renew_b();
    sync();
    RunningPair pair(devices.a(), devices.b(), Run::once);
    CaughtUp caught;
    caught.seconds = pair.in_step();
    const auto [a, b] = pair.stop();
    devices.check_equal();
    devices.is_in_step = true;
    caught.resident_mib = std::max(a.resident_mib, b.resident_mib);
    caught.bytes_per_row = b.received_bytes / b.received_rows;
    caught.rows_per_transaction = std::ceil(b.received_rows / b.received_messages);
    return caught;
}

struct Piped {
    double seconds = 0;
    double bytes_per_row = 0;
};

Piped pipe(const Devices& devices, std::int64_t rows, std::int64_t per_transaction) {
    remove_database(devices.pipe_target());
    {
        Database database(devices.pipe_target(), Sync::full);
        database.execute(kCreateTable);
    }
    sync();
    Pipe pipe(devices.plain(), devices.pipe_target(), false);
    Piped piped;
    piped.seconds = pipe.move_all(per_transaction);
    pipe.finish();
    piped.bytes_per_row = static_cast<double>(pipe.bytes()) / static_cast<double>(rows);
    Database database(devices.pipe_target(), Sync::full);
    if (database.ask("SELECT count(*) FROM items") != rows) throw Trouble("the pipe lost rows");
    return piped;
}

void measure(Workbench& bench, std::int64_t rows, double at_most, bool has_memory_target) {
    Devices& devices = bench.devices(rows);
    const std::string what = "catch-up of an empty device, " + count_text(rows) + " rows";
    const std::string name = "catch-up/" + std::to_string(rows);
    std::int64_t per_transaction = 0;
    for (int number = 0; number < bench.runs; ++number) {
        say(what + ", run " + std::to_string(number + 1) + " of " + std::to_string(bench.runs));
        // They take turns, except that the first run tells how large our transactions are.
        const bool pipe_first = number % 2 == 1;
        Piped piped;
        if (pipe_first) piped = pipe(devices, rows, per_transaction);
        const CaughtUp ours = catch_up(devices);
        per_transaction = static_cast<std::int64_t>(ours.rows_per_transaction);
        if (!pipe_first) piped = pipe(devices, rows, per_transaction);
        bench.report.add({name, what, "pipe", Unit::seconds, at_most}, piped.seconds, ours.seconds);
        bench.report.add({name + "/bytes", "  bytes a row", "pipe", Unit::bytes, {}}, piped.bytes_per_row,
                         ours.bytes_per_row);
        bench.report.add(
            {name + "/memory", "  memory of the larger process, " + count_text(rows) + " rows", "",
             Unit::mebibytes, has_memory_target ? std::optional<double>(kMemoryMibAtMost) : std::nullopt},
            ours.resident_mib);
    }
    bench.report.note("Catch-up of " + count_text(rows) + " rows: about " + count_text(per_transaction) +
                      " rows a transaction, the pipe's as ours.");
}

}  // namespace

void measure_catch_up(Workbench& bench) {
    constexpr double kAtMost = 4;
    constexpr double kLargeAtMost = 1.5;
    measure(bench, bench.rows, kAtMost, false);
    measure(bench, bench.rows_large(), kLargeAtMost, true);
}

}  // namespace strandline::bench
