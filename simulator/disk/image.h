#pragma once

#include <map>
#include <string>
#include <utility>

#include "simulator/disk/content.h"

namespace strandline::simulator::disk {

/// What was on a disk at one moment, for ever: a backup to restore, a copy for a second device, a present
/// for a checker. Cheap to take, to copy and to keep: it shares its bytes with the disk that it was taken
/// from and the disks that are made from it, until they write.
class DiskImage {
public:
    using Files = std::map<std::string, Content>;

    /// An empty disk's.
    DiskImage() = default;
    explicit DiskImage(Files files) : files_(std::move(files)) {}

    [[nodiscard]] const Files& files() const { return files_; }
    [[nodiscard]] bool contains(const std::string& name) const { return files_.contains(name); }
    /// A file's bytes; empty when there is no such file.
    [[nodiscard]] std::string bytes(const std::string& name) const;

private:
    Files files_;
};

}  // namespace strandline::simulator::disk
