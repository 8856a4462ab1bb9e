#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace strandline::tests {

/// SQLite's own file system with a clock that the test sets: the triggers read the time through it.
class ClockVfs {
public:
    explicit ClockVfs(std::string name) : name_(std::move(name)) {
        vfs_.base = *sqlite3_vfs_find(nullptr);
        vfs_.base.zName = name_.c_str();
        vfs_.base.pNext = nullptr;
        vfs_.base.xCurrentTimeInt64 = [](sqlite3_vfs* vfs, sqlite3_int64* out) {
            constexpr std::int64_t kJulianMsOf1970 = 210'866'760'000'000;
            *out = kJulianMsOf1970 + reinterpret_cast<Shim*>(vfs)->wall_ms;
            return SQLITE_OK;
        };
        sqlite3_vfs_register(&vfs_.base, 0);
    }
    ~ClockVfs() { sqlite3_vfs_unregister(&vfs_.base); }
    ClockVfs(const ClockVfs&) = delete;
    ClockVfs& operator=(const ClockVfs&) = delete;

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::int64_t wall_ms() const { return vfs_.wall_ms; }
    void set_wall_ms(std::int64_t wall_ms) { vfs_.wall_ms = wall_ms; }

private:
    struct Shim {
        sqlite3_vfs base;  // First, so that SQLite's pointer to it is a pointer to the whole.
        std::int64_t wall_ms;
    };
    std::string name_;
    Shim vfs_{};
};

/// The app: a plain connection of its own, which knows nothing of Strandline.
class App {
public:
    App(const std::string& path, const std::string& vfs) {
        constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
        if (sqlite3_open_v2(path.c_str(), &database_, kFlags, vfs.c_str()) != SQLITE_OK) {
            sqlite3_close(database_);
            throw std::runtime_error("the app cannot open " + path);
        }
        sqlite3_busy_timeout(database_, 1'000);
    }
    ~App() { sqlite3_close(database_); }
    App(const App&) = delete;
    App& operator=(const App&) = delete;

    void run(const std::string& sql) {
        const std::string error = refusal(sql);
        if (!error.empty()) throw std::runtime_error(error + " in: " + sql.substr(0, 200));
    }
    /// Why SQLite refuses the statement; empty: it does not.
    [[nodiscard]] std::string refusal(const std::string& sql) {
        char* message = nullptr;
        const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, &message);
        std::string error = message != nullptr ? message : "";
        sqlite3_free(message);
        if (code != SQLITE_OK && error.empty()) error = sqlite3_errstr(code);
        return error;
    }
    /// Rows as text, one a line, columns parted by '|'; types and bytes can be told apart: 1, 1.0, '1', x'31', NULL.
    [[nodiscard]] std::string ask(const std::string& sql) {
        sqlite3_stmt* statement = nullptr;
        if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
            throw std::runtime_error(std::string(sqlite3_errmsg(database_)) + " in: " + sql);
        std::string out;
        while (sqlite3_step(statement) == SQLITE_ROW) {
            if (!out.empty()) out += '\n';
            for (int i = 0; i < sqlite3_column_count(statement); ++i)
                out += (i > 0 ? "|" : "") + shown(statement, i);
        }
        sqlite3_finalize(statement);
        return out;
    }
    [[nodiscard]] sqlite3* raw() { return database_; }

private:
    static std::string shown(sqlite3_stmt* statement, int column) {
        const int type = sqlite3_column_type(statement, column);
        if (type == SQLITE_NULL) return "NULL";
        if (type == SQLITE_FLOAT) {
            char text[40];
            std::snprintf(text, sizeof text, "%.17g", sqlite3_column_double(statement, column));
            const std::string number = text;
            return number.find_first_of(".en") == std::string::npos ? number + ".0" : number;
        }
        const void* data = sqlite3_column_blob(statement, column);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
        std::string bytes = data != nullptr ? std::string(static_cast<const char*>(data), size) : "";
        if (type == SQLITE_INTEGER) return bytes;
        if (type == SQLITE_TEXT) return "'" + bytes + "'";
        std::string hex = "x'";
        for (const char byte : bytes) {
            char digits[3];
            std::snprintf(digits, sizeof digits, "%02x",
                          static_cast<unsigned>(static_cast<unsigned char>(byte)));
            hex += digits;
        }
        return hex + "'";
    }

    sqlite3* database_ = nullptr;
};

}  // namespace strandline::tests
