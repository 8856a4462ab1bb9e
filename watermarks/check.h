#pragma once

namespace strandline::watermarks {

/// Always on: when `holds` is false, we are wrong ourselves. Says the sentence on stderr and stops the
/// program, because going on could claim what is not held.
void check(bool holds, const char* sentence);

}  // namespace strandline::watermarks
