// One file against a naive twin: whole strings in place of shared chunks, and every change done again.
#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "simulator/disk/file.h"
#include "tests/simulator/made_disk.h"

using namespace strandline::tests;
using namespace strandline::simulator::disk;

namespace {

struct NaiveFile {
    std::string visible;
    std::string durable;

    void write(std::size_t offset, const std::string& bytes) {
        if (visible.size() < offset + bytes.size()) visible.resize(offset + bytes.size());
        visible.replace(offset, bytes.size(), bytes);
    }
};

std::string bytes_of(const Content& content) {
    std::string bytes(static_cast<std::size_t>(content.size()), '?');
    content.read(0, bytes.data(), content.size());
    return bytes;
}

constexpr std::size_t kFileBytesMax = 30'000;

}  // namespace

// Comparisons stand in brackets: nobody wants to read thirty thousand bytes.
TEST_CASE("a file reads as it was written, and keeps durable what was synced, and images stay as they were") {
    const Chance chance = chance_from(11);
    File file;
    NaiveFile naive;
    std::vector<std::pair<Content, std::string>> taken;
    for (int i = 0; i < 5'000; ++i) {
        const std::uint64_t what = chance() % 20;
        if (what == 0) {
            const std::size_t size = chance() % kFileBytesMax;
            file.truncate(static_cast<std::int64_t>(size));
            naive.visible.resize(size);
        } else if (what < 4) {
            file.sync();
            naive.durable = naive.visible;
            REQUIRE(file.is_synced());
        } else if (what == 4) {
            taken.emplace_back(file.visible(), naive.visible);
            taken.emplace_back(file.durable(), naive.durable);
        } else {
            const std::size_t offset = chance() % kFileBytesMax;
            const std::string bytes(1 + chance() % 9'000, static_cast<char>('a' + chance() % 26));
            file.write(static_cast<std::int64_t>(offset), bytes);
            naive.write(offset, bytes);
        }
        REQUIRE((bytes_of(file.visible()) == naive.visible));
        REQUIRE((bytes_of(file.durable()) == naive.durable));
        if (file.is_synced()) REQUIRE((naive.visible == naive.durable));
    }
    for (const auto& [content, bytes] : taken) CHECK((bytes_of(content) == bytes));
}

TEST_CASE("when everything is kept a power cut changes nothing, when all is dropped the last sync is left") {
    const Chance chance = chance_from(12);
    for (int i = 0; i < 200; ++i) {
        File file;
        for (int j = 0; j < 10; ++j) {
            file.write(static_cast<std::int64_t>(chance() % kFileBytesMax),
                       std::string(chance() % 5'000 + 1, 'x'));
            if (chance() % 4 == 0) file.truncate(static_cast<std::int64_t>(chance() % kFileBytesMax));
            if (chance() % 4 == 0) file.sync();
        }
        const bool keeps = i % 2 == 0;
        const std::string expected = bytes_of(keeps ? file.visible() : file.durable());
        file.lose_power(keeps ? kKeepAll : kDropAll, chance);
        CHECK((bytes_of(file.visible()) == expected));
        CHECK((bytes_of(file.durable()) == expected));
    }
}

TEST_CASE("a torn write is old or new sector by sector, a garbled one is new but for one sector") {
    const Chance chance = chance_from(13);
    constexpr std::size_t kSector = 512;
    constexpr std::size_t kSectors = 8;
    int sectors_kept = 0;
    for (int i = 0; i < 100; ++i) {
        File torn(File().visible());
        torn.write(0, std::string(kSector * kSectors, 'o'));
        torn.sync();
        File garbled = torn;
        torn.write(0, std::string(kSector * kSectors, 'n'));
        garbled.write(0, std::string(kSector * kSectors, 'n'));
        torn.lose_power({0, 0, 1, 0}, chance);
        garbled.lose_power({0, 0, 0, 1}, chance);
        std::size_t sectors_garbled = 0;
        for (std::size_t at = 0; at < kSectors; ++at) {
            const std::string sector = bytes_of(torn.visible()).substr(at * kSector, kSector);
            const bool is_kept = sector == std::string(kSector, 'n');
            CHECK((is_kept || sector == std::string(kSector, 'o')));
            sectors_kept += is_kept ? 1 : 0;
            if (bytes_of(garbled.visible()).substr(at * kSector, kSector) != std::string(kSector, 'n'))
                ++sectors_garbled;
        }
        CHECK(sectors_garbled == 1);
    }
    CHECK(sectors_kept > 300);
    CHECK(sectors_kept < 500);
}

TEST_CASE("after a sync that failed the oldest changes may be durable, and the rest is still unsynced") {
    const Chance chance = chance_from(14);
    bool some_lost = false;
    bool some_kept = false;
    for (int i = 0; i < 50; ++i) {
        File file;
        for (const char* letter : {"a", "b", "c", "d"})
            file.write(static_cast<std::int64_t>(file.visible().size()), letter);
        file.sync_in_part(chance);
        const std::string durable = bytes_of(file.durable());
        CHECK(durable == std::string("abcd").substr(0, durable.size()));
        some_lost = some_lost || durable.size() < 4;
        some_kept = some_kept || !durable.empty();
        File cut = file;
        cut.lose_power(kDropAll, chance);
        CHECK(bytes_of(cut.visible()) == durable);
        file.lose_power(kKeepAll, chance);
        CHECK(bytes_of(file.visible()) == "abcd");
    }
    CHECK(some_lost);
    CHECK(some_kept);
}
