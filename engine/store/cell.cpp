#include "engine/store/cell.h"

#include <malloc.h>
#include <sqlite3.h>
#include <sys/mman.h>

#include <cstring>
#include <new>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <strandline/message.h>

#include "engine/limits.h"

namespace strandline::engine::store {
namespace {

/// What seeds the hash of a value: one more than the index of its alternative in a Value.
constexpr std::uint64_t kTextSeed = 4;
constexpr std::uint64_t kBlobSeed = 5;

[[noreturn]] void fail(sqlite3* database) {
    throw StorageError(sqlite3_extended_errcode(database), sqlite3_errmsg(database));
}

}  // namespace

Hashing::Hashing(bool is_text) : state_(XXH3_createState()) {
    if (state_ == nullptr) throw std::bad_alloc();
    XXH3_64bits_reset_withSeed(static_cast<XXH3_state_t*>(state_), is_text ? kTextSeed : kBlobSeed);
}

Hashing::~Hashing() {
    XXH3_freeState(static_cast<XXH3_state_t*>(state_));
}

void Hashing::add(std::string_view bytes) {
    XXH3_64bits_update(static_cast<XXH3_state_t*>(state_), bytes.data(), bytes.size());
}

std::string Hashing::hash() const {
    std::uint64_t hash = XXH3_64bits_digest(static_cast<const XXH3_state_t*>(state_));
    std::string bytes;
    for (; bytes.size() < message::kLargeHashBytes; hash >>= 8U) bytes += static_cast<char>(hash & 0xffU);
    return bytes;
}

std::string digest_from(std::string_view hash) {
    std::string digest(hash.substr(0, kDigestBytes));
    if (digest.find_first_not_of('\0') == std::string::npos) digest.front() = 1;
    return digest;
}

OpenCell::OpenCell(Connection& connection, const std::string& table, const std::string& column,
                   std::int64_t rowid, For purpose)
    : connection_(connection) {
    const int code = sqlite3_blob_open(connection_.raw(), "main", table.c_str(), column.c_str(), rowid,
                                       purpose == For::writing ? 1 : 0, &handle_);
    if (code != SQLITE_OK) fail(connection_.raw());
}

OpenCell::~OpenCell() {
    sqlite3_blob_close(handle_);
}

std::uint64_t OpenCell::bytes() const {
    return static_cast<std::uint64_t>(sqlite3_blob_bytes(handle_));
}

std::string OpenCell::read(std::uint64_t offset, std::size_t count) const {
    connection_.stop_if_asked();
    std::string bytes(count, '\0');
    const int code =
        sqlite3_blob_read(handle_, bytes.data(), static_cast<int>(count), static_cast<int>(offset));
    if (code != SQLITE_OK) fail(connection_.raw());
    return bytes;
}

void OpenCell::write(std::uint64_t offset, std::string_view bytes) {
    connection_.stop_if_asked();
    const int code =
        sqlite3_blob_write(handle_, bytes.data(), static_cast<int>(bytes.size()), static_cast<int>(offset));
    if (code != SQLITE_OK) fail(connection_.raw());
}

std::string_view zeros(std::uint64_t count) {
    // Pages that nobody has written to are all the kernel's one page of zeros.
    static const char* const pages_of_zeros = [] {
        void* pages = mmap(nullptr, message::kLargeValueBytesMax, PROT_READ,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (pages == MAP_FAILED) throw std::bad_alloc();
        return static_cast<const char*>(pages);
    }();
    return {pages_of_zeros, static_cast<std::size_t>(count)};
}

SmallCache::SmallCache(Connection& connection)
    : connection_(connection), before_(connection.ask_integer("PRAGMA cache_size")) {
    connection.execute("PRAGMA cache_size = -2048");
    malloc_trim(0);  // What SQLite has let go of is the system's again.
}

SmallCache::~SmallCache() {
    const std::string back = "PRAGMA cache_size = " + std::to_string(before_);
    sqlite3_exec(connection_.raw(), back.c_str(), nullptr, nullptr, nullptr);
}

LengthLimit::LengthLimit(Connection& connection, std::size_t bytes)
    : database_(connection.raw()),
      before_(sqlite3_limit(database_, SQLITE_LIMIT_LENGTH, static_cast<int>(bytes))) {}

LengthLimit::~LengthLimit() {
    sqlite3_limit(database_, SQLITE_LIMIT_LENGTH, before_);
}

bool LengthLimit::is_reached(const StorageError& error) {
    return (error.code() & 0xff) == SQLITE_TOOBIG;
}

}  // namespace strandline::engine::store
