#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include <strandline/result.h>

namespace strandline::net::tcp {

/// Where a database is: the files that the names of the database, its WAL and its shared memory lead to.
///
/// A file that is removed, moved or replaced while it is open goes on taking writes, and keeps them from everybody.
/// Whoever asks lost() after a commit and before saying that it is durable never says so of such a file.
class Place {
public:
    /// Notes the database's own file; call it before the database is opened.
    explicit Place(const std::string& database);
    /// Notes the two files that SQLite keeps beside it; call it once the database has been written to.
    void note_rest();

    /// What is no longer as it was noted, as an error to stop with; empty: all is. Three calls of stat().
    [[nodiscard]] std::optional<Error> lost() const;

private:
    /// Device and inode; nothing where there is no file.
    using Identity = std::optional<std::pair<dev_t, ino_t>>;
    struct File {
        std::string path;
        Identity identity;
    };
    [[nodiscard]] static Identity identity_of(const std::string& path);

    std::vector<File> files_;  ///< the database first
};

}  // namespace strandline::net::tcp
