#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simulator/disk/chance.h"
#include "simulator/disk/file.h"
#include "simulator/disk/image.h"

namespace strandline::simulator::disk {

/// The names of files: as the processes see them, and as a power cut would leave them. A file is made and
/// deleted durably only by sync(), whatever was done to its bytes.
class Directory {
public:
    /// The file of that name; null: there is none.
    [[nodiscard]] std::shared_ptr<File> find(const std::string& name) const;
    /// Makes an empty file in place of none.
    std::shared_ptr<File> create(const std::string& name);
    void remove(const std::string& name);
    void sync();
    /// Syncs the files themselves.
    void write_back();
    /// Power goes. Of the names, a journaling file system keeps changes in their order: all up to the first
    /// that is not drawn to be kept. Then each file loses what it loses.
    void lose_power(const Survival& survival, const Chance& chance);
    void forget_processes();

    [[nodiscard]] bool is_synced() const;
    [[nodiscard]] std::int64_t bytes() const;
    [[nodiscard]] DiskImage visible() const;
    [[nodiscard]] DiskImage durable() const;
    /// Puts an image in place of all that there is, durably.
    void replace(const DiskImage& image);
    /// The same beneath who has the files open: those that the image has not are empty.
    void refill(const DiskImage& image);

private:
    using Files = std::map<std::string, std::shared_ptr<File>>;
    struct Change {
        std::string name;
        std::shared_ptr<File> file;  ///< null: the name goes
    };

    Files visible_;
    Files durable_;
    std::vector<Change> unsynced_;
};

}  // namespace strandline::simulator::disk
