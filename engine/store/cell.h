#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/store/connection.h"

struct sqlite3_blob;

namespace strandline::engine::store {

/// The hash of a value that is not in memory whole: XXH3-64 of its bytes, seeded with its storage class, as 8 bytes,
/// little-endian. The first kDigestBytes of it are the value's digest.
class Hashing {
public:
    explicit Hashing(bool is_text);
    Hashing(const Hashing&) = delete;
    Hashing& operator=(const Hashing&) = delete;
    ~Hashing();
    void add(std::string_view bytes);
    [[nodiscard]] std::string hash() const;

private:
    void* state_;
};

/// The digest of the value with this hash.
[[nodiscard]] std::string digest_from(std::string_view hash);

/// One TEXT or BLOB of a table with rowids, open to be read or overwritten in parts: SQLite then never has it whole in
/// memory. Only inside a transaction or snapshot.
class OpenCell {
public:
    enum class For { reading, writing };
    /// Throws StorageError, here and in reading and writing; also when the cell holds neither, or, for writing, when an index has the column.
    OpenCell(Connection& connection, const std::string& table, const std::string& column, std::int64_t rowid,
             For purpose);
    OpenCell(const OpenCell&) = delete;
    OpenCell& operator=(const OpenCell&) = delete;
    ~OpenCell();

    [[nodiscard]] std::uint64_t bytes() const;
    /// `count` bytes from `offset` on; there are as many.
    [[nodiscard]] std::string read(std::uint64_t offset, std::size_t count) const;
    void write(std::uint64_t offset, std::string_view bytes);

private:
    Connection& connection_;
    sqlite3_blob* handle_ = nullptr;
};

/// So many zero bytes, at most message::kLargeValueBytesMax, that take no memory as long as they are only read: what a
/// row is inserted with, before its large values are written over them.
[[nodiscard]] std::string_view zeros(std::uint64_t count);

/// While it lives, SQLite keeps few pages: a row that is in memory whole takes enough of it.
class SmallCache {
public:
    explicit SmallCache(Connection& connection);
    SmallCache(const SmallCache&) = delete;
    SmallCache& operator=(const SmallCache&) = delete;
    ~SmallCache();

private:
    Connection& connection_;
    std::int64_t before_;
};

/// While it lives, statements fail that would have a longer value than this in memory.
class LengthLimit {
public:
    LengthLimit(Connection& connection, std::size_t bytes);
    LengthLimit(const LengthLimit&) = delete;
    LengthLimit& operator=(const LengthLimit&) = delete;
    ~LengthLimit();
    /// Whether an error came of it.
    [[nodiscard]] static bool is_reached(const StorageError& error);

private:
    sqlite3* database_;
    int before_;
};

}  // namespace strandline::engine::store
