#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include <strandline/message.h>

#include "backfill/fingerprint.h"
#include "watermarks/range.h"

/// Finds what two devices hold differently of one resource, with few bytes: sums of ranges are compared, and those that
/// differ are cut into smaller ones, until the rows themselves are few enough to be listed (the way of Meyer, "Range-based
/// set reconciliation", 2022). Pure: what is held is asked of Held.
namespace strandline::backfill {

/// Parts that a differing range is cut into. Each costs a sum and a bound, some 15 bytes; eight of them find a row among a
/// million in six rounds.
constexpr std::size_t kParts = 8;
/// As many rows are listed as cost what cutting them once more would.
constexpr std::size_t kListedMax = 16;
/// Spans that one question asks about. The answer may say kParts times as many, and a step stays some tens of milliseconds.
constexpr std::size_t kSpansAskedMax = 64;

/// A row, as it is told to the other side.
struct HeldRow {
    std::string key;
    Fingerprint hash;
    bool is_settled =
        true;  ///< else it cannot be compared now: a part of it is held back, on its way, or lies somewhere else
};

/// What a device holds of one resource, as of one moment.
class Held {
public:
    virtual ~Held() = default;
    /// The sums of the spans that `bounds` cut the range into.
    [[nodiscard]] virtual std::vector<Fingerprint> sums(const watermarks::Range& range,
                                                        const std::vector<std::string>& bounds) = 0;
    /// Bounds that cut the range into at most `parts` of about as many rows each; none: it holds at most `few` rows.
    [[nodiscard]] virtual std::vector<std::string> cut(const watermarks::Range& range, std::size_t parts,
                                                       std::size_t few) = 0;
    [[nodiscard]] virtual std::vector<HeldRow> rows(const watermarks::Range& range) = 0;
};

/// A row's digest begins with this much of its key's.
constexpr std::size_t kKeyDigestBytes = 3;
[[nodiscard]] std::string key_digest(const std::string& key);

/// What follows from the other side's stretches.
struct Findings {
    std::vector<message::Stretch> stretches;  ///< to be said
    std::set<std::string> send;  ///< the keys of rows that the other side wants, or has otherwise
    std::size_t wanted = 0;      ///< rows that we want of it
};

/// The first question: everything as one.
[[nodiscard]] message::Stretch whole_of(Held& held);
/// The one that is asked says of spans with other sums what it has: sums of their parts, or their rows.
[[nodiscard]] Findings answer(const std::vector<message::Stretch>& question, Held& held);
/// The one that asks compares that with what it has, and asks on.
[[nodiscard]] Findings hear(const std::vector<message::Stretch>& answer, Held& held);
/// Cuts a stretch of sums off the list that holds at most so many spans.
[[nodiscard]] std::vector<message::Stretch> take_spans(std::vector<message::Stretch>& stretches,
                                                       std::size_t spans_max);

}  // namespace strandline::backfill
