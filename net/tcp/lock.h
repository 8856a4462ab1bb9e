#pragma once

#include <string>

#include <strandline/result.h>

namespace strandline::net::tcp {

/// The right to run a database: only one process has it at a time.
///
/// It is an open-file-description lock on DATABASE.lock, beside the file itself where DATABASE is a symbolic link, so the kernel gives it back however its
/// holder ends, and a second holder in the same process is refused too. The file itself stays; it
/// holds the holder's process id, for people. A fork without exec shares the lock with its parent.
///
/// A database with a second name, a hard link, is refused: SQLite keeps a log beside each name, and would write over
/// under one what it was told under the other.
class Lock {
public:
    /// Error (busy): another process has it; the sentence names it. Error (usage): the file has another name. Error
    /// (storage): no such folder, not writable.
    [[nodiscard]] static Result<Lock> take(const std::string& database);
    Lock(Lock&& other) noexcept;
    Lock& operator=(Lock&& other) noexcept;
    ~Lock();

private:
    explicit Lock(int file) : file_(file) {}
    int file_ = -1;
};

/// The process that holds the lock; 0: nobody. Asks the kernel and takes nothing, so it is never in
/// the way of somebody who does take it. Error (storage): the lock file cannot be read.
[[nodiscard]] Result<int> lock_holder(const std::string& database);

}  // namespace strandline::net::tcp
