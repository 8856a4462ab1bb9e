#pragma once

#include <functional>
#include <set>
#include <string>

#include <strandline/time.h>

namespace strandline::net::tcp {

/// Lines for people about connecting, rate-limited: a line that was told is not told again within
/// kNoticeWindowMs, and at most kNoticesMost different ones are told in that time, however many
/// strangers knock. What was left out is counted and told.
class Notices {
public:
    void on_notice(std::function<void(const std::string&)> callback) { callback_ = std::move(callback); }
    void say(const std::string& line, SteadyMs now);

private:
    std::function<void(const std::string&)> callback_;
    std::set<std::string> said_;
    SteadyMs window_start_;
    unsigned left_out_ = 0;
};

}  // namespace strandline::net::tcp
