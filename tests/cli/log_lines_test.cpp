#include <catch2/catch.hpp>

#include <chrono>
#include <string>

#include <spdlog/details/log_msg.h>

#include "cli/log_lines.h"

using namespace strandline;

namespace {

std::string line_at(std::int64_t unix_ms) {
    spdlog::details::log_msg line("run", spdlog::level::info, "listening");
    line.time = spdlog::log_clock::time_point(std::chrono::milliseconds(unix_ms));
    spdlog::memory_buf_t out;
    cli::log_lines()->format(line, out);
    return {out.data(), out.size()};
}

}  // namespace

TEST_CASE("a line of the run log begins with its moment") {
    CHECK(line_at(1'795'000'000'123) == "2026-11-18T11:06:40.123Z info    listening\n");
    CHECK(line_at(951'782'400'000) == "2000-02-29T00:00:00.000Z info    listening\n");
}

TEST_CASE("a wall clock before 1970 counts as 1970 in the run log too, as it does in stamps") {
    CHECK(line_at(-414) == "1970-01-01T00:00:00.000Z info    listening\n");
    CHECK(line_at(-430'000'000'414) == "1970-01-01T00:00:00.000Z info    listening\n");
}
