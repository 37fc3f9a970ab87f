// SPDX-License-Identifier: Apache-2.0
// The arithmetic of one pixel and of one step of alignment. The kernels that run it stand in alignment.cu.
//
// The method is that of vision/registration/refinement.h: the step composes on the fixed side, the linearisation takes
// the mean of both images' gradients, robust weights, gain and bias in the same normal equations, Levenberg's damping.
#pragma once
#include <lumigrad/cuda/launch.h>
#include <lumigrad/engine/device/alignment.h>
#include <lumigrad/engine/planar_motion.h>
#include <lumigrad/engine/robust.h>
#include <limits>

namespace lumigrad::cuda {

using device::AlignmentCall;
using device::AlignmentEnding;
using device::AlignmentLevel;
using device::AlignmentState;

LUMIGRAD_HD int smaller(int a, int b) { return a < b ? a : b; }
LUMIGRAD_HD int larger(int a, int b) { return a > b ? a : b; }
LUMIGRAD_HD float not_counted() { return std::numeric_limits<float>::quiet_NaN(); }

/// Bilinear; NaN where one of the four pixels is missing or does not count.
LUMIGRAD_INLINE float read_between(const float* image, int height, int width, float x, float y) {
  if (!(x >= 0 && x <= static_cast<float>(width - 1) && y >= 0 && y <= static_cast<float>(height - 1)))
    return not_counted();
  const int left = smaller(static_cast<int>(x), width - 2 < 0 ? 0 : width - 2),
            top = smaller(static_cast<int>(y), height - 2 < 0 ? 0 : height - 2);
  const int right = smaller(left + 1, width - 1), bottom = smaller(top + 1, height - 1);
  const float tx = x - static_cast<float>(left), ty = y - static_cast<float>(top);
  const float *above = image + static_cast<std::int64_t>(top) * width,
              *below = image + static_cast<std::int64_t>(bottom) * width;
  const float a = fma(tx, above[right] - above[left], above[left]),
              b = fma(tx, below[right] - below[left], below[left]);
  return fma(ty, b - a, a);
}

/// rho and its weight at t = (r / scale)^2 (engine/robust.h).
struct Robustness {
  float rho, weight;
};
LUMIGRAD_INLINE Robustness robustness(Robust loss, float t) {
  switch (loss) {
    case Robust::huber: {
      const float root = sqrt(t);
      return t <= 1 ? Robustness{t, 1} : Robustness{2 * root - 1, 1 / root};
    }
    case Robust::charbonnier: {
      const float root = sqrt(1 + t);
      return {2 * (root - 1), 1 / root};
    }
    case Robust::tukey: {
      const float rest = t < 1 ? 1 - t : 0.0f;
      return {(1 - rest * rest * rest) / 3, rest * rest};
    }
    case Robust::geman_mcclure: {
      const float inverse = 1 / (1 + t);
      return {t * inverse, inverse * inverse};
    }
    default:
      return {t, 1};
  }
}

/// The moving position of a fixed pixel under the motion that is tried.
struct Position {
  float x, y;
};
LUMIGRAD_INLINE Position position_of(const AlignmentState& s, const AlignmentLevel& l, int x, int y) {
  const float unit = 2.0f / static_cast<float>(larger(l.width, l.height));
  const float u = (static_cast<float>(x) - 0.5f * static_cast<float>(l.width - 1)) * unit,
              v = (static_cast<float>(y) - 0.5f * static_cast<float>(l.height - 1)) * unit;
  const float *m = s.pass, w = fma(m[6], u, fma(m[7], v, m[8])), inverse = 1 / w;
  return {fma(fma(m[0], u, fma(m[1], v, m[2])), inverse, 0.5f * static_cast<float>(l.moving_width - 1)),
          fma(fma(m[3], u, fma(m[4], v, m[5])), inverse, 0.5f * static_cast<float>(l.moving_height - 1))};
}

// Planar maps as nine doubles, row-major.
LUMIGRAD_INLINE void product(const double* a, const double* b, double* c) {
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) c[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
}

/// A motion of full size on a level: positions there are 2^-k x - (1 - 2^-k) / 2 (pixel centres at whole numbers).
LUMIGRAD_INLINE void on_level(const double* map, double shrink, double* result) {
  const double shift = 0.5 * (shrink - 1), grow = 1 / shrink, back = 0.5 * (grow - 1);
  const double down[9] = {shrink, 0, shift, 0, shrink, shift, 0, 0, 1}, up[9] = {grow, 0, back, 0, grow, back, 0, 0, 1};
  double half[9];
  product(down, map, half);
  product(half, up, result);
}

/// Writes what the pass needs of the motion that is tried: relative to the middles of both images, where floats keep
/// all their bits.
LUMIGRAD_INLINE void prepare_pass(AlignmentState& s, const AlignmentLevel& l, double shrink) {
  double map[9], local[9];
  on_level(s.trial, shrink, map);
  const double unit = 2.0 / larger(l.width, l.height), grow = 1 / unit;
  const double from[9] = {grow, 0, 0.5 * (l.width - 1), 0, grow, 0.5 * (l.height - 1), 0, 0, 1};
  const double to[9] = {1, 0, -0.5 * (l.moving_width - 1), 0, 1, -0.5 * (l.moving_height - 1), 0, 0, 1};
  double half[9];
  product(to, map, half);
  product(half, from, local);
  for (int k = 0; k < 9; ++k) s.pass[k] = static_cast<float>(local[k] / local[8]);
  s.pass_gain = static_cast<float>(s.trial_gain);
  s.pass_bias = static_cast<float>(s.trial_bias);
  s.pass_inverse_scale = static_cast<float>(1 / s.scale);
}

/// The pass looks at what was accepted.
LUMIGRAD_INLINE void try_accepted(AlignmentState& s, const AlignmentLevel& l, double shrink) {
  for (int k = 0; k < 9; ++k) s.trial[k] = s.map[k];
  s.trial_gain = s.gain, s.trial_bias = s.bias;
  prepare_pass(s, l, shrink);
}

/// The two images of a pair.
struct PairOfImages {
  const float *fixed, *moving;
};
LUMIGRAD_INLINE PairOfImages images_of(const AlignmentLevel& l, std::int64_t pair) {
  return {l.fixed + pair * l.height * l.width, l.moving + pair * l.moving_height * l.moving_width};
}

/// trial = map composed with a step in the centred frame of the level.
LUMIGRAD_INLINE void compose(AlignmentState& s, const AlignmentCall& call, const AlignmentLevel& l, double shrink,
                             const double* step) {
  double p[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  if (call.rotates) {
    const double c = std::cos(step[2]), d = std::sin(step[2]);
    const double turned[9] = {c, -d, step[0], d, c, step[1], 0, 0, 1};
    for (int k = 0; k < 9; ++k) p[k] = turned[k];
  } else {
    for (int k = 0; k < call.unknowns; ++k)
      for (int i = 0; i < 8; ++i) p[i] += call.directions[k][i] * step[k];
  }
  const double unit = 2.0 / larger(l.width, l.height), grow = 1 / unit;
  const double cx = 0.5 * (l.width - 1), cy = 0.5 * (l.height - 1);
  const double frame[9] = {unit, 0, -cx * unit, 0, unit, -cy * unit, 0, 0, 1},
               back[9] = {grow, 0, cx, 0, grow, cy, 0, 0, 1};
  double a[9], change[9], full[9];
  product(p, frame, a);
  product(back, a, change);            // of the level's fixed pixels
  on_level(change, 1 / shrink, full);  // of full size
  product(s.map, full, a);
  for (int k = 0; k < 9; ++k) s.trial[k] = a[k] / a[8];
}

}  // namespace lumigrad::cuda
