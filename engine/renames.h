#pragma once

#include <vector>

#include "engine/store/store.h"

namespace strandline::engine {

/// A renamed column takes over what waits in quarantine under its new name, which a peer that renamed it
/// earlier has used: of the values under the two names the one with the larger stamp stays, and so does its stamp.
/// What waits under the old name goes by the new one. Inside a transaction.
void take_over(store::Store& store, const store::Resource& resource,
               const std::vector<store::Renamed>& renamed);

}  // namespace strandline::engine
