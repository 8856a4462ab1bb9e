#include "simulator/schedule.h"

#include <algorithm>
#include <utility>

#include "simulator/check.h"

namespace strandline::simulator {

void Schedule::after(std::int64_t us, Action action) {
    check(us >= 0, "something was planned for the past");
    heap_.push_back({simulator::after(now_, us), numbers_++, std::move(action)});
    std::ranges::push_heap(heap_, is_later);
}

bool Schedule::run_next(Moment end) {
    if (heap_.empty() || heap_.front().at > end) {
        now_ = std::max(now_, end);
        return false;
    }
    std::ranges::pop_heap(heap_, is_later);
    const Due due = std::move(heap_.back());
    heap_.pop_back();
    now_ = due.at;
    ++count_;
    due.action();
    return true;
}

}  // namespace strandline::simulator
