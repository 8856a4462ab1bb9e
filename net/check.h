#pragma once

namespace strandline::net {

/// Always on: when `holds` is false, we are wrong ourselves. Says the sentence on stderr and stops the
/// program, because going on could send what nobody can read or use a key twice.
void check(bool holds, const char* sentence);

}  // namespace strandline::net
