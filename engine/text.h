#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <strandline/result.h>
#include <strandline/value.h>

namespace strandline::engine {

/// Text for people that came from, or goes to, another device: on one line, without control characters, and of
/// at most `bytes_max` bytes. What is cut ends in whole UTF-8 characters.
[[nodiscard]] std::string plain(std::string text, std::size_t bytes_max);

/// Error (usage): a device cannot be called that.
[[nodiscard]] Result<void> check_name(const std::string& name);

/// 1 row, 2 rows.
[[nodiscard]] std::string rows_text(std::int64_t rows);

/// A value as people read it, as an SQL literal in one short line: 7, 'text', x'00ff'.
[[nodiscard]] std::string shown(const Value& value);
/// A key as people read it, in one short line: 7, 'text', x'00ff'.
[[nodiscard]] std::string shown(const Values& key);

}  // namespace strandline::engine
