#include "cli/trial.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <spdlog/fmt/fmt.h>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/format.h"
#include "cli/signals.h"
#include "cli/waiting.h"

namespace strandline::cli {
namespace {

tl::unexpected<Error> stopped() {
    return failure(Category::timeout, "stopped before all was known; nothing was changed here");
}

/// What is said of the copy holds for the database too, and names what people know.
std::string about_database(std::string sentence, const std::string& copy, const std::string& database) {
    for (auto at = sentence.find(copy); at != std::string::npos;
         at = sentence.find(copy, at + database.size()))
        sentence.replace(at, copy.size(), database);
    return sentence;
}

constexpr const char* kTrial = ".trial-";

/// The open folder; below zero: somebody uses it, or it is not there.
int locked(const std::string& folder) {
    const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0 || ::flock(file, LOCK_EX | LOCK_NB) == 0) return file;
    ::close(file);
    return -1;
}

}  // namespace

std::int64_t Trial::rows() const {
    std::int64_t rows = 0;
    for (const TableDifference& table : difference.tables) rows += table.rows_a;
    return rows;
}

std::int64_t Trial::changes() const {
    std::int64_t changes = 0;
    for (const TableDifference& table : difference.tables) changes += table.only_a + table.changed;
    return changes;
}

void CopyFolder::remove(const std::string& folder) {
    std::error_code trouble;
    for (const auto& entry : std::filesystem::directory_iterator(folder, trouble)) {
        const std::string name = entry.path().filename();
        if (name.starts_with(kSnapshot) || name.starts_with(kCopy))
            std::filesystem::remove(entry.path(), trouble);
    }
    std::filesystem::remove(folder, trouble);
}

void CopyFolder::remove_left(const std::string& prefix) {
    const auto folder = std::filesystem::absolute(prefix).parent_path();
    const std::string name = std::filesystem::path(prefix).filename();
    std::error_code trouble;
    for (const auto& entry : std::filesystem::directory_iterator(folder, trouble)) {
        if (!entry.path().filename().string().starts_with(name)) continue;
        const int lock = locked(entry.path());
        if (lock < 0) continue;
        remove(entry.path());
        ::close(lock);
    }
}

Result<CopyFolder> CopyFolder::make(const std::string& database) {
    const std::string prefix = database + kTrial;
    remove_left(prefix);
    std::string path = prefix + "XXXXXX";
    const int lock = mkdtemp(path.data()) != nullptr ? locked(path) : -1;
    if (lock < 0)
        return failure(Category::storage,
                       fmt::format("no folder can be made at {}: {}", path, std::strerror(errno)));
    return CopyFolder(path, lock);
}

CopyFolder::~CopyFolder() {
    if (!path_.empty()) remove(path_);
    if (lock_ >= 0) ::close(lock_);
}

Result<Trial> try_out(NodeOptions options, const std::string& snapshot, double seconds) {
    const auto process = running_process(options.database);
    if (!process) return tl::unexpected(process.error());
    if (*process != 0)
        return failure(Category::busy,
                       fmt::format("process {} runs {}; stop it first: the copy speaks with its key",
                                   *process, options.database),
                       Retry::later);
    auto folder = CopyFolder::make(options.database);
    if (!folder) return tl::unexpected(folder.error());
    const std::string copy = folder->copy();
    std::error_code error;
    std::filesystem::copy_file(snapshot, copy, error);
    if (!error) std::filesystem::copy_file(file_of(options.database) + ".key", copy + ".key", error);
    if (error)
        return failure(Category::storage,
                       fmt::format("{} cannot be copied to {}: {}", snapshot, copy, error.message()));
    const std::string database = std::exchange(options.database, copy);
    const auto about = [&](const std::string& sentence) { return about_database(sentence, copy, database); };
    const auto trouble = [&](const Error& what) {
        return failure(what.category, about(what.message), what.retry);
    };
    options.is_trial = true;
    options.stop_asked = is_stop_held;
    auto node = Node::open(options);
    if (!node) return trouble(node.error());
    Trial trial;
    std::vector<std::string> tables;  // An app's table may have gone.
    {
        std::mutex mutex;
        std::string how_far;
        node->on_event([&](const Event& event) {
            const std::lock_guard guard(mutex);
            if (event.kind == EventKind::backfill_progress) how_far = ", " + event.text;
        });
        node->on_notice([&](const std::string& notice) { say(about(notice)); });
        const Ticker ticker([&] {
            const std::lock_guard guard(mutex);
            return "trying it out on a copy" + how_far;
        });
        std::atomic<bool> is_stopped = false;
        const StopOnSignal signals([&] {
            is_stopped = true;
            node->stop();
        });
        const Status before = node->engine().status();
        const auto reached = node->run_once(seconds);
        if (!reached) return trouble(reached.error());
        if (is_stopped) return stopped();
        const Status after = node->engine().status();
        trial.in_step = *reached;
        trial.waiting = after.quarantined - before.quarantined;
        trial.sent = after.sent.rows - before.sent.rows;
        for (const ResourceStatus& resource : after.resources) {
            if (resource.is_there) tables.push_back(resource.name);
        }
    }
    if (tables.empty()) return trial;
    const Ticker ticker([&] { return "counting what is different"; });
    auto difference = diff_databases(snapshot, copy, tables, 0, is_stop_held);
    if (!difference && is_stop_held()) return stopped();
    if (!difference) return tl::unexpected(difference.error());
    trial.difference = std::move(*difference);
    return trial;
}

void print(const Trial& trial, bool json) {
    if (json) {
        nlohmann::ordered_json tables = nlohmann::ordered_json::array();
        for (const TableDifference& table : trial.difference.tables) {
            tables.push_back({{"name", table.table},
                              {"rows", table.rows_a},
                              {"added", table.only_b},
                              {"changed", table.changed},
                              {"removed", table.only_a}});
        }
        return print_json({{"in_step", trial.in_step},
                           {"tables", tables},
                           {"quarantined", trial.waiting},
                           {"sent", {{"rows", trial.sent}}}});
    }
    Table shown({{"table"},
                 {"rows", Table::Align::right},
                 {"would come", Table::Align::right},
                 {"would change", Table::Align::right},
                 {"would go", Table::Align::right}});
    for (const TableDifference& table : trial.difference.tables) {
        shown.add({table.table, count_text(table.rows_a), count_text(table.only_b), count_text(table.changed),
                   count_text(table.only_a)});
    }
    shown.print();
    if (trial.waiting > 0) fmt::print("  {} would wait in quarantine\n", count_text(trial.waiting, "change"));
    if (trial.sent > 0)
        fmt::print("  {} of this device went to its peers, as with every run\n",
                   count_text(trial.sent, "row"));
}

}  // namespace strandline::cli
