#include "simulator/disk/file.h"

#include <algorithm>

namespace strandline::simulator::disk {
namespace {

constexpr std::int64_t kSectorBytes = 512;  // What a disk writes whole or not at all.

/// The part of `bytes`, written at `offset`, in each sector: each(offset in the file, part).
template <typename Each>
void for_each_sector(std::int64_t offset, std::string_view bytes, Each each) {
    while (!bytes.empty()) {
        const auto room = static_cast<std::size_t>(kSectorBytes - offset % kSectorBytes);
        const std::string_view part = bytes.substr(0, room);
        each(offset, part);
        bytes.remove_prefix(part.size());
        offset += static_cast<std::int64_t>(part.size());
    }
}

std::string noise(std::size_t size, const Chance& chance) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(chance());
    return bytes;
}

}  // namespace

void File::write(std::int64_t offset, std::string_view bytes) {
    visible_.write(offset, bytes);
    unsynced_.push_back({offset, bytes.size()});
    unsynced_bytes_ += bytes;
}

void File::truncate(std::int64_t size) {
    visible_.resize(size);
    unsynced_.push_back({size, 0});
}

void File::sync() {
    durable_.resize(visible_.size());
    for (auto change = unsynced_.begin(); change != unsynced_.end();) {
        if (change->size == 0) {
            // What a truncation cut off reads as zeros when the file grows again: also where nobody wrote.
            durable_ = visible_;
            break;
        }
        // Frames of a log end within chunks, and lie one behind the other: together they can share all but the last.
        const std::int64_t from = change->offset;
        std::int64_t to = from;
        for (; change != unsynced_.end() && change->size > 0 && change->offset == to; ++change)
            to += static_cast<std::int64_t>(change->size);
        durable_.take(visible_, from, to - from);
    }
    unsynced_.clear();
    unsynced_bytes_.clear();
    // A checkpoint writes the whole database, and what that took is not wanted again soon.
    constexpr std::size_t kBytesKept = 64 * 1024;
    if (unsynced_bytes_.capacity() > kBytesKept) {
        unsynced_.shrink_to_fit();
        unsynced_bytes_.shrink_to_fit();
    }
}

void File::sync_in_part(const Chance& chance) {
    const std::size_t count = chance() % (unsynced_.size() + 1);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
        apply(unsynced_[i], std::string_view(unsynced_bytes_).substr(bytes, unsynced_[i].size), Fate::kept,
              chance);
        bytes += unsynced_[i].size;
    }
    unsynced_.erase(unsynced_.begin(), unsynced_.begin() + static_cast<std::ptrdiff_t>(count));
    unsynced_bytes_.erase(0, bytes);
}

void File::lose_power(const Survival& survival, const Chance& chance) {
    std::string_view bytes = unsynced_bytes_;
    for (const Change& change : unsynced_) {
        apply(change, bytes.substr(0, change.size), draw_fate(survival, chance), chance);
        bytes.remove_prefix(change.size);
    }
    unsynced_.clear();
    unsynced_bytes_.clear();
    visible_ = durable_;
}

void File::apply(const Change& change, std::string_view bytes, Fate fate, const Chance& chance) {
    if (fate == Fate::dropped) return;
    if (bytes.empty()) {
        durable_.resize(change.offset);
        return;
    }
    if (fate == Fate::torn) {
        for_each_sector(change.offset, bytes, [&](std::int64_t offset, std::string_view part) {
            if (chance() % 2 == 0) durable_.write(offset, part);
        });
        return;
    }
    durable_.write(change.offset, bytes);
    if (fate == Fate::garbled) {
        const std::size_t chosen = chance() % bytes.size();
        for_each_sector(change.offset, bytes, [&](std::int64_t offset, std::string_view part) {
            const auto from = static_cast<std::size_t>(offset - change.offset);
            if (from <= chosen && chosen < from + part.size())
                durable_.write(offset, noise(part.size(), chance));
        });
    }
}

void File::refill(const Content& content) {
    visible_ = durable_ = content;
    unsynced_.clear();
    unsynced_bytes_.clear();
    if (const auto memory = sharing_->memory.lock()) memory->clear();
}

}  // namespace strandline::simulator::disk
