#include "backfill/tempo.h"

#include <algorithm>
#include <random>

#include <catch2/catch.hpp>

using namespace strandline;
using namespace strandline::backfill;

namespace {

/// A device that applies pages of 512 KiB, on a disk that takes 1 ms for a transaction and 1 ms for each 20,000 bytes.
struct Disk {
    Tempo tempo{Tempo::Limits{}};
    std::int64_t now = 10'000;
    std::int64_t held = 0;  ///< ms, by the last step

    /// Waits until the next step is due, and does it; its bytes.
    std::size_t step() {
        now = std::max(now, tempo.next_at().value);
        const std::size_t bytes = std::min<std::size_t>(tempo.step({now}).bytes, 512 * 1024);
        tempo.stepped({bytes, bytes / 200}, {now}, true);
        held = 1 + static_cast<std::int64_t>(bytes) / 20'000;
        now += held;
        tempo.is_now({now});
        return bytes;
    }
};

}  // namespace

TEST_CASE("as long as nobody else writes a page is one step, and the next one follows at once") {
    Disk disk;
    for (int i = 0; i < 20; ++i) {
        CHECK(disk.step() == 512 * 1024);
        CHECK(disk.tempo.next_at().value <= disk.now);
    }
}

TEST_CASE("on a slow disk a step holds the lock no longer than people notice") {
    Tempo tempo{Tempo::Limits{}};
    std::int64_t now = 10'000;
    for (int i = 0; i < 20; ++i) {
        const std::size_t bytes = std::min<std::size_t>(tempo.step({now}).bytes, 512 * 1024);
        if (i > 0) CHECK(bytes / 2'000 <= 51);
        tempo.stepped({bytes, 1}, {now}, true);
        now += static_cast<std::int64_t>(bytes / 2'000);
        tempo.is_now({now});
    }
}

TEST_CASE(
    "beside an app that writes, steps hold the lock for milliseconds, and leave it for longer than that") {
    Disk disk;
    disk.step();
    for (int i = 0; i < 50; ++i) {
        disk.tempo.met_writer({disk.now});
        CHECK(disk.step() >= 64 * 1024);
        CHECK(disk.held <= 6);
        CHECK(disk.tempo.next_at().value >= disk.now + 2 * disk.held);
    }
    SECTION("and a second after it last wrote it is as if it were not there") {
        disk.now += 1'000;
        CHECK(disk.step() > 300 * 1024);
        CHECK(disk.tempo.next_at().value <= disk.now);
    }
}

TEST_CASE("beside an app the first step is small, as nothing is known of the disk yet") {
    Disk disk;
    disk.tempo.met_writer({disk.now});
    CHECK(disk.step() == 64 * 1024);
}

TEST_CASE("what a few rows take says nothing about many") {
    Disk disk;
    disk.step();
    const std::size_t before = disk.tempo.step({disk.now}).bytes;
    for (int i = 0; i < 100; ++i) {
        disk.tempo.stepped({100, 1}, {disk.now}, true);
        disk.now += 5;
        disk.tempo.is_now({disk.now});
    }
    CHECK(disk.tempo.step({disk.now}).bytes == before);
}

TEST_CASE("no limit is ever passed, whatever the rows are like") {
    std::mt19937_64 random(11);
    for (int round = 0; round < 50; ++round) {
        const auto bytes_per_second = static_cast<std::int64_t>(1'000 + random() % 1'000'000);
        const auto rows_per_second = static_cast<std::int64_t>(1 + random() % 5'000);
        Tempo tempo(Tempo::Limits{bytes_per_second, rows_per_second});
        const std::int64_t began = 5'000;
        std::int64_t now = began;
        double bytes = 0;
        double rows = 0;
        std::size_t last_bytes = 0;
        std::size_t last_rows = 0;
        for (int i = 0; i < 200; ++i) {
            if (random() % 4 == 0) now += static_cast<std::int64_t>(random() % 300);
            now = std::max(now, tempo.next_at().value);
            tempo.is_now({now});
            // All that was applied before has been paid for by now.
            const double seconds = static_cast<double>(now - began) / 1'000;
            CHECK(bytes <= static_cast<double>(bytes_per_second) * seconds * 1.0001 + 1);
            CHECK(rows <= static_cast<double>(rows_per_second) * seconds * 1.0001 + 1);
            const Tempo::Amount most = tempo.step({now});
            CHECK(most.bytes <= static_cast<std::size_t>(bytes_per_second / 10));
            CHECK(most.rows <= static_cast<std::size_t>(rows_per_second / 10));
            // One row may be more than what is allowed.
            const std::size_t row = 1 + random() % 2'000;
            last_rows = std::max<std::size_t>(1, std::min(most.rows, most.bytes / row));
            last_bytes = last_rows * row;
            tempo.stepped({last_bytes, last_rows}, {now}, true);
            bytes += static_cast<double>(last_bytes);
            rows += static_cast<double>(last_rows);
        }
    }
}

TEST_CASE("a limit is used up, as long as there is something to apply") {
    Tempo tempo(Tempo::Limits{{}, 1'000});
    std::int64_t now = 5'000;
    std::size_t rows = 0;
    for (; rows < 10'000; rows += 100) {
        now = std::max(now, tempo.next_at().value);
        CHECK(tempo.step({now}).rows == 100);
        tempo.stepped({100, 100}, {now}, true);
        tempo.is_now({now});
    }
    CHECK(now <= 15'000);
    CHECK(now >= 14'900);
}

TEST_CASE("what is pushed does not count for the limits") {
    Tempo tempo(Tempo::Limits{1'000, 10});
    tempo.stepped({100'000, 1'000}, {5'000}, false);
    CHECK(tempo.next_at().value <= 5'000);
}
