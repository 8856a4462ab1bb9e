#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include <strandline/result.h>

#include "net/identity.h"
#include "net/secret.h"

namespace strandline::net {

/// Where the key file of a database is: beside the file itself, by whatever symbolic links that is named, as its WAL is.
/// A link that leads nowhere yet is followed to where SQLite would make the file. Threads: any.
[[nodiscard]] std::string key_path_of(const std::string& database);

/// The file beside the database that makes it a device's: its identity, and the count of openings that
/// tells a restored or copied database from the living one.
///
/// The file is text, three lines and nothing else, readable by its owner alone:
///
///     strandline key 1
///     seed 64 hex digits
///     opened N
///
/// Durable: create and set_opened return only when file and folder are on disk. A crash in between leaves
///          the old file or the new one.
/// Errors:  usage (a wrong path, a foreign or damaged file, wrong permissions), storage (the disk).
/// Threads: one at a time; reading alone from several.
class KeyFile {
public:
    /// A new device, from 32 bytes of chance. Error (usage): the file exists; it is left as it is.
    [[nodiscard]] static Result<KeyFile> create(const std::filesystem::path& path,
                                                std::span<const std::uint8_t, 32> chance);
    [[nodiscard]] static Result<KeyFile> load(const std::filesystem::path& path);

    [[nodiscard]] const Identity& identity() const { return identity_; }

    /// How often the database was opened, as the engine counts it; 0 in a new file.
    [[nodiscard]] std::uint64_t opened() const { return opened_; }
    [[nodiscard]] Result<void> set_opened(std::uint64_t count);

private:
    KeyFile(std::filesystem::path path, Secret<32> seed, std::uint64_t opened);

    std::filesystem::path path_;
    Secret<32> seed_;
    std::uint64_t opened_;
    Identity identity_;
};

}  // namespace strandline::net
