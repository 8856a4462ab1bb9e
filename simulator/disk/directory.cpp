#include "simulator/disk/directory.h"

#include <algorithm>
#include <utility>

namespace strandline::simulator::disk {

std::shared_ptr<File> Directory::find(const std::string& name) const {
    const auto found = visible_.find(name);
    return found != visible_.end() ? found->second : nullptr;
}

std::shared_ptr<File> Directory::create(const std::string& name) {
    auto file = std::make_shared<File>();
    visible_[name] = file;
    unsynced_.push_back({name, file});
    return file;
}

void Directory::remove(const std::string& name) {
    visible_.erase(name);
    unsynced_.push_back({name, nullptr});
}

void Directory::sync() {
    durable_ = visible_;
    unsynced_.clear();
}

void Directory::write_back() {
    for (const auto& [name, file] : visible_) file->sync();
}

void Directory::lose_power(const Survival& survival, const Chance& chance) {
    for (const Change& change : unsynced_) {
        if (draw_fate(survival, chance) != Fate::kept) break;
        if (change.file != nullptr) {
            durable_[change.name] = change.file;
        } else {
            durable_.erase(change.name);
        }
    }
    unsynced_.clear();
    for (const auto& [name, file] : durable_) file->lose_power(survival, chance);
    visible_ = durable_;
}

void Directory::forget_processes() {
    // A file that has its name only here or only there may come back, or go on, with either.
    for (const auto& [name, file] : visible_) file->forget_processes();
    for (const auto& [name, file] : durable_) file->forget_processes();
}

bool Directory::is_synced() const {
    return unsynced_.empty() &&
           std::ranges::all_of(visible_, [](const auto& entry) { return entry.second->is_synced(); });
}

std::int64_t Directory::bytes() const {
    std::int64_t bytes = 0;
    for (const auto& [name, file] : visible_) bytes += file->visible().size();
    return bytes;
}

DiskImage Directory::visible() const {
    DiskImage::Files files;
    for (const auto& [name, file] : visible_) files.emplace(name, file->visible());
    return DiskImage(std::move(files));
}

DiskImage Directory::durable() const {
    DiskImage::Files files;
    for (const auto& [name, file] : durable_) files.emplace(name, file->durable());
    return DiskImage(std::move(files));
}

void Directory::replace(const DiskImage& image) {
    visible_.clear();
    for (const auto& [name, content] : image.files()) visible_.emplace(name, std::make_shared<File>(content));
    sync();
}

void Directory::refill(const DiskImage& image) {
    for (const auto& [name, file] : visible_) {
        if (!image.contains(name)) file->refill({});
    }
    for (const auto& [name, content] : image.files()) {
        auto& file = visible_[name];
        if (file == nullptr) file = std::make_shared<File>();
        file->refill(content);
    }
    sync();
}

}  // namespace strandline::simulator::disk
