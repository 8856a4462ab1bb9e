#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/backfill/toy_device.h"

using namespace strandline;
using namespace strandline::backfill;

namespace {

using toy::Device;

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

/// The checker alone remembers every write.
struct Write {
    toy::Stamp stamp;
    std::string key;
    toy::Row change;
};

/// Some devices, and everything that was ever written on any of them.
struct Group {
    std::mt19937_64 random;
    std::vector<Device> devices;
    std::vector<Write> writes;
    std::int64_t wall = 0;

    explicit Group(std::uint64_t seed) : random(seed) {
        const auto count = 3 + random() % 2;
        for (std::uint64_t i = 0; i < count; ++i) devices.emplace_back(static_cast<Origin>(i));
    }

    std::size_t below(std::size_t limit) { return random() % limit; }

    void write(Device& device) {
        const std::string key(1, static_cast<char>('a' + below(20)));
        auto kind = std::vector{Device::Kind::put, Device::Kind::set, Device::Kind::set, Device::Kind::set,
                                Device::Kind::remove}[below(5)];
        if (!device.is_alive(key)) kind = Device::Kind::put;
        // Some clocks are behind, at the start even before 1970, and some are ahead.
        const WallMs skewed{wall + std::vector<std::int64_t>{0, 0, 0, -3, 7}[below(5)]};
        const auto [stamp, change] = device.write(key, kind, static_cast<int>(below(3)), skewed);
        writes.push_back({stamp, key, change});
    }

    void step() {
        wall += std::vector<std::int64_t>{0, 0, 1, 1, 5}[below(5)];
        const std::size_t number = below(devices.size());
        Device& device = devices[number];
        Device& peer = devices[(number + 1 + below(devices.size() - 1)) % devices.size()];
        const auto kind = below(100);
        if (kind < 60) return write(device);
        if (kind < 72) return device.push(peer);
        device.pull(peer, std::vector<std::size_t>{0, 1, 2, 3, 99}[below(5)],
                    std::vector<std::size_t>{1, 3, 7}[below(3)]);
    }
};

/// Whatever a watermark claims is really there.
bool holds_what_it_claims(const Device& device, const std::vector<Write>& writes) {
    for (const Write& write : writes) {
        if (!toy::covers(device.coverage().at(write.key), write.stamp)) continue;
        const auto have = device.rows().find(write.key);
        if (have == device.rows().end() || toy::join(have->second, write.change) != have->second)
            return false;
    }
    return true;
}

bool all_hold_what_they_claim(const Group& group) {
    for (const Device& device : group.devices) {
        if (!holds_what_it_claims(device, group.writes)) return false;
    }
    return true;
}

/// Every device takes everything from every other, twice round so that each relay is heard.
std::size_t exchange_everything(Group& group) {
    std::size_t came = 0;
    for (int round = 0; round < 2; ++round) {
        for (Device& device : group.devices) {
            for (const Device& peer : group.devices) {
                if (&peer != &device) came += device.pull(peer, kNoLimit, 7);
            }
        }
    }
    return came;
}

/// The naive merge of all writes, in the order of their stamps.
std::map<std::string, toy::Row> merged(std::vector<Write> writes) {
    std::sort(writes.begin(), writes.end(), [](const Write& a, const Write& b) { return a.stamp < b.stamp; });
    std::map<std::string, toy::Row> rows;
    for (const Write& write : writes) {
        const auto [row, is_new] = rows.try_emplace(write.key, write.change);
        if (!is_new) row->second = toy::join(row->second, write.change);
    }
    return rows;
}

}  // namespace

TEST_CASE("devices that pull and push at random, cut off anywhere, never claim what they do not hold") {
    std::size_t split_seen = 0;
    std::size_t joins = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        Group group(seed);
        for (int step = 0; step < 60; ++step) {
            group.step();
            REQUIRE(all_hold_what_they_claim(group));
            for (const Device& device : group.devices) {
                if (!device.coverage().is_whole()) ++split_seen;
            }
        }
        for (const Device& device : group.devices) joins += device.joins();
    }
    // The runs must have met many coverages with several ranges, and joined many, or they proved little.
    CHECK(split_seen > 5'000);
    CHECK(joins > 50);
}

TEST_CASE("devices that have exchanged everything are equal, whole again, and have nothing more to say") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        Group group(seed);
        for (int step = 0; step < 60; ++step) group.step();
        exchange_everything(group);
        const auto expected = merged(group.writes);
        for (const Device& device : group.devices) {
            REQUIRE(device.rows() == expected);
            REQUIRE(device.coverage().is_whole());
            REQUIRE(device.coverage() == group.devices.front().coverage());
        }
        REQUIRE(all_hold_what_they_claim(group));
        REQUIRE(exchange_everything(group) == 0);
    }
}

TEST_CASE("an interrupted backfill goes on from another peer, and no row comes twice") {
    Group group(8);
    Device& writer = group.devices[0];
    Device& relay = group.devices[1];
    Device& learner = group.devices[2];
    for (char letter = 'a'; letter <= 'z'; ++letter) {
        (void)writer.write(std::string(1, letter), Device::Kind::put, 0, WallMs{1});
    }
    CHECK(relay.pull(writer, kNoLimit, 5) == 26);
    CHECK(learner.pull(writer, 2, 5) == 10);
    CHECK_FALSE(learner.coverage().is_whole());
    CHECK(learner.pull(relay, kNoLimit, 5) == 16);
    CHECK(learner.coverage() == writer.coverage());
    CHECK(learner.rows() == writer.rows());
}
