#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include <strandline/diff.h>

#include "cli/command.h"
#include "cli/format.h"
#include "cli/waiting.h"

namespace strandline::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kRowsShown = 20;  // A table's first; enough to see what kind of difference it is.

struct DiffArguments {
    std::string a;
    std::string b;
    std::vector<std::string> tables;
    bool json = false;
};

const char* name_of(RowDifference::Where where) {
    switch (where) {
        case RowDifference::Where::only_a:
            return "only_a";
        case RowDifference::Where::only_b:
            return "only_b";
        case RowDifference::Where::both:
            return "changed";
    }
    return "";
}

Json json_of(const RowDifference& row) {
    Json key = Json::array();
    for (const Value& value : row.key) key.push_back(value_json(value));
    Json columns = Json::array();
    for (const ColumnDifference& column : row.columns) {
        columns.push_back(
            {{"column", column.column}, {"a", value_json(column.a)}, {"b", value_json(column.b)}});
    }
    return {{"row", name_of(row.where)}, {"key", key}, {"columns", columns}};
}

Json json_of(const TableDifference& table) {
    Json first = Json::array();
    for (const RowDifference& row : table.first) first.push_back(json_of(row));
    return {{"name", table.table},
            {"equal", table.is_equal()},
            {"rows_a", table.rows_a},
            {"rows_b", table.rows_b},
            {"only_a", table.only_a},
            {"only_b", table.only_b},
            {"changed", table.changed},
            {"key", table.key},
            {"columns_only_a", table.columns_only_a},
            {"columns_only_b", table.columns_only_b},
            {"first", first}};
}

Json json_of(const Difference& difference) {
    Json tables = Json::array();
    for (const TableDifference& table : difference.tables) tables.push_back(json_of(table));
    return {{"equal", difference.is_equal()},
            {"tables", tables},
            {"tracked_only_a", difference.tracked_only_a},
            {"tracked_only_b", difference.tracked_only_b}};
}

std::string key_text(const TableDifference& table, const RowDifference& row) {
    std::string text;
    for (std::size_t i = 0; i < row.key.size(); ++i) {
        text += (i == 0 ? "" : ", ") + printable(table.key[i]) + " = " + value_text(row.key[i]);
    }
    return text;
}

/// How the two files are called in lines: by their names, as long as those are two.
using Files = std::pair<std::string, std::string>;

Files files_of(const DiffArguments& arguments) {
    const Files names{std::filesystem::path(arguments.a).filename().string(),
                      std::filesystem::path(arguments.b).filename().string()};
    if (names.first == names.second) return {printable(arguments.a), printable(arguments.b)};
    return {name_text(names.first), name_text(names.second)};
}

void print_row(const TableDifference& table, const RowDifference& row, const Files& files) {
    const std::string key = shortened(key_text(table, row), kWidth - 30);
    if (row.where == RowDifference::Where::both) {
        fmt::print("  {} {}\n", styled(Style::warning, "~"), key);
    } else if (row.where == RowDifference::Where::only_a) {
        fmt::print("  {} {}  {}\n", styled(Style::bad, "-"), key,
                   styled(Style::faint, "only in " + files.first));
    } else {
        fmt::print("  {} {}  {}\n", styled(Style::good, "+"), key,
                   styled(Style::faint, "only in " + files.second));
    }
    for (const ColumnDifference& column : row.columns) {
        const std::string name = shortened(printable(column.column), 24);
        const std::size_t half = (kWidth - 12 - 24) / 2;
        fmt::print("      {}: {} → {}\n", name, shortened(value_text(column.a), half),
                   shortened(value_text(column.b), half));
    }
}

void print_table(const TableDifference& table, const Files& files) {
    const std::string name = styled(Style::strong, shortened(printable(table.table), kWidth * 2 / 5));
    if (table.is_equal()) {
        fmt::print("{}  {}, {}\n", name, styled(Style::good, "equal"), count_text(table.rows_a, "row"));
        return;
    }
    fmt::print("{}  {}: {} only in {}, {} only in {}, {} changed\n", name, styled(Style::bad, "different"),
               count_text(table.only_a), files.first, count_text(table.only_b), files.second,
               count_text(table.changed));
    for (const std::string& column : table.columns_only_a) {
        fmt::print("  column {} only in {}\n", name_text(column), files.first);
    }
    for (const std::string& column : table.columns_only_b) {
        fmt::print("  column {} only in {}\n", name_text(column), files.second);
    }
    for (const RowDifference& row : table.first) print_row(table, row, files);
    const auto shown = static_cast<std::int64_t>(table.first.size());
    const std::int64_t all = table.only_a + table.only_b + table.changed;
    if (all > shown) fmt::print("  … and {} more\n", count_text(all - shown));
}

void print_untracked(const std::vector<std::string>& tables, const std::string& by) {
    for (const std::string& table : tables) {
        fmt::print("{}  {}\n", printable(table), styled(Style::faint, "not compared: tracked only by " + by));
    }
}

Exit show_diff(const DiffArguments& arguments) {
    const Ticker ticker([&] { return fmt::format("comparing {} with {}", arguments.a, arguments.b); });
    const auto difference = diff_databases(arguments.a, arguments.b, arguments.tables, kRowsShown);
    if (!difference) return fail(difference.error());
    if (arguments.json) {
        print_json(json_of(*difference));
    } else {
        const Files files = files_of(arguments);
        for (const TableDifference& table : difference->tables) print_table(table, files);
        print_untracked(difference->tracked_only_a, files.first);
        print_untracked(difference->tracked_only_b, files.second);
    }
    return difference->is_equal() ? Exit::done : Exit::no;
}

}  // namespace

void add_diff(CLI::App& app, Action& chosen) {
    auto arguments = std::make_shared<DiffArguments>();
    CLI::App* command = add_command<DiffArguments>(
        app, chosen, "diff", "Compare the tracked tables of two files, row by row; reads only",
        "  strandline diff a.db b.db          all tables that both track\n"
        "  strandline diff a.db b.db notes    this one\n"
        "Exit status 3 when they differ. Shows the first 20 differing rows of each table, and counts all.",
        arguments, show_diff);
    add_database(command, arguments->a, "DB_A");
    add_database(command, arguments->b, "DB_B");
    command->add_option("TABLE", arguments->tables, "Only these tables")->option_text("...");
    add_json(command, arguments->json);
}

}  // namespace strandline::cli
