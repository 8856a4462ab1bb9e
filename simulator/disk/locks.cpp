#include "simulator/disk/locks.h"

namespace strandline::simulator::disk {

bool Locks::raise(Lock& mine, Lock to) {
    if (mine == Lock::none && to >= Lock::shared) {
        if (highest_ >= Lock::pending) return false;
        ++holders_;
        mine = Lock::shared;
        if (highest_ == Lock::none) highest_ = Lock::shared;
    }
    if (mine < Lock::reserved && to >= Lock::reserved) {
        if (highest_ >= Lock::reserved) return false;
        mine = highest_ = Lock::reserved;
    }
    if (mine < Lock::exclusive && to == Lock::exclusive) {
        mine = highest_ = Lock::pending;
        if (holders_ > 1) return false;
        mine = highest_ = Lock::exclusive;
    }
    return true;
}

void Locks::lower(Lock& mine, Lock to) {
    if (mine <= to) return;
    if (mine >= Lock::reserved) highest_ = Lock::shared;
    if (to == Lock::none && --holders_ == 0) highest_ = Lock::none;
    mine = to;
}

}  // namespace strandline::simulator::disk
