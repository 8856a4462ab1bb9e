#include "net/tcp/watch.h"

#include <algorithm>
#include <chrono>
#include <fstream>

#include <catch2/catch.hpp>

#include "net/tcp/limits.h"
#include "tests/tcp/folder.h"

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using strandline::net::tcp::kLookGapMinUs;
using strandline::net::tcp::kLookRestMsMax;
using strandline::net::tcp::kLookRestMsMin;
using strandline::net::tcp::LookPace;
using strandline::net::tcp::Watch;
using strandline::tests::Folder;

namespace {

void write_to(const std::string& path) {
    std::ofstream(path, std::ios::app) << "x" << std::flush;
}

/// Lets everything that is ready happen. The kernel queues events before write() returns.
void settle(asio::io_context& context) {
    context.restart();
    context.poll();
}

}  // namespace

TEST_CASE("a write to the database or its WAL is heard, a neighbour's is not") {
    const Folder folder;
    asio::io_context context;
    Watch watch(context, folder / "a.db", std::chrono::hours(1));
    int looks = 0;
    watch.start([&] { ++looks; });

    SECTION("the database appears") {
        write_to(folder / "a.db");
        settle(context);
        CHECK(looks > 0);
    }
    SECTION("the WAL is written to, once and again") {
        write_to(folder / "a.db-wal");
        settle(context);
        CHECK(looks > 0);
        for (int seen = looks, round = 0; round < 5; ++round, seen = looks) {
            write_to(folder / "a.db-wal");
            settle(context);
            CHECK(looks > seen);
        }
    }
    SECTION(
        "one write is looked at more than once, for the first look may come before the commit can be seen") {
        write_to(folder / "a.db-wal");
        for (int i = 0; i < 1000 && looks < 5; ++i) context.run_one_for(seconds(1));
        CHECK(looks >= 5);
    }
    SECTION("a neighbour's file, before ours and after") {
        write_to(folder / "b.db-wal");
        write_to(folder / "a.db.lock");
        settle(context);
        CHECK(looks == 0);
        write_to(folder / "a.db-wal");
        settle(context);
        CHECK(looks > 0);
    }
    SECTION("nothing after the stop") {
        watch.stop();
        write_to(folder / "a.db-wal");
        settle(context);
        CHECK(looks == 0);
    }
}

TEST_CASE("a database behind a symbolic link is heard where it really lies") {
    const Folder folder;
    std::filesystem::create_directory(folder / "real");
    write_to(folder / "real/a.db");
    std::filesystem::create_symlink(folder / "real/a.db", folder / "link.db");
    asio::io_context context;
    Watch watch(context, folder / "link.db", std::chrono::hours(1));
    int looks = 0;
    watch.start([&] { ++looks; });
    write_to(folder / "real/a.db-wal");
    settle(context);
    CHECK(looks > 0);
}

TEST_CASE("where the kernel tells nothing the pulse looks all the same") {
    asio::io_context context;
    Watch watch(context, "/nowhere/a.db", std::chrono::milliseconds(1));
    int looks = 0;
    watch.start([&] {
        if (++looks == 3) watch.stop();
    });
    CHECK(looks == 0);
    context.run_for(std::chrono::seconds(20));
    CHECK(looks >= 3);
}

TEST_CASE(
    "a look that came too early is repeated at doubling gaps down to the pulse, for commits are heard before "
    "they are seen") {
    LookPace pace(seconds(1));
    CHECK(pace.after_look(false, 0) == seconds(1));  // Nobody wrote: the pulse alone.
    pace.heard();
    microseconds gap(kLookGapMinUs);
    for (int i = 0; i < 20; ++i) {
        CHECK(pace.after_look(false, 0) == gap);
        gap = std::min<microseconds>(gap * 2, seconds(1));
    }
    CHECK(gap == seconds(1));
}

TEST_CASE("a look that found something rests four times as long as it took, within bounds, and starts anew") {
    LookPace pace(seconds(1));
    CHECK(pace.after_look(true, 0) == milliseconds(kLookRestMsMin));
    CHECK(pace.after_look(true, 3) == milliseconds(12));
    CHECK(pace.after_look(true, 1000) == milliseconds(kLookRestMsMax));
    CHECK(pace.after_look(false, 0) == microseconds(kLookGapMinUs));
}
