#pragma once

#include <string>

#include <sys/types.h>

#include <strandline/result.h>

namespace strandline::net::tcp {

/// A file that gets its name when it is whole: until then it stands beside that name under one of its own, which nobody
/// else has, and goes with this object. What a crash has left of earlier ones is removed by the next for the same name: each
/// is locked as long as somebody writes to it.
class Unfinished {
public:
    /// An empty file beside `name`, which nobody else may read. Error: the disk.
    [[nodiscard]] static Result<Unfinished> make(const std::string& name);
    Unfinished(Unfinished&& other) noexcept;
    Unfinished& operator=(Unfinished&&) = delete;
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;
    ~Unfinished();

    [[nodiscard]] const std::string& path() const { return path_; }
    /// Whom it belongs to, where this process may say so, and who may read and write it.
    [[nodiscard]] Result<void> grant(uid_t user, gid_t group, mode_t mode) const;
    /// The name, never over a file that is there. Error: it is taken; the disk.
    [[nodiscard]] Result<void> name_new(const std::string& name);
    /// The name, in the place of what may be there. Error: the disk.
    [[nodiscard]] Result<void> name_over(const std::string& name);

private:
    Unfinished(int file, std::string path) : file_(file), path_(std::move(path)) {}

    int file_ = -1;  ///< holds the lock; closed last, as closing it would end SQLite's own locks on the file
    std::string path_;  ///< empty: it has its name
};

}  // namespace strandline::net::tcp
