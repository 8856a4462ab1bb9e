#pragma once

namespace strandline::simulator::disk {

/// Always on: when `holds` is false, we are wrong ourselves. Says the sentence on stderr and stops the
/// program, because going on would prove nothing.
void check(bool holds, const char* sentence);

}  // namespace strandline::simulator::disk
