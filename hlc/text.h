#pragma once

#include <string>
#include <string_view>

#include <strandline/result.h>
#include <strandline/time.h>

/// Times as text, for logs, JSON and the command line: RFC 3339, UTC, never a locale or a time zone.
namespace strandline::hlc {

/// RFC 3339 with milliseconds, a dash, and the counter as four lower-case hex digits:
/// "2026-11-21T12:00:00.123Z-0004". Always 29 characters, and texts sort as the readings do.
/// A reading below zero, which no clock gives, reads as zero.
[[nodiscard]] std::string to_text(Hlc reading);
/// Exactly what to_text gives, and nothing else. Error (usage): the reason, in a sentence.
[[nodiscard]] Result<Hlc> from_text(std::string_view text);

/// "2026-11-21T12:00:00.123Z". A wall clock outside 1970 to kMillisecondsMax is clamped as in Clock::next.
[[nodiscard]] std::string to_rfc3339(WallMs wall);
/// With seconds or milliseconds, capital 'T' and 'Z', from 1970 on: "2026-11-21T12:00:00Z". Leap seconds
/// have no Unix time and are refused. Error (usage): the reason, in a sentence.
[[nodiscard]] Result<WallMs> from_rfc3339(std::string_view text);

}  // namespace strandline::hlc
