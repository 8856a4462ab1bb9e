#pragma once

#include <string>
#include <vector>

/// Which bug is armed, for the program that plants them; planted.h asks.
namespace strandline::planted {

struct Name {
    const char* name;   ///< as the command line says it
    const char* means;  ///< what goes wrong, for people
};
[[nodiscard]] std::vector<Name> names();
/// One at a time, for the whole process; before anything else runs. False: there is no bug of that name.
[[nodiscard]] bool plant(const std::string& name);

}  // namespace strandline::planted
