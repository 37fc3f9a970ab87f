// SPDX-License-Identifier: Apache-2.0
// What the formula benchmark compares, compiled once per instruction level (bench_formula_levels.cpp).
#pragma once
#include <lumigrad/engine/cpu/kernels.h>

namespace lumigrad::bench {

/// Moves `reads` lanes into `writes` lanes with almost no arithmetic: what memory allows.
using Stream = void (*)(const float* const* x, float* const* y, std::size_t n);

struct Level {
  PixelKernels gray, hsv, jitter;
  /// The adjoint of the jitter written by hand, with and without parameter gradients.
  void (*jitter_by_hand)(const float* const* x, const float* p, const float* const* w, float* const* gx, double* gp,
                         std::size_t n, unsigned flags);
  Stream stream_3_1, stream_1_3, stream_3_3, stream_6_3;
  Stream past_3_1, past_1_3, past_3_3, past_6_3;
};

extern const Level formula_baseline, formula_v3, formula_v4;

}  // namespace lumigrad::bench
