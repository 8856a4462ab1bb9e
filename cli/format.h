#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <strandline/event.h>
#include <strandline/status.h>
#include <strandline/value.h>

/// How things look to people, in one place, so that all commands look alike. Lines fit kWidth columns,
/// colours are for terminals alone (and not when NO_COLOR is set), and whatever came out of a database
/// or from a peer passes printable() first: a name must not steer anybody's terminal.
namespace strandline::cli {

constexpr std::size_t kWidth = 100;

enum class Style { plain, strong, faint, good, warning, bad };

/// The text in its style on a terminal; elsewhere as it is.
[[nodiscard]] std::string styled(Style style, const std::string& text);
/// The text with control characters, and bytes that are not UTF-8, spelled out.
[[nodiscard]] std::string printable(const std::string& text);
/// A name that somebody gave, among other things of a line.
[[nodiscard]] std::string name_text(const std::string& name);
/// Cut to so many columns, the last one "…" where something is missing.
[[nodiscard]] std::string shortened(const std::string& text, std::size_t columns);

/// How wide the terminal at `file` is; kWidth where nobody knows.
[[nodiscard]] std::size_t columns_at(int file);
/// The same for what other programs take line by line: without end where `file` is no terminal.
[[nodiscard]] std::size_t line_columns_at(int file);
/// Broken between words to fit so many columns, for text that begins at column `indent`; the lines that follow begin
/// there too.
[[nodiscard]] std::string wrapped(const std::string& text, std::size_t columns, std::size_t indent = 0);
/// Sends what was printed to stdout on its way. Throws std::system_error where that cannot be done, or could not before: who
/// goes on would work for nobody, and a script must not take half an answer for one.
void flush_answer();
/// As it is. That nobody can read it any more is no reason to fail.
void print_to_stderr(const std::string& text);
/// A sentence for a person, on stderr.
void say(const std::string& sentence);

[[nodiscard]] std::string count_text(std::int64_t count);                           ///< 63,666
[[nodiscard]] std::string count_text(std::int64_t count, const std::string& noun);  ///< 1 row, 2 rows
[[nodiscard]] std::string bytes_text(std::int64_t bytes);                           ///< 1.2 MiB
[[nodiscard]] std::string hex_text(const std::string& bytes);
[[nodiscard]] std::string duration_text(std::int64_t seconds);  ///< 0:07, 12:30, 3:00:05
constexpr std::size_t kBarColumns = 20;
/// A bar of so many columns, filled to the fraction.
[[nodiscard]] std::string bar_text(double fraction, std::size_t columns);
/// Whole percents, rounded down: 100 means all.
[[nodiscard]] int percent(double fraction);
/// How far it is, how fast, and how long it will take: " 45 %  450,000 of 1,000,000 rows  61,234 rows/s, 0:09 to go".
[[nodiscard]] std::string progress_text(const BackfillStatus& backfill);

/// What an event says, and of how many rows where it does not name them.
[[nodiscard]] std::string text_of(const Event& event);

/// As an SQL literal: NULL, 1, 1.0, 'text', x'00ff'.
[[nodiscard]] std::string value_text(const Value& value);
/// null, a number, a string; {"blob": hex, "bytes": n} with at most kBlobBytesMax bytes of hex; what JSON has
/// no word for (infinity, text that is not UTF-8) as {"real": text} and {"text": hex}.
[[nodiscard]] nlohmann::ordered_json value_json(const Value& value);
constexpr std::size_t kBlobBytesMax = 64;  // Enough to tell two apart.

/// Rows under a heading, each column as wide as it needs; the first is shortened when a line is too long.
class Table {
public:
    enum class Align { left, right };
    struct Column {
        std::string heading;
        Align align = Align::left;
    };

    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    /// One cell for each column; made printable here.
    void add(std::vector<std::string> cells, Style style = Style::plain);
    /// Prints to stdout, indented by two; nothing when there are no rows.
    void print() const;

private:
    struct Row {
        std::vector<std::string> cells;
        Style style;
    };
    [[nodiscard]] std::vector<std::size_t> widths() const;
    [[nodiscard]] std::string line(const std::vector<std::string>& cells,
                                   const std::vector<std::size_t>& widths) const;

    std::vector<Column> columns_;
    std::vector<Row> rows_;
};

}  // namespace strandline::cli
