#pragma once

#include <stdexcept>
#include <string>

namespace strandline::simulator {

/// A law of DESIGN section 9 does not hold: the run ends here, and this is what it found.
class LawBroken : public std::runtime_error {
public:
    LawBroken(int law, const std::string& sentence) : std::runtime_error(sentence), law_(law) {}
    [[nodiscard]] int law() const { return law_; }

private:
    int law_;
};

/// The simulated world itself is wrong: nothing that such a run says counts.
class WorldBroken : public std::logic_error {
    using std::logic_error::logic_error;
};

/// Always on.
inline void check(bool holds, const char* sentence) {
    if (!holds) throw WorldBroken(sentence);
}

}  // namespace strandline::simulator
