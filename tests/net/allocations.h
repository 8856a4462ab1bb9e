#pragma once

#include <cstddef>

namespace strandline::tests {

/// The largest piece of memory that the program asked for since somebody set this to zero.
extern std::size_t largest_allocation;

}  // namespace strandline::tests
