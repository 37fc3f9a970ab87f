// SPDX-License-Identifier: Apache-2.0
// Which instruction level this process computes with, and why.
#pragma once
#include <lumigrad/engine/cpu/kernels.h>
#include <lumigrad/engine/error.h>

#include <string>

namespace lumigrad {

/// "baseline", "v3" or "v4".
LUMIGRAD_API const char* name(Level level) noexcept;

/// Whether this processor can run code of a level.
LUMIGRAD_API bool available(Level level) noexcept;

/// A level and one sentence that says why it was taken.
struct LevelChoice {
  Level level;
  std::string reason;
};

/// The level for a request ("baseline", "v3", "v4", or null and "" for the best). A request that this processor cannot
/// run falls to the best level below it, an unknown name to the best level there is; `reason` says so.
LUMIGRAD_API LevelChoice choose_level(const char* request);

/// The choice made for this process from LUMIGRAD_SIMD, fixed on first use; simd_level() is its level.
LUMIGRAD_API const LevelChoice& level_choice();

}  // namespace lumigrad
