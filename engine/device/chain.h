// SPDX-License-Identifier: Apache-2.0
// Chains of pixel operators across the seam: one kernel that walks the numbers of formulas (cuda/chain.cu).
#pragma once
#include <lumigrad/engine/device/pixel.h>

namespace lumigrad::device {

inline constexpr int max_chain_steps = 16, max_chain_params = 64, max_chain_channels = 4;

/// A step: formula `code` on the channels that the step before left. The image skips it where its `gate` is 0.
struct ChainStep {
  std::int32_t code = 0;
  bool each = false;  ///< one input, one result: runs on every channel
  std::int32_t inputs = 0, outputs = 0;
  std::int32_t first = 0;  ///< its parameters in the list of all
  std::int32_t gate = -1;  ///< where its gate stands there; -1: there is none
};
struct ChainCall {
  PixelDomain domain;
  const PixelLane* lanes = nullptr;  ///< forward: x, y; vjp: x, w, gx
  const ChainStep* steps = nullptr;
  std::int32_t count = 0;  ///< of steps
  const PixelNumber* params = nullptr;
  std::int32_t params_count = 0;
  double* sums = nullptr;  ///< [images][chunks][params_count], or null; pixel_chunks of groups of one
};
struct ChainTable {
  /// The code of a formula of a list, or -1: then the steps run one after the other.
  std::int32_t (*code)(const char* list, std::int32_t number);
  // Both of f32.
  Status (*forward)(Place place, const ChainCall* call);
  Status (*vjp)(Place place, const ChainCall* call);
};

}  // namespace lumigrad::device
