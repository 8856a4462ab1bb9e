#include "simulator/tables.h"

#include <fmt/format.h>
#include <algorithm>

#include "simulator/check.h"

namespace strandline::simulator {
namespace {

std::string lower(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

std::string encoded_integer(std::int64_t number) {
    check(number >= 0, "the simulator's tables have no negative keys");
    constexpr char kZeroTag = 0x14;
    std::string bytes;
    for (auto rest = static_cast<std::uint64_t>(number); rest != 0; rest >>= 8)
        bytes.insert(bytes.begin(), static_cast<char>(rest));
    return static_cast<char>(kZeroTag + static_cast<char>(bytes.size())) + bytes;
}

std::string encoded_bytes(char tag, const std::string& bytes, bool is_last) {
    if (is_last) return tag + bytes;
    std::string out(1, tag);
    for (const char c : bytes) {
        out += c;
        if (c == 0) out += '\xff';
    }
    return out + '\0';
}

std::string hex(const std::string& bytes) {
    constexpr const char* kDigits = "0123456789abcdef";
    std::string out(2 * bytes.size(), '\0');
    auto at = out.begin();
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        *at++ = kDigits[byte / 16];
        *at++ = kDigits[byte % 16];
    }
    return out;
}

}  // namespace

const std::vector<Table>& tables() {
    static const std::vector<Table> all{
        {"notes",
         "CREATE TABLE notes(id TEXT PRIMARY KEY, title TEXT, body TEXT, pinned INTEGER DEFAULT 0)",
         {"id", "title", "body", "pinned"},
         1,
         Ownership::shared,
         false},
        {"counters",
         "CREATE TABLE counters(id INTEGER PRIMARY KEY, value INTEGER NOT NULL CHECK (value >= 0), note "
         "TEXT)",
         {"id", "value", "note"},
         1,
         Ownership::shared,
         false},
        {"links",
         "CREATE TABLE links(a TEXT, b INTEGER, weight REAL, extra BLOB, PRIMARY KEY (a, b)) WITHOUT ROWID",
         {"a", "b", "weight", "extra"},
         2,
         Ownership::shared,
         false},
        {"files",
         "CREATE TABLE files(id BLOB PRIMARY KEY, body BLOB, size INTEGER)",
         {"id", "body", "size"},
         1,
         Ownership::shared,
         false},
        {"tags",
         "CREATE TABLE tags(name TEXT PRIMARY KEY COLLATE NOCASE, colour TEXT)",
         {"name", "colour"},
         1,
         Ownership::shared,
         true},
        {"people",
         "CREATE TABLE people(id TEXT PRIMARY KEY, email TEXT UNIQUE, name TEXT)",
         {"id", "email", "name"},
         1,
         Ownership::shared,
         false},
        {"wide",
         "CREATE TABLE wide(id TEXT PRIMARY KEY, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12)",
         {"id", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12"},
         1,
         Ownership::shared,
         false},
        {"readings",
         "CREATE TABLE readings(id TEXT PRIMARY KEY, taken INTEGER, value REAL)",
         {"id", "taken", "value"},
         1,
         Ownership::device_owned,
         false},
    };
    return all;
}

std::size_t index_of_table(const std::string& name) {
    return static_cast<std::size_t>(std::ranges::find(tables(), name, &Table::name) - tables().begin());
}

std::string encoded_key(const Table& table, const Values& row) {
    std::string out;
    for (std::size_t i = 0; i < table.key_columns; ++i) {
        const bool is_last = i + 1 == table.key_columns;
        if (const auto* number = std::get_if<std::int64_t>(&row[i])) {
            out += encoded_integer(*number);
        } else if (const auto* text = std::get_if<std::string>(&row[i])) {
            out += encoded_bytes(0x30, table.folds_case ? lower(*text) : *text, is_last);
        } else if (const auto* blob = std::get_if<Blob>(&row[i])) {
            out += encoded_bytes(0x40, blob->bytes, is_last);
        } else {
            out += "no app's key " + to_text(row[i]);  // A liar's frame, bent, may have others.
        }
    }
    return out;
}

std::string to_text(const Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    if (const auto* real = std::get_if<double>(&value)) return fmt::format("{:.17g}r", *real);
    if (const auto* text = std::get_if<std::string>(&value)) return "'" + *text + "'";
    if (const auto* blob = std::get_if<Blob>(&value)) return "x'" + hex(blob->bytes) + "'";
    return "NULL";
}

std::string to_text(const Values& values) {
    std::string out;
    for (const Value& value : values) out += (out.empty() ? "" : "|") + to_text(value);
    return out;
}

}  // namespace strandline::simulator
