#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <strandline/ids.h>

#include "watermarks/coverage.h"

/// What to ask a peer for, and how a peer finds it: pure decisions, no state.
namespace strandline::backfill {

/// The ranges where `theirs` holds something that `mine` does not dominate, each with my vector there:
/// the body of a pull. First the ranges that were fetched before, because small deltas bring them level,
/// then those that were not (they name no origin but `self`); in key order both. Pieces that touch and
/// have equal vectors are one. Empty: this peer has nothing for us.
[[nodiscard]] std::vector<watermarks::Piece> lacking(const watermarks::Coverage& mine,
                                                     const watermarks::Coverage& theirs, Origin self);

/// Whether that coverage has more than `mine` everywhere in its range.
[[nodiscard]] bool has_more(const watermarks::Coverage& theirs, const watermarks::Piece& mine);

/// The pieces as far as none of the ranges holds them, in their order: what is asked of somebody else already is not
/// asked again.
[[nodiscard]] std::vector<watermarks::Piece> without(const std::vector<watermarks::Piece>& pieces,
                                                     const std::vector<watermarks::Range>& ranges);

/// An order in which parents come before their children, so that a row's parent is there first where that can be.
/// `parents[i]`: those that `i` refers to, by index. Those that refer to each other in a circle stand together; where
/// nothing decides, it stays as it was.
[[nodiscard]] std::vector<std::size_t> parents_first(const std::vector<std::vector<std::size_t>>& parents);

/// How to find what somebody lacks: by the index of recent changes, or by a scan in key order.
enum class Way { index, scan };

/// A row found by the index costs a search in two trees and breaks the reading order; a scanned row is
/// the next one on the page. Sorted against random work measured 1:3 for rows alone; with the second tree
/// and cold pages we take 1:8, where a wrong guess costs little either way.
constexpr std::uint64_t kScanShare = 8;
/// The changed keys are collected and sorted in memory before the first page: some 10 MiB at most.
constexpr std::uint64_t kIndexKeysMax = 100'000;

/// `changed_keys`: what the index says lies above the asker's vector. `rows`: what a scan of the asked
/// ranges would step over, deleted rows too.
[[nodiscard]] Way choose(std::uint64_t changed_keys, std::uint64_t rows);

}  // namespace strandline::backfill
