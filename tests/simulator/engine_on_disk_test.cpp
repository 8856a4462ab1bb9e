// The engine itself on the disk, as the simulator runs it.
#include <strandline/engine.h>

#include <catch2/catch.hpp>

#include <functional>
#include <optional>

#include "tests/simulator/made_disk.h"

using namespace strandline;
using namespace strandline::tests;
using namespace strandline::simulator::disk;

namespace {

constexpr Now kNow{kDiskTime, {1'000}};
constexpr int kRounds = 4;

DeviceId some_device() {
    DeviceId device;
    device.bytes[0] = 1;
    return device;
}

DeviceId another_device() {
    DeviceId device;
    device.bytes[0] = 2;
    return device;
}

/// What the device has promised so far.
struct Promised {
    bool is_initialized = false;
    bool is_tracking = false;
    int rows_folded = 0;
    int rows_written = 0;
    bool was_refused = false;  ///< and knew why
};

template <typename T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::optional<Engine> opened(const Disk& disk) {
    return must(Engine::open({"db", some_device(), disk.name(), chance_from(5), {}}, kNow));
}

/// What a door of the engine answers: it may say no, and never throws.
template <typename Door>
auto asked(Door&& door) {
    try {
        return door();
    } catch (const std::exception& error) {
        FAIL("a door of the engine throws: " << error.what());
        throw;
    }
}

/// One device's life from its first day on, until the disk dies.
Promised live(const Disk& disk) {
    Promised promised;
    try {
        must(init_database({"db", some_device(), "a device", disk.name(), chance_from(5)}, kNow));
        promised.is_initialized = true;
        auto engine = opened(disk);
        const auto app = app_on(disk);
        app->run("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 20");
        app->run("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT)");
        must(asked([&] { return engine->track({"notes"}, Ownership::shared, kNow); }));
        must(asked([&] { return engine->trust(another_device(), "another", kNow); }));
        must(asked([&] { return engine->park(another_device(), true, kNow); }));
        promised.is_tracking = true;
        for (int round = 1; round <= kRounds; ++round) {
            for (int i = 0; i < 3; ++i) {
                app->run("INSERT INTO notes VALUES (" + std::to_string(promised.rows_written + 1) +
                         ", hex(zeroblob(200)))");
                ++promised.rows_written;
            }
            engine->database_changed(kNow);
            if (engine->failure()) throw std::runtime_error(engine->failure()->message);
            promised.rows_folded = promised.rows_written;
        }
    } catch (const std::runtime_error&) {
        promised.was_refused = true;
    }
    return promised;
}

/// The device comes back: what was promised is there, nothing else is, and life goes on.
void come_back(const Disk& disk, const Promised& promised) {
    const auto app = app_on(disk);
    REQUIRE(app->ask("PRAGMA integrity_check") == "'ok'");
    if (!promised.is_initialized) {
        // Either the step was durable already, or it is as if it had never been tried.
        (void)init_database({"db", some_device(), "a device", disk.name(), chance_from(5)}, kNow);
    }
    auto engine = opened(disk);
    engine->database_changed(kNow);
    REQUIRE_FALSE(engine->failure());
    if (!promised.is_tracking) return;

    const auto count = [&] { return std::stoi(app->ask("SELECT count(*) FROM notes")); };
    const auto resources = engine->status().resources;
    REQUIRE(resources.size() == 1);
    CHECK(count() >= promised.rows_folded);
    CHECK(count() <= promised.rows_written + 1);
    CHECK(resources[0].rows == count());
    app->run("INSERT INTO notes VALUES (1000, 'after')");
    engine->database_changed(kNow);
    CHECK_FALSE(engine->failure());
    CHECK(engine->status().resources.at(0).rows == count());
}

/// Lets the disk die at every call of the device's life, once a run, and come back; how many runs.
std::uint64_t die_everywhere(
    const std::function<void(Disk&, std::uint64_t n)>& plan_death,
    const std::function<void(Promised&)>& raise_promise = [](Promised&) {}) {
    std::uint64_t n = 0;
    bool has_died = true;
    while (has_died) {
        ++n;
        Disk disk(options_of_disk(n));
        plan_death(disk, n);
        Promised promised = live(disk);
        has_died = disk.is_down();
        INFO("the disk dies at call " << n << ", " << promised.rows_folded << " rows folded");
        if (!has_died) disk.crash();
        disk.reboot();
        raise_promise(promised);
        come_back(disk, promised);
    }
    return n;
}

}  // namespace

TEST_CASE("an engine opens again after a power cut at any call, and what it had folded is there") {
    const Survival policy = GENERATE(kDropAll, kMixed);
    CHECK(die_everywhere([&](Disk& disk, std::uint64_t n) { disk.cut_power_at_call(n, policy); }) > 100);
}

TEST_CASE("an engine whose process dies at any call finds every committed row when it is opened again") {
    CHECK(die_everywhere([](Disk& disk, std::uint64_t n) { disk.crash_at_call(n); },
                         [](Promised& promised) { promised.rows_folded = promised.rows_written; }) > 100);
}

TEST_CASE("an engine whose disk fails for good says so, and works on when it is opened on a healed one") {
    bool was_hit = true;
    for (std::uint64_t n = 1; was_hit; ++n) {
        Disk disk(options_of_disk(n));
        disk.fail({Hits::any, n, true});
        const Promised promised = live(disk);
        was_hit = disk.counters().calls >= n;
        disk.heal();
        INFO("I/O fails from call " << n << " on");
        CHECK((promised.was_refused || promised.rows_folded == 3 * kRounds));
        CHECK((was_hit || !promised.was_refused));
        come_back(disk, promised);
    }
}
