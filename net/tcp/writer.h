#pragma once

#include <string>

namespace strandline::net::tcp {

/// Which process holds the write lock of a database just now, for a sentence: "process 4711 (python3)". Where the
/// kernel does not tell: "another process". Reads what the kernel lists; opens none of the database's files, since
/// closing one would drop the locks that SQLite has on it in this process.
[[nodiscard]] std::string writer_of(const std::string& database);

}  // namespace strandline::net::tcp
