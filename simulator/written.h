#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "simulator/laws.h"
#include "simulator/model.h"

namespace strandline::simulator {

/// All changes that were ever written, laid out so that what a coverage holds of them can be counted: by table and
/// origin, in the order of their stamps.
///
/// Cost of a count: a binary search for each table and origin; a walk where a table has more than one piece.
/// Memory: a key and a stamp for each change, less than the model keeps for it.
class Written {
public:
    void add(const std::string& table, const std::string& key, const Stamp& stamp);
    [[nodiscard]] std::uint64_t count_in(const Coverage& coverage) const;

    /// The largest watermarks, by table: what at least one of several devices has.
    using Highest = std::map<std::string, Vector>;
    static void raise(Highest& highest, const Coverage& coverage);
    [[nodiscard]] std::uint64_t count_in(const Highest& highest) const;

private:
    using Change = std::pair<Hlc, std::string>;  ///< of one key
    using Changes = std::vector<Change>;
    [[nodiscard]] static Changes::const_iterator end_of(const Changes& changes, Hlc watermark);

    std::map<std::string, std::map<OriginId, Changes>> changes_;
};

}  // namespace strandline::simulator
