#pragma once

#include <string>
#include <vector>

#include <strandline/message.h>

#include "engine/store/resource.h"

namespace strandline::engine {

/// Two devices exchange a table when it is the same table to both: owned alike, and with keys that make
/// one row of the same values. Affinity ('1' or 1), collation ('a' or 'A') and the order of the columns decide
/// that; names tell the columns apart, and one that was renamed still answers to its old name.

/// A key as messages say it.
[[nodiscard]] std::vector<message::KeyColumn> key_in_words(const std::vector<store::KeyColumn>& key);

/// Why a table is not exchanged with a device that tracks it like this, as a sentence; empty: it is. No key: a
/// device that does not say what its keys are.
[[nodiscard]] std::string disagreement(const store::Resource& ours, Ownership ownership,
                                       const std::vector<message::KeyColumn>& key);

}  // namespace strandline::engine
