#include "backfill/reconciler.h"

#include <algorithm>
#include <optional>

namespace strandline::backfill {

using message::Stretch;
using watermarks::Range;

namespace {

using Form = Stretch::Form;

/// Digests lie one behind the other.
std::set<std::string> digests_in(const std::string& bytes) {
    std::set<std::string> digests;
    for (std::size_t i = 0; i + kShortDigestBytes <= bytes.size(); i += kShortDigestBytes)
        digests.insert(bytes.substr(i, kShortDigestBytes));
    return digests;
}

std::string digest_of_key(const std::string& key) {
    return Fingerprint::of(key).bytes(kShortDigestBytes);
}

std::string digest_of(const HeldRow& row) {
    return key_digest(row.key) + row.hash.bytes(kShortDigestBytes - kKeyDigestBytes);
}

Stretch sums_of(const Range& range, std::vector<std::string> bounds, Held& held) {
    Stretch stretch{Form::sums, {range.low, range.high}, std::move(bounds), {}, {}};
    for (const Fingerprint& sum : held.sums(range, stretch.bounds)) stretch.digests += sum.bytes();
    return stretch;
}

Stretch listed(const Range& range, Held& held) {
    Stretch stretch{Form::listed, {range.low, range.high}, {}, {}, {}};
    for (const HeldRow& row : held.rows(range)) {
        if (row.is_settled) {
            stretch.digests += digest_of(row);
        } else {
            stretch.unsettled += digest_of_key(row.key);
        }
    }
    return stretch;
}

/// The spans whose sums are others here.
std::vector<Range> differing(const Stretch& theirs, Held& held) {
    const Range range{theirs.range.low, theirs.range.high};
    std::vector<Range> spans;
    const auto ours = held.sums(range, theirs.bounds);
    for (std::size_t i = 0; i < ours.size(); ++i) {
        if (ours[i].bytes() == theirs.digests.substr(i * kLongDigestBytes, kLongDigestBytes)) continue;
        spans.push_back({i == 0 ? range.low : theirs.bounds[i - 1],
                         i < theirs.bounds.size() ? std::optional(theirs.bounds[i]) : range.high});
    }
    return spans;
}

/// What only we have, or have otherwise, is sent; what only they have is asked for. The join decides.
void compare_rows(const Stretch& theirs, Held& held, Findings& findings) {
    std::set<std::string> only_theirs = digests_in(theirs.digests);
    const auto unsettled = digests_in(theirs.unsettled);
    for (const HeldRow& row : held.rows({theirs.range.low, theirs.range.high})) {
        const bool is_same = only_theirs.erase(digest_of(row)) > 0;
        if (!row.is_settled) {
            const std::string of_key = key_digest(row.key);
            std::erase_if(only_theirs, [&](const std::string& digest) { return digest.starts_with(of_key); });
        } else if (!is_same && !unsettled.contains(digest_of_key(row.key))) {
            findings.send.insert(row.key);
        }
    }
    if (only_theirs.empty()) return;
    Stretch wanted{Form::wanted, theirs.range, {}, {}, {}};
    for (const std::string& digest : only_theirs) wanted.digests += digest;
    findings.wanted += only_theirs.size();
    findings.stretches.push_back(std::move(wanted));
}

void give_rows(const Stretch& theirs, Held& held, Findings& findings) {
    const auto wanted = digests_in(theirs.digests);
    for (HeldRow& row : held.rows({theirs.range.low, theirs.range.high})) {
        if (wanted.empty() || wanted.contains(digest_of(row))) findings.send.insert(std::move(row.key));
    }
}

}  // namespace

std::string key_digest(const std::string& key) {
    return Fingerprint::of(key).bytes(kKeyDigestBytes);
}

Stretch whole_of(Held& held) {
    return sums_of({"", std::nullopt}, {}, held);
}

Findings answer(const std::vector<Stretch>& question, Held& held) {
    Findings findings;
    for (const Stretch& stretch : question) {
        if (stretch.form == Form::wanted) give_rows(stretch, held, findings);
        if (stretch.form != Form::sums) continue;
        for (const Range& span : differing(stretch, held)) {
            auto bounds = held.cut(span, kParts, kListedMax);
            findings.stretches.push_back(bounds.empty() ? listed(span, held)
                                                        : sums_of(span, std::move(bounds), held));
        }
    }
    return findings;
}

Findings hear(const std::vector<Stretch>& answer, Held& held) {
    Findings findings;
    for (const Stretch& stretch : answer) {
        if (stretch.form == Form::listed) compare_rows(stretch, held, findings);
        if (stretch.form != Form::sums) continue;
        for (const Range& span : differing(stretch, held))
            findings.stretches.push_back(sums_of(span, held.cut(span, kParts, kListedMax), held));
    }
    return findings;
}

std::vector<Stretch> take_spans(std::vector<Stretch>& stretches, std::size_t spans_max) {
    std::size_t spans = 0;
    const auto end = std::ranges::find_if(stretches, [&](const Stretch& stretch) {
        spans += stretch.bounds.size() + 1;
        return spans > spans_max;
    });
    const auto first = stretches.empty() ? end : std::max(end, stretches.begin() + 1);
    std::vector<Stretch> taken(std::make_move_iterator(stretches.begin()), std::make_move_iterator(first));
    stretches.erase(stretches.begin(), first);
    return taken;
}

}  // namespace strandline::backfill
