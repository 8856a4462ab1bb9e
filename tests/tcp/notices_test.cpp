#include "net/tcp/notices.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "net/tcp/limits.h"

using strandline::SteadyMs;
using strandline::net::tcp::kNoticesMost;
using strandline::net::tcp::kNoticeWindowMs;
using strandline::net::tcp::Notices;

TEST_CASE("the same line is told once a minute") {
    std::vector<std::string> told;
    Notices notices;
    notices.on_notice([&](const std::string& line) { told.push_back(line); });
    for (int i = 0; i < 5; ++i) notices.say("no answer", SteadyMs{i});
    notices.say("another", SteadyMs{5});
    CHECK(told == std::vector<std::string>{"no answer", "another"});
    notices.say("no answer", SteadyMs{kNoticeWindowMs});
    CHECK(told.size() == 3);
}

TEST_CASE("a crowd of strangers cannot flood the log, and what was left out is counted") {
    std::vector<std::string> told;
    Notices notices;
    notices.on_notice([&](const std::string& line) { told.push_back(line); });
    for (int i = 0; i < 1000; ++i) notices.say("stranger " + std::to_string(i), SteadyMs{0});
    CHECK(told.size() == kNoticesMost);
    notices.say("later", SteadyMs{kNoticeWindowMs});
    REQUIRE(told.size() == kNoticesMost + 2);
    CHECK_THAT(told[kNoticesMost], Catch::StartsWith("970 more lines"));
    CHECK(told.back() == "later");
}
