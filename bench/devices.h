#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <strandline/engine.h>

#include "bench/process.h"
#include "bench/report.h"
#include "bench/rows.h"

namespace strandline::bench {

/// Both clocks, as an engine wants them handed in.
[[nodiscard]] Now now();
/// Makes the file a device whose engine this process holds, and tracks the table that is in it.
[[nodiscard]] Engine track_here(const std::string& path);
/// The value; Trouble with the sentence of the error otherwise.
template <typename T>
T value_of(Result<T> result) {
    if (!result) throw Trouble(result.error().message);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}
/// Removes a database and what stands beside it.
void remove_database(const std::string& path);

/// What a device said of itself at its end.
struct DeviceEnd {
    double resident_mib = 0;
    double received_bytes = 0;
    double received_rows = 0;
    double received_messages = 0;
};

/// How long B runs: `once` as run_once() does, or on and on.
enum class Run { once, on };
/// How rows travel between A and B.
enum class Wire { packed, plain };

/// Two devices that run, each in a process: B has dialled A.
class RunningPair {
public:
    RunningPair(const std::string& a, const std::string& b, Run run, Wire wire = Wire::packed);

    /// Run::once: waits until run_once() has returned; the seconds since it began to dial.
    double in_step();
    /// Waits until B has told that its backfill is done; the seconds since it began to dial.
    double filled();
    /// Run::on: waits until B has told that it is in step.
    void wait_until_in_step();
    /// Waits until B has applied so many rows; when it had, as now_seconds() tells it.
    double applied(std::int64_t rows);
    /// Stops both: first A's end, then B's.
    std::pair<DeviceEnd, DeviceEnd> stop();

private:
    Program a_;
    Program b_;
    double dialled_ = 0;
};

/// A table of so many rows in a plain file, and A, a device that tracks the same; B's are made anew.
class Devices {
public:
    Devices(const std::filesystem::path& folder, std::int64_t rows);

    [[nodiscard]] const std::string& plain() const { return plain_; }
    [[nodiscard]] const std::string& a() const { return a_; }
    [[nodiscard]] const std::string& b() const { return b_; }
    /// Where the pipe leaves the rows.
    [[nodiscard]] const std::string& pipe_target() const { return pipe_target_; }
    /// Replaces B by an empty device; each trusts the other.
    void renew_b();
    /// Catches B up where nobody has yet.
    void bring_in_step();
    [[nodiscard]] bool are_equal() const;
    /// Error (Trouble): the tables of A and B differ.
    void check_equal() const;

    bool is_in_step = false;  ///< B has caught up.

private:
    std::string plain_;
    std::string a_;
    std::string b_;
    std::string pipe_target_;
};

/// Where the workloads meet: what was asked for, the folder, the devices that several use, the report.
struct Workbench {
    std::filesystem::path folder;
    std::int64_t rows = 100'000;
    int runs = 5;
    Report report;
    std::map<std::int64_t, Devices> devices_by_rows;

    [[nodiscard]] std::int64_t rows_large() const { return 10 * rows; }
    [[nodiscard]] Devices& devices(std::int64_t count);
    [[nodiscard]] std::string path(const std::string& name) const { return (folder / name).string(); }
};

// The workloads; each adds its lines to the report.
void measure_capture(Workbench& bench);
void measure_backfill(Workbench& bench);
void measure_beside(Workbench& bench);
void measure_changed(Workbench& bench);
void measure_live(Workbench& bench);
void measure_verify(Workbench& bench);
void measure_blobs(Workbench& bench);

}  // namespace strandline::bench
