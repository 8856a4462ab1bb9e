#include "bench/devices.h"

#include <random>
#include <sstream>
#include <utility>

#include <strandline/diff.h>
#include <strandline/node.h>

#include "bench/device.h"

namespace strandline::bench {
namespace {

std::uint64_t entropy() {
    std::random_device random;
    return std::uint64_t{random()} << 32 | random();
}

Engine open_engine(const std::string& path) {
    return value_of(Engine::open({path, value_of(device_id_of(path)), "", entropy}, now()));
}

DeviceEnd parse_end(const std::string& text) {
    std::istringstream words(text);
    DeviceEnd end;
    double kib = 0;
    if (!(words >> kib >> end.received_bytes >> end.received_rows >> end.received_messages))
        throw Trouble("a device ended with '" + text + "'");
    end.resident_mib = kib / 1024;
    return end;
}

}  // namespace

Now now() {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    const auto steady = std::chrono::steady_clock::now().time_since_epoch();
    return {WallMs{duration_cast<milliseconds>(wall).count()},
            SteadyMs{duration_cast<milliseconds>(steady).count()}};
}

Engine track_here(const std::string& path) {
    value_of(init_device(path, "bench"));
    Engine engine = open_engine(path);
    value_of(engine.track({kTable}, Ownership::shared, now()));
    return engine;
}

void remove_database(const std::string& path) {
    for (const char* suffix : {"", "-wal", "-shm", ".key", ".lock"}) std::filesystem::remove(path + suffix);
}

RunningPair::RunningPair(const std::string& a, const std::string& b, Run run, Wire wire)
    : a_({kDeviceWord, a, "", "on", wire == Wire::packed ? "packed" : "plain"}),
      b_({kDeviceWord, b, "127.0.0.1:" + a_.next("port", "the port of A"), run == Run::once ? "once" : "on",
          wire == Wire::packed ? "packed" : "plain"}),
      dialled_(std::stod(b_.next("dials", "B to dial"))) {}

double RunningPair::in_step() {
    return std::stod(b_.next("in_step", "B to be in step with A")) - dialled_;
}

double RunningPair::filled() {
    return std::stod(b_.next("filled", "B to be filled")) - dialled_;
}

void RunningPair::wait_until_in_step() {
    (void)b_.next("in_step_told", "B to tell that it is in step with A");
}

double RunningPair::applied(std::int64_t rows) {
    double at = 0;
    while (rows > 0) {
        std::istringstream words(b_.next("applied", "B to apply what has changed"));
        std::int64_t some = 0;
        words >> some >> at;
        rows -= some;
    }
    return at;
}

std::pair<DeviceEnd, DeviceEnd> RunningPair::stop() {
    b_.close_input();
    const DeviceEnd b = parse_end(b_.next("end", "B to stop"));
    b_.wait();
    a_.close_input();
    const DeviceEnd a = parse_end(a_.next("end", "A to stop"));
    a_.wait();
    return {a, b};
}

Devices::Devices(const std::filesystem::path& folder, std::int64_t rows) {
    const auto path = [&](const std::string& name) {
        return (folder / (name + "-" + std::to_string(rows) + ".db")).string();
    };
    plain_ = path("plain");
    a_ = path("a");
    b_ = path("b");
    pipe_target_ = path("pipe");
    say("making a table of " + count_text(rows) + " rows, and a device that tracks it");
    {
        Database database(plain_, Sync::normal);
        fill(database, rows);
    }
    std::filesystem::copy_file(plain_, a_);
    const Engine tracked = track_here(a_);
}

void Devices::renew_b() {
    is_in_step = false;
    remove_database(b_);
    {
        Database database(b_, Sync::normal);
        database.execute(kCreateTable);
    }
    Engine b = track_here(b_);
    Engine a = open_engine(a_);
    value_of(a.trust(b.device(), "B", now()));
    value_of(b.trust(a.device(), "A", now()));
}

void Devices::bring_in_step() {
    if (is_in_step) return;
    renew_b();
    RunningPair pair(a_, b_, Run::once);
    pair.in_step();
    pair.stop();
    is_in_step = true;
}

bool Devices::are_equal() const {
    return value_of(diff_databases(a_, b_, {kTable}, 0)).is_equal();
}

void Devices::check_equal() const {
    if (!are_equal()) throw Trouble("A and B differ, so what was measured is worth nothing");
}

Devices& Workbench::devices(std::int64_t count) {
    const auto found = devices_by_rows.find(count);
    if (found != devices_by_rows.end()) return found->second;
    return devices_by_rows.emplace(count, Devices(folder, count)).first->second;
}

}  // namespace strandline::bench
