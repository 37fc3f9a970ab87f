// SPDX-License-Identifier: Apache-2.0
// Registration across the seam: many pairs through a whole pyramid in one sequence of launches.
#pragma once
#include <lumigrad/engine/device/array.h>

namespace lumigrad::device {

inline constexpr int most_levels = 12;
/// Sums of one pass: the upper triangle of the normal equations of ten unknowns row by row (55), their right side (10),
/// loss, pixels (engine/cpu/normal_equations.h says what they are), and a zero that makes them a multiple of four.
inline constexpr int alignment_sums = 68, gradient_at = 55, loss_at = 65, pixels_at = 66;

/// How the refinement of a pair ended; `running` until it has.
enum class AlignmentEnding : std::int32_t { running, settled, out_of_iterations, stuck, low_overlap, flat };

/// What is known of one pair; what was accepted, and what is tried. Motions map fixed to moving pixels of full size.
struct AlignmentState {
  double map[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, gain = 1, bias = 0;
  double trial[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, trial_gain = 1, trial_bias = 0;
  double equations[alignment_sums] = {};  ///< at `map`, or at the point before its last step
  double step[10] = {};                   ///< from `map` to `trial`, in the ten unknowns
  double scale = 1;                       ///< of the robust function
  double damping = 0, shortness = 0, last_move = 0, previous_move = 0;
  double correlation = 0, overlap = 0,
         inliers = 0;  ///< pooled correlation of cells of 8x8 pixels under `map`, at the end
  std::int32_t iterations = 0, rescaled = 0, on_level = 0;
  std::int32_t fresh = 1, comparable = 1;
  AlignmentEnding ending = AlignmentEnding::running;
  float pass[9] = {}, pass_gain = 1, pass_bias = 0, pass_inverse_scale = 1;  ///< `trial` on the level at hand
};

/// Two images of one level, f32 [N, h, w], dense. A NaN pixel does not count.
struct AlignmentLevel {
  const float* fixed = nullptr;
  const float* moving = nullptr;
  std::int32_t height = 0, width = 0, moving_height = 0, moving_width = 0;
};

struct AlignmentCall {
  std::int32_t pairs = 0, levels = 0;
  AlignmentLevel level[most_levels];  ///< coarse to fine, each of twice the size of the one before
  std::int32_t unknowns = 8;
  double directions[8][8] = {};  ///< row k: what unknown k moves of the eight entries of a step
  bool rotates = false;          ///< the third unknown is an angle (rigid motion)
  std::int32_t loss = 0;         ///< of enum Robust
  bool gain_bias = true;
  std::int32_t coarse_iterations = 8, iterations = 20;  ///< on the levels before the last, on the last
  double tolerance = 3e-3;                              ///< of the last level, px
  double width = 3;                                     ///< of the robust function, in deviations
  double start[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};        ///< of all pairs
  AlignmentState* states = nullptr;                     ///< [pairs], on the device
};

struct AlignmentTable {
  /// The mean of every 2x2 pixels: [images, height, width] to [images, height / 2, width / 2].
  Status (*halve)(Place place, const float* from, float* to, std::int64_t images, std::int64_t height,
                  std::int64_t width);
  Status (*align)(Place place, const AlignmentCall* call);
};

}  // namespace lumigrad::device
