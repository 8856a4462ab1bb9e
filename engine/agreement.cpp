#include "engine/agreement.h"

#include <algorithm>

#include "engine/text.h"

namespace strandline::engine {

using message::KeyColumn;

namespace {

/// Names of one column that a message says; nobody renames one more often between two roll-outs.
constexpr std::size_t kNamesMax = 16;

/// What a sentence shows of a key that a peer describes.
constexpr std::size_t kShownKeyBytesMax = 200;

/// Asked for every table with every message, so it makes no words of our own key.
bool is_same_column(const store::KeyColumn& own, const KeyColumn& said) {
    const auto is_said = [&](const std::string& name) {
        return std::ranges::any_of(said.names,
                                   [&](const std::string& other) { return store::same_name(name, other); });
    };
    const std::size_t old_names = std::min(own.old_names.size(), kNamesMax - 1);
    return said.type == name_of(own.affinity) && said.collation == name_of(own.collation) &&
           (is_said(own.name) ||
            std::any_of(own.old_names.begin(), own.old_names.begin() + static_cast<std::ptrdiff_t>(old_names),
                        is_said));
}

std::string shown(const std::vector<KeyColumn>& key) {
    std::string out;
    for (const KeyColumn& column : key) {
        out += (out.empty() ? "" : ", ") + (column.names.empty() ? std::string() : column.names.front()) +
               " " + column.type + (column.collation == "BINARY" ? "" : " COLLATE " + column.collation);
    }
    return "(" + plain(out, kShownKeyBytesMax) + ")";
}

}  // namespace

std::vector<KeyColumn> key_in_words(const std::vector<store::KeyColumn>& key) {
    std::vector<KeyColumn> words;
    for (const store::KeyColumn& column : key) {
        std::vector<std::string> names{column.name};
        names.insert(names.end(), column.old_names.begin(), column.old_names.end());
        if (names.size() > kNamesMax) names.resize(kNamesMax);
        words.push_back({name_of(column.affinity), name_of(column.collation), std::move(names)});
    }
    return words;
}

std::string disagreement(const store::Resource& ours, Ownership ownership,
                         const std::vector<KeyColumn>& key) {
    const auto as = [](Ownership whose) { return whose == Ownership::shared ? "shared" : "device-owned"; };
    if (ours.ownership != ownership) {
        return std::string("it is ") + as(ours.ownership) + " here and " + as(ownership) +
               " there, so it is not exchanged; untrack it on one of the two, and track it again as the "
               "other does";
    }
    if (key.empty() || std::ranges::equal(ours.key, key, is_same_column)) return {};
    return "its key is " + shown(key_in_words(ours.key)) + " here and " + shown(key) +
           " there, so what is one row to one device may be two to the other, and it is not exchanged; make "
           "the table again, with the same key, on one of the two";
}

}  // namespace strandline::engine
