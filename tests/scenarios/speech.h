#pragma once

#include <string>
#include <utility>
#include <vector>

#include <strandline/message.h>
#include <strandline/status.h>

#include "tests/scenarios/names.h"

/// Messages, coverage and events as lines for people. Nothing of a message is left out but its encoding; of
/// pages with many rows, and of long values, the middle.
namespace strandline::tests::scenarios {

/// The first line says what it is, the others are the rows of pages.
[[nodiscard]] std::vector<std::string> lines_of(const Message& message, Names& names);
[[nodiscard]] std::string line_of(const Event& event, Names& names);
[[nodiscard]] std::string line_of(const ResourceStatus& resource, Names& names);

}  // namespace strandline::tests::scenarios
