// Two devices prove that they hold the same: what that costs when they do, and when some rows differ.
#include <chrono>
#include <thread>

#include <strandline/engine.h>

#include "bench/devices.h"

namespace strandline::bench {
namespace {

constexpr std::int64_t kRowBytes = 150;

/// One walk through the table as it lies in the file, every value read.
double scan(const std::string& path) {
    const Database database(path, Sync::normal);
    Statement all(database, "SELECT * FROM items");
    const double begin = now_seconds();
    double sum = 0;
    while (all.step()) {
        for (int column = 0; column < 3; ++column) sum += static_cast<double>(all.bytes(column).size());
        sum += static_cast<double>(all.integer(3)) + all.real(4) + static_cast<double>(all.integer(5));
    }
    if (sum == 0) throw Trouble("the table is empty");
    return now_seconds() - begin;
}

struct Proved {
    double seconds = 0;
    double bytes = 0;  ///< both ways
};

/// Asks the process that runs B, as `strandline verify` does.
Proved prove(const std::string& path, bool is_deep) {
    Proved proved;
    const double begin = now_seconds();
    const auto number = value_of(leave_request(
        path, {"verify", is_deep ? std::vector<std::string>{"deep"} : std::vector<std::string>{}}));
    while (!value_of(request_answered(path, number)))
        std::this_thread::sleep_for(std::chrono::microseconds(500));
    proved.seconds = now_seconds() - begin;
    const Verification found = value_of(request_verified(path, number));
    proved.bytes = static_cast<double>(found.bytes_sent + found.bytes_received);
    return proved;
}

/// Takes rows away from a device that nobody runs, and all that it knows of them.
void lose_rows(const std::string& path, std::int64_t rows, std::int64_t count, int run) {
    Database database(path, Sync::normal);
    database.execute("BEGIN");
    database.execute("INSERT INTO strandline_applying VALUES (1)");
    {
        Statement row(database, "DELETE FROM items WHERE id = ?1");
        Statement stamps(database, "DELETE FROM strandline_stamps WHERE resource = 1 AND key = ?1");
        for (const std::int64_t number : shuffled(rows, count, static_cast<std::uint64_t>(run) + 500)) {
            const std::string id = row_at(number).id;
            row.bind_blob(1, id);
            row.run();
            const std::string key = '\x40' + id;  // As docs/schema.md encodes a blob.
            stamps.bind_blob(1, key);
            stamps.run();
        }
    }
    database.execute("UPDATE strandline_fingerprints SET sum = NULL");
    database.execute("DELETE FROM strandline_applying");
    database.execute("COMMIT");
}

void measure_equal(Workbench& bench, Devices& devices, std::int64_t rows) {
    constexpr double kWarmAtMost = 0.1;
    constexpr double kDeepAtMost = 4;
    constexpr double kBytesAtMost = 1024;
    RunningPair pair(devices.a(), devices.b(), Run::on);
    pair.wait_until_in_step();
    (void)prove(devices.b(), false);
    const double scanned = scan(devices.b());
    const Proved warm = prove(devices.b(), false);
    const Proved deep = prove(devices.b(), true);
    pair.stop();
    const std::string name = "verify/" + std::to_string(rows);
    const std::string title = "proof that " + count_text(rows) + " rows are the same";
    bench.report.add({name, title, "scan", Unit::milliseconds, kWarmAtMost}, 1000 * scanned,
                     1000 * warm.seconds);
    bench.report.add({name + "/deep", "  by the rows themselves", "scan", Unit::milliseconds, kDeepAtMost},
                     1000 * scanned, 1000 * deep.seconds);
    bench.report.add({name + "/bytes", "  on the wire, both ways", "", Unit::bytes, kBytesAtMost},
                     warm.bytes);
}

void measure_different(Workbench& bench, Devices& devices, std::int64_t rows, std::int64_t count, int run) {
    say(count_text(count) + " rows lost of " + count_text(rows));
    lose_rows(devices.b(), rows, count, run);
    RunningPair pair(devices.a(), devices.b(), Run::on);
    pair.wait_until_in_step();
    const Proved proved = prove(devices.b(), false);
    pair.stop();
    devices.check_equal();
    const std::string name = "verify/" + std::to_string(rows) + "/lost/" + std::to_string(count);
    const double at_most = 3 * static_cast<double>(count * kRowBytes) + 64 * 1024;
    bench.report.add(
        {name, "  " + count_text(count) + " lost rows found and brought back", "", Unit::bytes, at_most},
        proved.bytes);
}

}  // namespace

void measure_verify(Workbench& bench) {
    const std::int64_t rows = bench.rows_large();
    for (int run = 0; run < bench.runs; ++run) {
        say("proofs, run " + std::to_string(run + 1) + " of " + std::to_string(bench.runs));
        Devices& devices = bench.devices(rows);
        devices.bring_in_step();
        measure_equal(bench, devices, rows);
        for (const std::int64_t count : {std::int64_t{1}, std::int64_t{100}, std::int64_t{10'000}})
            measure_different(bench, devices, rows, count, run);
    }
    bench.report.note(
        "Proofs: from the request of another process until its answer, on two connected devices whose sums "
        "are "
        "known. The scan reads every value in the order of the file. Bytes are those of both ways, "
        "encrypted.");
}

}  // namespace strandline::bench
