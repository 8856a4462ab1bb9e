#include "watermarks/check.h"

#include <cstdio>
#include <cstdlib>

namespace strandline::watermarks {

void check(bool holds, const char* sentence) {
    if (holds) return;
    std::fprintf(stderr, "strandline: %s\n", sentence);
    std::abort();
}

}  // namespace strandline::watermarks
