#pragma once

#include <sqlite3.h>
#include <strandline/node.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "net/tcp/machine.h"

namespace strandline::tests {

/// What another process would do with the database: an app with its own connection.
class App {
public:
    explicit App(const std::string& database) {
        REQUIRE(sqlite3_open(database.c_str(), &db_) == SQLITE_OK);
        sqlite3_busy_timeout(db_, 5000);
    }
    ~App() { sqlite3_close(db_); }
    App(const App&) = delete;
    App& operator=(const App&) = delete;

    void run(const std::string& sql) {
        INFO(sql);
        INFO(sqlite3_errmsg(db_));
        REQUIRE(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    }
    void write(const std::string& id, const std::string& body) {
        run("INSERT INTO notes VALUES ('" + id + "', '" + body + "')");
    }
    std::map<std::string, std::string> notes() {
        std::map<std::string, std::string> found;
        sqlite3_stmt* rows = nullptr;
        REQUIRE(sqlite3_prepare_v2(db_, "SELECT id, body FROM notes", -1, &rows, nullptr) == SQLITE_OK);
        const auto text = [&](int column) {
            return std::string(reinterpret_cast<const char*>(sqlite3_column_text(rows, column)));
        };
        while (sqlite3_step(rows) == SQLITE_ROW) found[text(0)] = text(1);
        sqlite3_finalize(rows);
        return found;
    }

private:
    sqlite3* db_ = nullptr;
};

/// Waits for what comes soon or never; the limit only keeps a failing test from hanging.
template <typename Condition>
bool soon(Condition done) {
    for (int i = 0; i < 3000; ++i) {
        if (done()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

/// A device with a table of notes; while it runs, a node on a thread of its own, and all that it said.
class Device {
public:
    explicit Device(std::string path) : path_(std::move(path)) {
        app_.emplace(path_);
        app_->run("CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT)");
        const auto made = init_device(path_, "");
        INFO((made ? std::string() : made.error().message));
        REQUIRE(made);
        id = *made;
    }
    ~Device() { stop(); }
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    /// Opens the node, which tracks the notes and trusts `trusted`.
    void open(const std::string& listen, const std::vector<std::string>& peers,
              const std::vector<DeviceId>& trusted, bool compression = true) {
        NodeOptions options{path_, listen, peers};
        options.compression = compression;
        auto opened = Node::open(options);
        INFO((opened ? std::string() : opened.error().message));
        REQUIRE(opened);
        node_.emplace(std::move(*opened));
        if (!tracked_) REQUIRE(node_->engine().track({"notes"}, Ownership::shared, net::tcp::now()));
        tracked_ = true;
        for (const auto& device : trusted) REQUIRE(node_->engine().trust(device, "", net::tcp::now()));
        node_->on_event([this](const Event& event) {
            const std::lock_guard guard(mutex_);
            events_.push_back(event);
        });
        node_->on_notice([this](const std::string& line) {
            const std::lock_guard guard(mutex_);
            notices_.push_back(line);
        });
    }
    void start() {
        thread_ = std::thread([this] { result_ = node_->run(); });
    }
    void stop() {
        if (thread_.joinable()) {
            node_->stop();
            thread_.join();
        }
        node_.reset();
    }
    [[nodiscard]] std::string address() { return "127.0.0.1:" + std::to_string(node_->port()); }
    [[nodiscard]] long count(EventKind kind) {
        const std::lock_guard guard(mutex_);
        return std::count_if(events_.begin(), events_.end(),
                             [kind](const Event& e) { return e.kind == kind; });
    }
    [[nodiscard]] bool noticed(const std::string& part) {
        const std::lock_guard guard(mutex_);
        return std::any_of(notices_.begin(), notices_.end(),
                           [&](const std::string& line) { return line.find(part) != std::string::npos; });
    }
    [[nodiscard]] App& app() { return *app_; }
    [[nodiscard]] Node& node() { return *node_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] const Result<void>& result() const { return result_; }

    DeviceId id;

private:
    std::string path_;
    std::optional<App> app_;
    std::optional<Node> node_;
    std::thread thread_;
    Result<void> result_;
    bool tracked_ = false;
    std::mutex mutex_;
    std::vector<Event> events_;
    std::vector<std::string> notices_;
};

/// Whether both hold the same `rows` notes before long.
inline bool alike(Device& a, Device& b, std::size_t rows) {
    return soon([&] { return a.app().notes().size() == rows && a.app().notes() == b.app().notes(); });
}

}  // namespace strandline::tests
