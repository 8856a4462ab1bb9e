#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/store/connection.h"

namespace strandline::engine::store {

/// A connection for reading alone, beside whoever else has the database open, and where nothing can be written.
///
/// SQLite reads a database in WAL mode through a file of shared memory beside it. In a folder or on a medium where
/// that file cannot be made, the database is still whole as long as it has no WAL: then it is read as it stands, and
/// is_torn() tells, after the last read, whether somebody with more rights has written to it meanwhile.
class Reading {
public:
    /// Throws StorageError, with a sentence that says what to do where there is a WAL and no way to read it.
    explicit Reading(const std::string& path);

    [[nodiscard]] Connection& connection() { return *connection_; }
    /// Whether what was read may be of two different states. Only where nothing could be written.
    [[nodiscard]] bool is_torn() const;

private:
    /// What changes with every write to a file: its size and the time of its last change.
    using Mark = std::pair<std::uintmax_t, std::int64_t>;
    [[nodiscard]] std::optional<Mark> mark() const;

    std::string path_;
    std::unique_ptr<Connection> connection_;
    std::optional<Mark> as_it_stood_;  ///< only where it is read as it stands
};

}  // namespace strandline::engine::store
