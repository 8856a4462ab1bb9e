#include "cli/format.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string_view>
#include <system_error>

#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

namespace strandline::cli {
namespace {

/// Columns below which text is not worth wrapping.
constexpr std::size_t kNarrowest = 20;

bool wants_colour() {
    const char* terminal = std::getenv("TERM");
    return isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr && terminal != nullptr &&
           std::string_view(terminal) != "dumb";
}

/// How many bytes of UTF-8 stand at the front of `text`; 0: none, it is something else.
std::size_t sequence_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xf5 ? 0 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    if (length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
    }
    return length;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

/// Columns on a terminal, taking each character for one: right for all that Strandline itself prints.
std::size_t columns_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string spaces(std::size_t count) {
    return std::string(count, ' ');
}

std::string real_text(double value) {
    if (!std::isfinite(value)) return value > 0 ? "9e999" : "-9e999";  // SQLite reads these as infinities.
    std::string text = fmt::format("{}", value);
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

}  // namespace

std::string styled(Style style, const std::string& text) {
    static const bool colour = wants_colour();
    constexpr std::array kCodes = {"", "1", "2", "32", "33", "31"};
    const char* code = kCodes[static_cast<std::size_t>(style)];
    return colour && *code != '\0' ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

std::string printable(const std::string& text) {
    std::string out;
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t length = sequence_length(rest);
        const auto lead = static_cast<unsigned char>(rest.front());
        // Below 0x20, 0x7f, and U+0080 to U+009F, which some terminals obey too.
        const bool is_control = lead < 0x20 || lead == 0x7f ||
                                (lead == 0xc2 && length == 2 && static_cast<unsigned char>(rest[1]) < 0xa0);
        if (length == 0 || is_control) {
            out += fmt::format("\\x{:02x}", lead);
            rest.remove_prefix(1);
        } else {
            out += rest.substr(0, length);
            rest.remove_prefix(length);
        }
    }
    return out;
}

std::string shortened(const std::string& text, std::size_t columns) {
    if (columns_of(text) <= columns) return text;
    std::size_t end = 0;
    for (std::size_t used = 0; used + 1 < columns; ++used) {
        do ++end;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80);
    }
    return text.substr(0, end) + "…";
}

std::string name_text(const std::string& name) {
    constexpr std::size_t kNameWidth = 24;
    return shortened(printable(name), kNameWidth);
}

std::size_t columns_at(int file) {
    winsize window{};
    return ioctl(file, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col : kWidth;
}

std::size_t line_columns_at(int file) {
    return isatty(file) == 1 ? columns_at(file) : std::string::npos;
}

std::string wrapped(const std::string& text, std::size_t columns, std::size_t indent) {
    if (columns < indent + kNarrowest) return text;
    const std::size_t width = columns - indent;
    std::string out;
    std::size_t used = 0;
    for (std::size_t from = 0; from < text.size();) {
        const std::size_t end = std::min(text.find(' ', from), text.size());
        const std::string word = text.substr(from, end - from);
        const std::size_t needed = columns_of(word);
        if (used > 0 && used + 1 + needed > width) {
            out += "\n" + spaces(indent);
            used = 0;
        } else if (used > 0) {
            out += ' ';
            ++used;
        }
        out += word;
        used += needed;
        from = end + 1;
    }
    return out;
}

void flush_answer() {
    const bool was_written = std::ferror(stdout) == 0;
    if (std::fflush(stdout) == 0 && was_written) return;
    throw std::system_error(was_written ? errno : EIO, std::generic_category());
}

void print_to_stderr(const std::string& text) {
    static_cast<void>(std::fputs(text.c_str(), stderr));
}

void say(const std::string& sentence) {
    print_to_stderr(wrapped("strandline: " + sentence, line_columns_at(STDERR_FILENO)) + "\n");
}

std::string count_text(std::int64_t count) {
    std::string digits = fmt::format("{}", count);
    const std::ptrdiff_t first = count < 0 ? 1 : 0;
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > first; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), 1, ',');
    }
    return digits;
}

std::string count_text(std::int64_t count, const std::string& noun) {
    return count_text(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string bytes_text(std::int64_t bytes) {
    constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) return count_text(bytes, "byte");
    double size = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    for (; size >= 1024 && unit + 1 < kUnits.size(); ++unit) size /= 1024;
    return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

std::string hex_text(const std::string& bytes) {
    std::string out;
    for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return out;
}

int percent(double fraction) {
    return static_cast<int>(100 * std::clamp(fraction, 0.0, 1.0));
}

std::string duration_text(std::int64_t seconds) {
    if (seconds >= 3600)
        return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
}

std::string progress_text(const BackfillStatus& backfill) {
    std::string text = fmt::format("{:3} %  {} of {}", percent(backfill.fraction),
                                   count_text(backfill.rows_done), count_text(backfill.rows_total, "row"));
    if (backfill.bytes_per_second <= 0) return text;
    text += fmt::format("  {}/s, {}/s", count_text(std::llround(backfill.rows_per_second), "row"),
                        bytes_text(std::llround(backfill.bytes_per_second)));
    if (backfill.seconds_left) text += ", " + duration_text(*backfill.seconds_left) + " to go";
    return text;
}

std::string bar_text(double fraction, std::size_t columns) {
    const std::size_t filled = columns * static_cast<std::size_t>(percent(fraction)) / 100;
    std::string bar;
    for (std::size_t i = 0; i < columns; ++i) bar += i < filled ? "█" : "░";
    return bar;
}

std::string text_of(const Event& event) {
    const bool is_counted = event.kind == EventKind::quarantined || event.kind == EventKind::held ||
                            event.kind == EventKind::refused || event.kind == EventKind::trouble;
    return printable(event.text) + (is_counted && event.rows > 1 ? ": " + count_text(event.rows, "row") : "");
}

std::string value_text(const Value& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *integer);
    if (const auto* real = std::get_if<double>(&value)) return real_text(*real);
    if (const auto* text = std::get_if<std::string>(&value)) return "'" + printable(*text) + "'";
    if (const auto* blob = std::get_if<Blob>(&value)) {
        if (blob->bytes.size() <= kBlobBytesMax) return "x'" + hex_text(blob->bytes) + "'";
        return fmt::format("x'{}…' ({})", hex_text(blob->bytes.substr(0, 8)),
                           bytes_text(static_cast<std::int64_t>(blob->bytes.size())));
    }
    return "NULL";
}

nlohmann::ordered_json value_json(const Value& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
    if (const auto* real = std::get_if<double>(&value)) {
        if (std::isfinite(*real)) return *real;
        return {{"real", real_text(*real)}};
    }
    if (const auto* text = std::get_if<std::string>(&value)) {
        if (is_utf8(*text)) return *text;
        return {{"text", hex_text(*text)}};
    }
    if (const auto* blob = std::get_if<Blob>(&value)) {
        return {{"blob", hex_text(blob->bytes.substr(0, kBlobBytesMax))}, {"bytes", blob->bytes.size()}};
    }
    return nullptr;
}

void Table::add(std::vector<std::string> cells, Style style) {
    for (std::string& cell : cells) cell = printable(cell);
    rows_.push_back({std::move(cells), style});
}

std::vector<std::size_t> Table::widths() const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t width = columns_of(columns_[i].heading);
        for (const Row& row : rows_) width = std::max(width, columns_of(row.cells[i]));
        widths.push_back(width);
    }
    const std::size_t all = std::accumulate(widths.begin(), widths.end(), 2 + 3 * (widths.size() - 1));
    constexpr std::size_t kLeast = 12;  // Narrower than this, a name says nothing.
    if (all > kWidth)
        widths[0] = std::max(std::min(widths[0], kLeast), widths[0] - std::min(widths[0], all - kWidth));
    return widths;
}

std::string Table::line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const std::string cell = shortened(cells[i], widths[i]);
        const std::string padding = spaces(widths[i] - columns_of(cell));
        if (i > 0) line += spaces(3);
        line += columns_[i].align == Align::right ? padding + cell : cell + padding;
    }
    return line.substr(0, line.find_last_not_of(' ') + 1);
}

void Table::print() const {
    if (rows_.empty()) return;
    const auto all = widths();
    std::vector<std::string> headings;
    for (const Column& column : columns_) headings.push_back(column.heading);
    fmt::print("  {}\n", styled(Style::faint, line(headings, all)));
    for (const Row& row : rows_) fmt::print("  {}\n", styled(row.style, line(row.cells, all)));
}

}  // namespace strandline::cli
