#include "net/tcp/notices.h"

#include "net/tcp/limits.h"

namespace strandline::net::tcp {

void Notices::say(const std::string& line, SteadyMs now) {
    if (!callback_) return;
    if (now.value - window_start_.value >= kNoticeWindowMs) {
        if (left_out_ > 0) callback_(std::to_string(left_out_) + " more lines like these were left out");
        said_.clear();
        left_out_ = 0;
        window_start_ = now;
    }
    if (said_.contains(line)) return;
    if (said_.size() >= kNoticesMost) {
        ++left_out_;
        return;
    }
    said_.insert(line);
    callback_(line);
}

}  // namespace strandline::net::tcp
