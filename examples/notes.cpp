// A notebook that several devices keep together: type a line, and it appears on all of them.
//
//     notes DB LISTEN [PEER DEVICE_ID]...     such as: notes a.db 0.0.0.0:7100 192.168.1.8:7100 3f0a...
//
// It prints this device's id first: the others need it to let this one in.
#include <sqlite3.h>
#include <strandline/node.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <utility>

namespace {

/// The value, or the end of the program with the sentence that says why not.
template <typename T>
T value_of(strandline::Result<T> result) {
    if (result) return std::move(*result);
    std::cerr << "notes: " << result.error().message << '\n';
    std::exit(1);
}

/// The app's own connection: plain SQLite, with a busy timeout, since Strandline writes to the file, too.
sqlite3* open_notes(const char* path) {
    sqlite3* notes = nullptr;
    sqlite3_open(path, &notes);
    sqlite3_busy_timeout(notes, 5000);
    sqlite3_exec(notes, "CREATE TABLE IF NOT EXISTS notes (id BLOB PRIMARY KEY NOT NULL, text TEXT)", nullptr,
                 nullptr, nullptr);
    return notes;
}

void write_what_is_typed(const char* path) {
    sqlite3_stmt* insert = nullptr;
    sqlite3_prepare_v2(open_notes(path), "INSERT INTO notes VALUES (randomblob(16), ?)", -1, &insert,
                       nullptr);
    for (std::string line; std::getline(std::cin, line); sqlite3_reset(insert)) {
        sqlite3_bind_text(insert, 1, line.c_str(), -1, SQLITE_TRANSIENT);
        if (sqlite3_step(insert) != SQLITE_DONE) std::cerr << "notes: that line was not saved\n";
    }
}

void print_new_notes(sqlite3* notes, sqlite3_int64& last) {
    sqlite3_stmt* rows = nullptr;
    sqlite3_prepare_v2(notes, "SELECT rowid, text FROM notes WHERE rowid > ? ORDER BY rowid", -1, &rows,
                       nullptr);
    sqlite3_bind_int64(rows, 1, last);
    for (; sqlite3_step(rows) == SQLITE_ROW; last = sqlite3_column_int64(rows, 0)) {
        std::cout << sqlite3_column_text(rows, 1) << std::endl;
    }
    sqlite3_finalize(rows);
}

}  // namespace

int main(int count, char** words) {
    if (count < 3 || count % 2 == 0) {
        std::cerr << "usage: notes DB LISTEN [PEER DEVICE_ID]...\n";
        return 2;
    }
    const char* const database = words[1];
    sqlite3* const notes = open_notes(database);
    if (!strandline::device_id_of(database)) {
        value_of(strandline::init_device(database, "notes"));
        value_of(strandline::leave_request(database, {"track", {"notes"}}));
    }
    std::cout << to_hex(value_of(strandline::device_id_of(database))) << std::endl;

    strandline::NodeOptions options{.database = database, .listen = words[2]};
    for (int i = 3; i < count; i += 2) {
        options.peers.emplace_back(words[i]);
        value_of(strandline::leave_request(database, {"trust", {words[i + 1]}}));
    }
    auto node = value_of(strandline::Node::open(options));
    sqlite3_int64 last = 0;
    node.on_event([&](const strandline::Event&) { print_new_notes(notes, last); });
    node.on_notice([](const std::string& line) { std::cerr << "notes: " << line << '\n'; });
    std::thread(write_what_is_typed, database).detach();
    const auto ended = node.run();
    std::cerr << "notes: " << (ended ? "stopped" : ended.error().message) << '\n';
    return ended ? 0 : 1;
}
