// SPDX-License-Identifier: Apache-2.0
// The pixel family: a formula applied at every element, or at every pixel across channels.
//
// This is the plainest way to move data. Every scalar argument of the formula is a *lane*; lane k of element i is read,
// the formula runs, and its results are written at element i:
//
//   for each element i:  y[0][i], ..., y[M-1][i] = f(x[0][i], ..., x[K-1][i]; p of i's image)
//
// What a lane is depends on how the operator is called:
//   pixel(f, {a, b})        elementwise: lane k is the k-th tensor, broadcast to a common shape
//   pixel_planes(f, {img})  over channels: lanes are the channel planes of [.., C, H, W] images, one image after
//   another
// Parameters p are numbers that stay the same over an image: each is one number, or one number an image ([N]).
//
// Because elements do not meet, the adjoint is the same loop with the transposed Jacobian of the formula,
//   gx[k][i] = sum_m w[m][i] dy_m/dx_k,     gp[k] = sum_i sum_m w[m][i] dy_m/dp_k,
// and its derivative is again a loop over elements. So the family is closed: pixel -> pixel (-> pixel).
// All three kernels come from the one formula (formula.h); nothing here knows what it computes.
#pragma once
#include <lumigrad/engine/cpu/kernels.h>
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

inline constexpr int max_lanes = 16;

/// How tensors are cut into lanes.
enum class Lanes { elements, planes };

/// One call of a compiled formula on the tape. inputs: f32 or f64 (one type; bare numbers adapt); with planes also u8
/// and u16 images, which stand for value / 255 and value / 65535. Results are new dense tensors: with elements, the
/// broadcast shape (and a last axis of M for a formula of M > 1 results); with planes, [.., M, H, W]. Gradients flow to
/// inputs and parameters, to second order. Throws ShapeError / DTypeError naming `name`.
LUMIGRAD_API Tensor pixel(const char* name, const PixelKernels& kernels, Lanes lanes, std::span<const Tensor> inputs,
                          std::span<const Tensor> params, Here here);

/// A formula applied element by element: `pixel(MyFormula{}, {x, y}, {gamma})`.
template <class F>
Tensor pixel(F formula, std::initializer_list<Tensor> inputs, std::initializer_list<Tensor> params = {},
             const char* name = "pixel", Here here = {}) {
  return pixel(name, kernels_of(formula), Lanes::elements, {inputs.begin(), inputs.size()},
               {params.begin(), params.size()}, here);
}
/// A formula applied at each pixel of [.., C, H, W] images, across their channels.
template <class F>
Tensor pixel_planes(F formula, std::initializer_list<Tensor> images, std::initializer_list<Tensor> params = {},
                    const char* name = "pixel", Here here = {}) {
  return pixel(name, kernels_of(formula), Lanes::planes, {images.begin(), images.size()},
               {params.begin(), params.size()}, here);
}

/// The textbook version, element by element in double precision: documentation and test oracle.
/// `lanes[k]` are the inputs, all of length n; returns the M results.
template <class V, class Call>
std::vector<std::vector<V>> pixel_reference(const std::vector<std::vector<V>>& lanes, std::size_t results, Call f) {
  const std::size_t n = lanes.empty() ? 0 : lanes[0].size();
  std::vector<std::vector<V>> y(results, std::vector<V>(n));
  std::vector<V> x(lanes.size());
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < lanes.size(); ++k) x[k] = lanes[k][i];
    const std::vector<V> at_i = f(x);
    for (std::size_t m = 0; m < results; ++m) y[m][i] = at_i[m];
  }
  return y;
}

}  // namespace lumigrad
