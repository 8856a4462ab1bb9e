#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "simulator/disk/disk.h"
#include "tests/engine/app.h"

namespace strandline::tests {

/// A stream of chance that a number begins (Steele et al., "SplitMix").
inline simulator::disk::Chance chance_from(std::uint64_t seed) {
    return [state = seed]() mutable {
        state += 0x9E3779B97F4A7C15U;
        std::uint64_t z = state;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    };
}

constexpr WallMs kDiskTime{1'700'000'000'000};

inline simulator::disk::DiskOptions options_of_disk(std::uint64_t seed, std::string name = "test-disk") {
    return {std::move(name), chance_from(seed), [] { return kDiskTime; }, {}};
}

/// An app that sees one file of the disk as its database.
inline std::unique_ptr<App> app_on(const simulator::disk::Disk& disk, const std::string& path = "db") {
    return std::make_unique<App>(path, disk.name());
}

/// What `sql` gives when it is asked of an image, by somebody who comes later and has nothing else.
inline std::string ask_image(const simulator::disk::DiskImage& image, const std::string& sql) {
    const simulator::disk::Disk disk(options_of_disk(0, "test-reader"), image);
    return app_on(disk)->ask(sql);
}

}  // namespace strandline::tests
