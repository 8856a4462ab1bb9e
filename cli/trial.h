#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <strandline/diff.h>
#include <strandline/node.h>
#include <strandline/result.h>

namespace strandline::cli {

/// What a run would do to a database, tried out on a copy of it.
struct Trial {
    bool in_step = false;      ///< with every peer, within the time; else this is what came by then
    Difference difference;     ///< a: as the database is; b: as it would be. No rows, only their numbers.
    std::int64_t waiting = 0;  ///< changes that the database would not take, and keep in quarantine
    std::int64_t sent = 0;     ///< rows of this device's that went to the peers

    [[nodiscard]] std::int64_t rows() const;     ///< that are there
    [[nodiscard]] std::int64_t changes() const;  ///< of those: would be others, or gone
};

/// Runs a copy of `snapshot` until it is in step with the peers that `options` names, or `seconds` are over. `options.database`
/// stays as it is. The peers meet this device, with its key, as a new origin that writes nothing; what they lack is sent.
/// Error (busy): the device runs; (timeout): a signal ended it. Others as Node::open() and run() give them.
[[nodiscard]] Result<Trial> try_out(NodeOptions options, const std::string& snapshot, double seconds);

/// On stdout, for people or as one JSON object.
void print(const Trial& trial, bool json);

/// A folder beside the database, for copies that go when it goes. One that a crash has left, with a copy of the key in it, is
/// removed by the next for the same database: each is locked as long as somebody uses it.
class CopyFolder {
public:
    /// Error: the disk.
    [[nodiscard]] static Result<CopyFolder> make(const std::string& database);
    CopyFolder(CopyFolder&& other) noexcept
        : path_(std::exchange(other.path_, "")), lock_(std::exchange(other.lock_, -1)) {}
    CopyFolder& operator=(CopyFolder&&) = delete;
    CopyFolder(const CopyFolder&) = delete;
    CopyFolder& operator=(const CopyFolder&) = delete;
    ~CopyFolder();

    /// Where a snapshot of the database goes, and where a copy of that, which is run.
    [[nodiscard]] std::string snapshot() const { return path_ + "/" + kSnapshot; }
    [[nodiscard]] std::string copy() const { return path_ + "/" + kCopy; }

private:
    /// What SQLite and a device have beside them begins so too.
    static constexpr const char* kSnapshot = "before.db";
    static constexpr const char* kCopy = "copy.db";

    /// Removes them, and the folder if nothing else is in it: one of the user's may have a name like ours.
    static void remove(const std::string& folder);
    /// Removes folders that begin so and that nobody uses.
    static void remove_left(const std::string& prefix);
    CopyFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

    std::string path_;
    int lock_ = -1;  ///< on the folder itself
};

}  // namespace strandline::cli
