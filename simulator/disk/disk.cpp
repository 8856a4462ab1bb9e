#include "simulator/disk/disk.h"

#include <sqlite3.h>

#include <utility>

#include "simulator/disk/check.h"
#include "simulator/disk/memory.h"
#include "simulator/disk/parts.h"

namespace strandline::simulator::disk {
namespace {

void check_weights(const Survival& survival) {
    check(survival.kept > 0 || survival.dropped > 0 || survival.torn > 0 || survival.garbled > 0,
          "a power cut needs at least one fate that a write can meet");
}

void begin_life(Disk::Parts& parts) {
    ++parts.life;
    parts.directory.forget_processes();
    parts.faults.go_up();
}

}  // namespace

Disk::Disk(DiskOptions options, const DiskImage& image)
    : parts_(std::make_unique<Parts>(std::move(options))) {
    check(parts_->options.chance && parts_->options.wall_clock, "a disk is handed its chance and its time");
    check(sqlite3_vfs_find(name().c_str()) == nullptr, "two disks of one name cannot live at one time");
    parts_->directory.replace(image);
    make_vfs(*parts_);
    check(sqlite3_vfs_register(&parts_->vfs, 0) == SQLITE_OK, "SQLite does not take the disk");
}

Disk::~Disk() {
    check(parts_->handles == 0, "a connection still stands on a disk that goes");
    sqlite3_vfs_unregister(&parts_->vfs);
}

const std::string& Disk::name() const {
    return parts_->options.name;
}

void Disk::cut_power(const Survival& survival) {
    check_weights(survival);
    parts_->faults.go_down({true, survival});
}

void Disk::cut_power_at_call(std::uint64_t n, const Survival& survival) {
    check_weights(survival);
    parts_->faults.schedule({true, survival}, n);
}

void Disk::crash() {
    parts_->faults.go_down({});
}

void Disk::crash_at_call(std::uint64_t n) {
    parts_->faults.schedule({}, n);
}

bool Disk::is_down() const {
    return parts_->faults.down().has_value();
}

void Disk::reboot() {
    const auto& down = parts_->faults.down();
    check(down.has_value(), "only a disk that is down can be rebooted");
    if (down->cuts_power) parts_->directory.lose_power(down->survival, parts_->options.chance);
    begin_life(*parts_);
}

void Disk::fail(const IoError& error) {
    check(error.at_call > 0, "the next call to a disk is number 1, so none has number 0");
    parts_->faults.fail(error);
}

void Disk::heal() {
    parts_->faults.heal();
}

void Disk::set_capacity(std::optional<std::int64_t> bytes) {
    parts_->capacity_bytes = bytes;
}

void Disk::write_back() {
    parts_->directory.write_back();
}

bool Disk::is_synced() const {
    return parts_->directory.is_synced();
}

DiskImage Disk::visible_image() const {
    return parts_->directory.visible();
}

DiskImage Disk::durable_image() const {
    return parts_->directory.durable();
}

void Disk::restore(const DiskImage& image) {
    parts_->directory.replace(image);
    parts_->faults.heal();
    begin_life(*parts_);
}

void Disk::refill(const DiskImage& image) {
    parts_->directory.refill(image);
}

const Counters& Disk::counters() const {
    return parts_->faults.counters;
}

void run_sqlite_alone() {
#ifdef __SANITIZE_ADDRESS__
    const bool has_memory = true;  // Its own, so that each block is watched.
#else
    const bool has_memory = give_sqlite_lists_of_blocks();
#endif
    // What a connection keeps by itself for small blocks is 48 kB, of two thousand connections.
    check(has_memory && sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK &&
              sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) == SQLITE_OK &&
              sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK,
          "SQLite was in use already");
}

void seed_sqlite(int seed) {
    check(seed != 0, "zero would give SQLite's chance back to the default VFS");
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, seed, static_cast<sqlite3*>(nullptr));
}

}  // namespace strandline::simulator::disk
