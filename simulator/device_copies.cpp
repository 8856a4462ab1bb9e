// Device, continued: copies of its files, put back in their place or beside it.
#include <utility>

#include <fmt/format.h>

#include "simulator/check.h"
#include "simulator/device.h"

namespace strandline::simulator {

/// As the host that ships finds it: the count in the key file, and which files these are.
Opening Device::opening() const {
    return {opened_, fmt::format("machine {}, key {}, database {}", index_, key_files_, database_files_)};
}

void Device::keep_copy() {
    if (!is_up() || disk_.is_down() || app_->is_in_transaction()) return;
    copy_ = Copy{disk_.visible_image(), witness_.memory(), opened_, novelty_};
}

bool Device::restore_copy(bool with_key_file) {
    if (!copy_ || !is_up()) return false;
    note("fault", with_key_file ? "an old copy is restored, with its key file" : "an old copy is restored");
    if (app_ && app_->is_in_transaction()) app_->roll_back();
    disk_.restore(copy_->image);
    witness_.remember(copy_->memory);
    promises_.release();
    novelty_ = copy_->novelty;
    if (novelty_) novelty_->restored();
    ++database_files_;
    if (with_key_file) {
        opened_ = copy_->opened;
        ++key_files_;
    }
    was_restored_ = true;
    may_lose_ = true;
    life_ = Life::running;
    die(false);
    return true;
}

bool Device::begin_as_copy_of(Device& original, bool with_key_file) {
    check(life_ == Life::absent && id() == original.id(), "a copy begins once, and has its original's key");
    if (!original.is_up() || original.disk_.is_down() || original.app_->is_in_transaction()) return false;
    note("fault", fmt::format("begins as a copy of {}, {} its key file", original.index_,
                              with_key_file ? "with" : "without"));
    disk_.restore(original.disk_.visible_image());
    witness_.remember(original.witness_.memory());
    novelty_ = original.novelty_;
    for (Device* device : {this, &original}) {
        // What the other one writes under this key is news.
        if (device->novelty_) device->novelty_->restored();
    }
    members_ = original.members_;
    opened_ = original.opened_;
    syncs_fully_ = original.syncs_fully_;
    has_key_ = with_key_file;
    life_ = Life::stopped;
    tell_life("stopped");
    check(open_app(), "a copy cannot be read");
    open_engine();
    return true;
}

void Device::bring_key() {
    if (std::exchange(has_key_, true)) return;
    note("fault", "gets the key file");
    start();
}

/// A database under another device's key: nothing may be done to it, and nobody else can make it theirs.
void Device::be_refused(EngineOptions options) {
    const auto contents = [this] {
        auto read = sql().ask(
            "SELECT count(*), (SELECT hex(incarnation) FROM strandline_device) FROM strandline_journal");
        return read.step() ? std::optional(std::pair(read.integer(0), read.bytes(1))) : std::nullopt;
    };
    const auto before = contents();
    options.device.bytes[0] ^= 1U;
    const auto opened = Engine::open(options, clock_.now());
    const auto made =
        init_database({options.database, options.device, "", options.vfs, options.entropy}, clock_.now());
    if (opened || made) throw LawBroken(3, "a database was opened under another device's key");
    if (disk_.is_down()) return see_failed_opening();
    if (const auto after = contents(); before && after && *before != *after)
        throw LawBroken(3, "a database that was not opened, as the key was another device's, has changed");
    note("fails", opened.error().message);
    world_.chronicle.count_situation(Situation::key_refused);
    life_ = Life::stopped;
    tell_life("stopped");
}

}  // namespace strandline::simulator
