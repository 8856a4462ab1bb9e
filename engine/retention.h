#pragma once

#include "engine/record.h"
#include "engine/store/store.h"
#include "watermarks/vector.h"

/// Forgetting deletions, by the rules of docs/model/pruning.py: never by time, and never so that a row comes back.
namespace strandline::engine {

/// What is left of a record where the deletions that `forgotten` covers are not known any more: of a deleted row nothing,
/// and a row that was inserted after one has no era.
[[nodiscard]] Record without_forgotten(Record record, const watermarks::Vector& forgotten);

/// Deletions that `vector` covers are forgotten in the range from now on. What is held there for its time and would lose
/// against one of them is let go of now: later nobody could tell.
void forget_within(store::Store& store, std::int64_t resource, const watermarks::Range& range,
                   const watermarks::Vector& vector);

/// Whether a resource has records of deletions that `vector` covers, or that were forgotten already.
[[nodiscard]] bool has_forgettable(store::Store& store, std::int64_t resource,
                                   const watermarks::Vector& vector);

/// All deletions of a resource that `vector` covers are forgotten from now on, if there are any.
void forget(store::Store& store, std::int64_t resource, const watermarks::Vector& vector);

/// Takes records of what was forgotten out of the database, at most `most`.
void sweep(store::Store& store, std::int64_t resource, std::size_t most);

}  // namespace strandline::engine
