#include "cli/command.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <strandline/node.h>

#include "cli/format.h"

namespace strandline::cli {
namespace {

/// Whether it is sure that a file is no database: it does not begin as each does, which is not empty.
/// Source: https://www.sqlite.org/fileformat.html, 1.3.1.
bool is_other_file(const std::string& path) {
    constexpr std::string_view kMark("SQLite format 3\0", 16);
    std::string head(kMark.size(), ' ');
    std::ifstream file(path, std::ios::binary);
    if (!file.is_open() || file.peek() == std::ifstream::traits_type::eof()) return false;
    file.read(head.data(), static_cast<std::streamsize>(head.size()));
    return head != kMark;
}

/// A sentence when the path names no database; CLI11's own would not say what to do.
std::string missing_database(const std::string& path) {
    if (auto objection = no_file_path(path); !objection.empty()) return objection;
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
        return "there is no file " + path + "; check the path, or make a device with: strandline init " +
               path;
    return is_other_file(path) ? path + " is not an SQLite database; check the path" : "";
}

}  // namespace

std::string no_file_path(const std::string& path) {
    if (path.empty()) return "the path is empty; give that of a file";
    std::error_code ignored;
    return std::filesystem::is_directory(path, ignored) ? path + " is a folder, not a file" : "";
}

std::string file_of(const std::string& path) {
    std::error_code none;
    if (!std::filesystem::is_symlink(path, none)) return path;
    const auto file = std::filesystem::canonical(path, none);
    return none ? path : file.string();
}

CLI::Option* add_database(CLI::App* command, std::string& into, const std::string& name) {
    return command->add_option(name, into, "The device's SQLite database")
        ->required()
        ->option_text(" ")
        ->check(CLI::Validator(missing_database, "", "database"));
}

CLI::Option* add_json(CLI::App* command, bool& into) {
    return command->add_flag("--json", into, "Print one JSON object instead, for scripts");
}

Exit fail(const Error& error) {
    say(error.message);
    return error.category == Category::usage ? Exit::usage : Exit::failed;
}

void print_json(const nlohmann::ordered_json& object) {
    // Names in a database need not be UTF-8, and JSON must be.
    fmt::print("{}\n", object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string not_a_time(const std::string& text) {
    constexpr double kSecondsMax = 1e6;  // Eleven days; more would overflow somebody's timer.
    double seconds = 0;
    if (CLI::detail::lexical_cast(text, seconds) && seconds > 0 && seconds <= kSecondsMax) return {};
    return fmt::format("'{}' is not a time; give seconds above 0 and up to {:.0f}", printable(text),
                       kSecondsMax);
}

Result<Seen> look_at(const std::string& database) {
    const auto process = running_process(database);
    if (!process) return tl::unexpected(process.error());
    auto status = read_status(database, *process != 0);
    if (!status) return tl::unexpected(status.error());
    return Seen{std::move(*status), *process};
}

Now now() {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    const auto steady = std::chrono::steady_clock::now().time_since_epoch();
    return {{duration_cast<milliseconds>(wall).count()}, {duration_cast<milliseconds>(steady).count()}};
}

}  // namespace strandline::cli
