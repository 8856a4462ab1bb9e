#include "simulator/disk/faults.h"

#include "simulator/disk/check.h"

namespace strandline::simulator::disk {
namespace {

bool concerns(Hits hits, Call call) {
    switch (hits) {
        case Hits::reads:
            return call == Call::read;
        case Hits::writes:
            return call == Call::write || call == Call::truncate;
        case Hits::syncs:
            return call == Call::sync;
        case Hits::any:
            return true;
    }
    return false;
}

std::uint64_t& count_of(Counters& counters, Call call) {
    if (concerns(Hits::reads, call)) return counters.io_errors_of_reads;
    if (concerns(Hits::writes, call)) return counters.io_errors_of_writes;
    if (concerns(Hits::syncs, call)) return counters.io_errors_of_syncs;
    return counters.io_errors_of_others;
}

}  // namespace

Verdict Faults::admit(Call call) {
    ++counters.calls;
    if (calls_left_ > 0 && --calls_left_ == 0) {
        go_down(scheduled_);
        return Verdict::last;
    }
    if (error_ && hits(call)) {
        ++count_of(counters, call);
        return Verdict::failed;
    }
    return Verdict::done;
}

bool Faults::hits(Call call) {
    if (!concerns(error_->hits, call)) return false;
    if (error_->at_call > 1) {
        --error_->at_call;
        return false;
    }
    if (!error_->sticky) error_.reset();
    return true;
}

void Faults::schedule(const End& end, std::uint64_t n) {
    check(n > 0, "the next call to a disk is number 1, so none has number 0");
    scheduled_ = end;
    calls_left_ = n;
}

void Faults::go_down(const End& end) {
    calls_left_ = 0;
    if (down_ && (down_->cuts_power || !end.cuts_power)) return;
    ++(end.cuts_power ? counters.power_cuts : counters.crashes);
    down_ = end;
}

void Faults::go_up() {
    calls_left_ = 0;
    down_.reset();
}

}  // namespace strandline::simulator::disk
