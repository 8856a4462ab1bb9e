#include "simulator/disk/check.h"

#include <cstdio>
#include <cstdlib>

namespace strandline::simulator::disk {

void check(bool holds, const char* sentence) {
    if (holds) return;
    std::fprintf(stderr, "strandline: %s\n", sentence);
    std::abort();
}

}  // namespace strandline::simulator::disk
