#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <strandline/ids.h>
#include <strandline/time.h>
#include <strandline/value.h>

/// What people call the things that devices call by numbers: the same in every run, and short.
namespace strandline::tests::scenarios {

/// "1m30s" for so many milliseconds; "0" for none. A day has 24 hours and a year 365 days.
[[nodiscard]] std::string shown_span(std::int64_t ms);
/// The milliseconds of one number with its unit, perhaps with a sign: "2s", "-3y". Throws when it is not one.
[[nodiscard]] std::int64_t span_from(const std::string& text);

/// "1 row", "2 rows".
[[nodiscard]] std::string counted(std::uint64_t count, const std::string& thing);
/// As SQLite writes it; long texts and blobs by their beginning and their size.
[[nodiscard]] std::string shown(const Value& value);
/// An encoded key of one column.
[[nodiscard]] std::string shown_key(const std::string& key);
/// A row of text that is too long to read: its beginning.
[[nodiscard]] std::string shortened(const std::string& line);
[[nodiscard]] std::string joined(const std::vector<std::string>& parts, const std::string& between);

/// The names of devices, and of their lives: b, then b', b'', in the order in which they are first heard of.
class Names {
public:
    void add(const DeviceId& device, const std::string& name) { devices_[device] = name; }
    [[nodiscard]] const std::string& of(const DeviceId& device) const { return devices_.at(device); }
    [[nodiscard]] std::string of(const OriginId& origin);
    /// "b@2s": a write of b's, two seconds after the story's begin; ".1" behind it: the second in that millisecond.
    [[nodiscard]] std::string stamp(const OriginId& origin, Hlc hlc);
    /// The text with names instead of ids.
    [[nodiscard]] std::string told(std::string text) const;

private:
    std::map<DeviceId, std::string> devices_;
    std::map<DeviceId, std::vector<Incarnation>> lives_;
};

}  // namespace strandline::tests::scenarios
