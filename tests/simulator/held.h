#pragma once

#include <initializer_list>
#include <utility>
#include <vector>

#include "simulator/watermarks.h"

namespace strandline::simulator {

/// Watermarks by full ids.
inline Vector held(std::initializer_list<std::pair<OriginId, Hlc>> all) {
    std::vector<Vector::Entry> entries;
    for (const auto& [origin, hlc] : all) entries.emplace_back(number_of(origin), hlc);
    return Vector(std::move(entries));
}

}  // namespace strandline::simulator
