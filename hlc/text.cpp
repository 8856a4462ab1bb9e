#include "hlc/text.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "hlc/clock.h"

namespace strandline::hlc {

namespace {

constexpr std::size_t kSecondsLength = std::string_view("2026-11-21T12:00:00").size();
constexpr std::size_t kWallLength = kSecondsLength + std::string_view(".123Z").size();
constexpr std::size_t kTextLength = kWallLength + std::string_view("-0004").size();
constexpr std::size_t kQuotedMax =
    40;  // Enough to recognize a text; a file given by mistake stays out of the log.
constexpr std::int64_t kCounterMask = (std::int64_t{1} << kCounterBits) - 1;
constexpr std::string_view kDigits = "0123456789abcdef";

tl::unexpected<Error> bad_text(std::string_view text, const std::string& reason, std::string_view example) {
    return failure(Category::usage, "'" + std::string(text.substr(0, kQuotedMax)) + "' is not a time: " +
                                        reason + ". Write it like " + std::string(example) + ".");
}

tl::unexpected<Error> bad_wall(std::string_view text, const std::string& reason) {
    return bad_text(text, reason, "2026-11-21T12:00:00.123Z");
}

tl::unexpected<Error> bad_reading(std::string_view text, const std::string& reason) {
    return bad_text(text, reason, "2026-11-21T12:00:00.123Z-0004");
}

void append(std::string& out, std::uint64_t number, std::uint64_t base, std::size_t width) {
    out.append(width, '0');
    for (auto digit = out.rbegin(); width-- > 0; ++digit, number /= base) *digit = kDigits[number % base];
}

/// Exactly `width` digits of the base from `at` on, which must lie inside the text.
std::optional<std::int64_t> number_at(std::string_view text, std::size_t at, std::size_t width,
                                      std::int64_t base = 10) {
    std::int64_t number = 0;
    for (const char letter : text.substr(at, width)) {
        const auto digit = kDigits.substr(0, static_cast<std::size_t>(base)).find(letter);
        if (digit == std::string_view::npos) return std::nullopt;
        number = number * base + static_cast<std::int64_t>(digit);
    }
    return number;
}

/// Unix seconds at midnight of the day that "YYYY-MM-DD" names.
std::optional<std::int64_t> midnight(std::string_view text) {
    const auto year = number_at(text, 0, 4);
    const auto month = number_at(text, 5, 2);
    const auto day = number_at(text, 8, 2);
    if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    return std::chrono::seconds(std::chrono::sys_days(date).time_since_epoch()).count();
}

/// Seconds since midnight for "HH:MM:SS".
std::optional<std::int64_t> time_of_day(std::string_view text) {
    const auto hour = number_at(text, 0, 2);
    const auto minute = number_at(text, 3, 2);
    const auto second = number_at(text, 6, 2);
    if (!hour || !minute || !second || text[2] != ':' || text[5] != ':') return std::nullopt;
    if (*hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
    return (*hour * 60 + *minute) * 60 + *second;
}

}  // namespace

std::string to_rfc3339(WallMs wall) {
    using namespace std::chrono;
    const sys_time<milliseconds> moment{
        milliseconds(std::clamp<std::int64_t>(wall.value, 0, kMillisecondsMax))};
    const auto days = floor<std::chrono::days>(moment);
    const year_month_day date{days};
    const hh_mm_ss<milliseconds> time{moment - days};
    const auto put = [](std::string& out, auto number, std::size_t width, char after) {
        append(out, static_cast<std::uint64_t>(number), 10, width);
        out += after;
    };
    std::string text;
    text.reserve(kTextLength);
    put(text, static_cast<int>(date.year()), 4, '-');
    put(text, static_cast<unsigned>(date.month()), 2, '-');
    put(text, static_cast<unsigned>(date.day()), 2, 'T');
    put(text, time.hours().count(), 2, ':');
    put(text, time.minutes().count(), 2, ':');
    put(text, time.seconds().count(), 2, '.');
    put(text, time.subseconds().count(), 3, 'Z');
    return text;
}

Result<WallMs> from_rfc3339(std::string_view text) {
    const bool has_milliseconds = text.size() == kWallLength;
    if (!has_milliseconds && text.size() != kSecondsLength + 1) {
        return bad_wall(text, "it must have 20 characters, or 24 with milliseconds, and has " +
                                  std::to_string(text.size()));
    }
    if (text[10] != 'T' || text.back() != 'Z') {
        return bad_wall(text, "a 'T' must stand between date and time, and a 'Z', for UTC, at the end");
    }
    const auto day = midnight(text.substr(0, 10));
    if (!day) return bad_wall(text, "there is no such day");
    const auto time = time_of_day(text.substr(11, 8));
    if (!time) return bad_wall(text, "there is no such time of day; it ends at 23:59:59");
    std::int64_t milliseconds = (*day + *time) * 1000;
    if (has_milliseconds) {
        const auto part = number_at(text, kSecondsLength + 1, 3);
        if (!part || text[kSecondsLength] != '.')
            return bad_wall(text, "milliseconds are a dot and three digits");
        milliseconds += *part;
    }
    if (milliseconds < 0 || milliseconds > kMillisecondsMax) {
        return bad_wall(text, "clocks here run from 1970 to " + to_rfc3339({kMillisecondsMax}));
    }
    return WallMs{milliseconds};
}

std::string to_text(Hlc reading) {
    std::string text = to_rfc3339(wall_of(reading));
    text += '-';
    append(text, static_cast<std::uint64_t>(std::max<std::int64_t>(reading.value, 0) & kCounterMask), 16, 4);
    return text;
}

Result<Hlc> from_text(std::string_view text) {
    if (text.size() != kTextLength) {
        return bad_reading(text,
                           "a clock reading has 29 characters, and this has " + std::to_string(text.size()));
    }
    const auto counter = number_at(text, kWallLength + 1, 4, 16);
    if (!counter || text[kWallLength] != '-') {
        return bad_reading(text, "it must end with a dash and the counter, four lower-case hex digits");
    }
    const auto wall = from_rfc3339(text.substr(0, kWallLength));
    if (!wall) return tl::unexpected(wall.error());
    return Hlc{wall->value << kCounterBits | *counter};
}

}  // namespace strandline::hlc
