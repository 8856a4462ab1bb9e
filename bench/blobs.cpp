// Large values: an empty device is filled with some, and what that takes of either side's memory.
#include <unistd.h>

#include <algorithm>

#include <strandline/diff.h>

#include "bench/devices.h"

namespace strandline::bench {
namespace {

constexpr int kBlobs = 4;
constexpr double kMemoryMibAtMost = 96;

void make(const std::string& path, int blobs) {
    remove_database(path);
    Database database(path, Sync::normal);
    database.execute("CREATE TABLE items(id TEXT PRIMARY KEY, body BLOB, name TEXT)");
    for (int i = 0; i < blobs; ++i)
        database.execute("INSERT INTO items VALUES (hex(randomblob(8)), randomblob(64 << 20), 'large')");
}

}  // namespace

void measure_blobs(Workbench& bench) {
    const std::string what = std::to_string(kBlobs) + " values of 64 MiB for an empty device";
    const std::string a = bench.path("blobs-a.db");
    const std::string b = bench.path("blobs-b.db");
    for (int number = 0; number < bench.runs; ++number) {
        say(what + ", run " + std::to_string(number + 1) + " of " + std::to_string(bench.runs));
        make(a, kBlobs);
        make(b, 0);
        {
            Engine on_a = track_here(a);
            Engine on_b = track_here(b);
            value_of(on_a.trust(on_b.device(), "B", now()));
            value_of(on_b.trust(on_a.device(), "A", now()));
        }
        sync();
        RunningPair pair(a, b, Run::once);
        const double seconds = pair.in_step();
        const auto [at_a, at_b] = pair.stop();
        if (!value_of(diff_databases(a, b, {kTable}, 0)).is_equal()) throw Trouble("A and B differ");
        bench.report.add({"blobs", what, "", Unit::seconds, {}}, seconds);
        bench.report.add(
            {"blobs/memory", "  memory of the larger process", "", Unit::mebibytes, kMemoryMibAtMost},
            std::max(at_a.resident_mib, at_b.resident_mib));
    }
}

}  // namespace strandline::bench
