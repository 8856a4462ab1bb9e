// A backfill: an empty device, and one that has the table. Two processes, encrypted, durable on arrival.
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "bench/devices.h"
#include "bench/pipe.h"

namespace strandline::bench {
namespace {

constexpr double kMemoryMibAtMost = 64;
constexpr double kBytesAtMost = 1.15;

struct Filled {
    double seconds = 0;
    double resident_mib = 0;
    double bytes_per_row = 0;
    double rows_per_transaction = 0;
};

Filled backfill(Devices& devices, Wire wire) {
    devices.renew_b();
    sync();
    RunningPair pair(devices.a(), devices.b(), Run::once, wire);
    Filled filled;
    filled.seconds = pair.in_step();
    const auto [a, b] = pair.stop();
    devices.check_equal();
    devices.is_in_step = true;
    filled.resident_mib = std::max(a.resident_mib, b.resident_mib);
    filled.bytes_per_row = b.received_bytes / b.received_rows;
    filled.rows_per_transaction = std::ceil(b.received_rows / b.received_messages);
    return filled;
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

/// A number counts 8 bytes.
double own_bytes_per_row(const Devices& devices) {
    Database database(devices.plain(), Sync::normal);
    return static_cast<double>(database.ask(
               "SELECT sum(length(id) + length(CAST(name AS BLOB)) + length(CAST(body AS BLOB)) + 24) "
               "FROM items")) /
           static_cast<double>(database.ask("SELECT count(*) FROM items"));
}

void measure(Workbench& bench, std::int64_t rows, double at_most, bool is_large) {
    Devices& devices = bench.devices(rows);
    const std::string what = "backfill of an empty device, " + count_text(rows) + " rows";
    const std::string name = "backfill/" + std::to_string(rows);
    std::int64_t per_transaction = 0;
    for (int number = 0; number < bench.runs; ++number) {
        say(what + ", run " + std::to_string(number + 1) + " of " + std::to_string(bench.runs));
        // They take turns, except that the first run tells how large our transactions are.
        const bool pipe_first = number % 2 == 1;
        Piped piped;
        if (pipe_first) piped = pipe(devices, rows, per_transaction);
        const Filled ours = backfill(devices, Wire::packed);
        per_transaction = static_cast<std::int64_t>(ours.rows_per_transaction);
        if (!pipe_first) piped = pipe(devices, rows, per_transaction);
        bench.report.add({name, what, "pipe", Unit::seconds, at_most}, piped.seconds, ours.seconds);
        bench.report.add({name + "/bytes", "  bytes a row", "pipe", Unit::bytes, {}}, piped.bytes_per_row,
                         ours.bytes_per_row);
        bench.report.add(
            {name + "/memory", "  memory of the larger process, " + count_text(rows) + " rows", "",
             Unit::mebibytes, is_large ? std::optional<double>(kMemoryMibAtMost) : std::nullopt},
            ours.resident_mib);
        if (is_large) continue;  // Of bytes the smaller table tells as much.
        bench.report.add(
            {name + "/plain", "  bytes a row, without compression", "values", Unit::bytes, kBytesAtMost},
            own_bytes_per_row(devices), backfill(devices, Wire::plain).bytes_per_row);
    }
    bench.report.note("Backfill of " + count_text(rows) + " rows: about " + count_text(per_transaction) +
                      " rows a transaction, the pipe's as ours.");
}

}  // namespace

void measure_backfill(Workbench& bench) {
    constexpr double kAtMost = 2.5;
    constexpr double kLargeAtMost = 0.9;
    measure(bench, bench.rows, kAtMost, false);
    measure(bench, bench.rows_large(), kLargeAtMost, true);
}

}  // namespace strandline::bench
