#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace strandline {

/// Bytes without an encoding; std::string would say text.
struct Blob {
    std::string bytes;
    friend bool operator==(const Blob&, const Blob&) = default;
};

/// One SQLite value, of exactly its storage class: NULL, INTEGER, REAL, TEXT, BLOB.
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;
using Values = std::vector<Value>;

}  // namespace strandline
