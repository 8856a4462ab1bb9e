#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <strandline/value.h>

namespace strandline::engine {

/// How SQLite compares one column of a key. Others are refused by track().
enum class Collation { binary, nocase, rtrim };

[[nodiscard]] const char* name_of(Collation collation);

/// Encodes a primary key so that
///   - two keys have equal bytes exactly when SQLite holds them to be the same key, and
///   - byte order is one total order on every device, SQLite's own for keys of one type.
///
/// One component after another: a tag, then the value (docs/schema.md has the table). Integers take
/// as many bytes as they need; 1 and 1.0 are one number; text is folded as its collation says. In
/// all but the last component zero bytes of text and blobs are escaped.
[[nodiscard]] std::string encode_key(const Values& values, const std::vector<Collation>& collations);

/// The canonical values of an encoded key; empty when the bytes are not a key of `count` components.
[[nodiscard]] Values decode_key(std::string_view key, std::size_t count);

}  // namespace strandline::engine
