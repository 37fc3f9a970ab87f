// SPDX-License-Identifier: Apache-2.0
// The reduce family: many numbers become few.
//
//   y[s] = scale * sum over elements i of segment s of f(x[0][i], ..., x[K-1][i])
//
// A loss is a formula (the term) and this loop: |a - b| summed is the l1 loss, five moments summed are what correlation
// needs. The formula runs on a block of 1024 elements in the L1 cache and the block is added up right there, so a loss
// costs one read of its inputs and no temporary.
//
// y is linear in the terms, and every term of a segment has the same weight. So the adjoint spreads the cotangent of a
// segment over its elements and goes on with the adjoint of the pixel family,
//   gx[k][i] = scale * w[s(i)] * df/dx_k (x[.][i]):        reduce -> broadcast, pixel
// which is closed to second order. Order of addition: blocks of 1024 in the lanes of one vector, blocks in double one
// after the other, chunks of 16 blocks in order. It depends on the size of the problem alone.
#pragma once
#include <lumigrad/engine/families/pixel.h>

namespace lumigrad {

/// What is added up: everything, or each image (first axis of the domain) on its own.
enum class Segments { all, images };

/// Sums a formula of M results; see pixel() for lanes, inputs and params. Result: [M] or [N, M], without the last axis
/// when M is 1. An empty segment sums to 0.
LUMIGRAD_API Tensor reduce(const char* name, const PixelKernels& kernels, Lanes lanes, std::span<const Tensor> inputs,
                           std::span<const Tensor> params, Segments segments, double scale, Here here);
template <class F>
Tensor reduce(F formula, std::initializer_list<Tensor> inputs, std::initializer_list<Tensor> params = {},
              Segments segments = Segments::all, double scale = 1, const char* name = "reduce", Here here = {}) {
  return reduce(name, kernels_of(formula), Lanes::elements, {inputs.begin(), inputs.size()},
                {params.begin(), params.size()}, segments, scale, here);
}

/// The sum over some axes, times `scale`; `keep` leaves them with extent 1. f32 and f64. Gradient: w repeated.
LUMIGRAD_API Tensor sum(const Tensor& x, std::span<const int> axes, bool keep = false, Here here = {});
LUMIGRAD_API Tensor sum(const Tensor& x, std::initializer_list<int> axes, bool keep = false, Here here = {});
/// The sum of all elements, a scalar.
LUMIGRAD_API Tensor sum(const Tensor& x, Here here = {});
/// The mean over some axes, or of all elements. Throws ShapeError where there is nothing to average.
LUMIGRAD_API Tensor mean(const Tensor& x, std::span<const int> axes, bool keep = false, Here here = {});
LUMIGRAD_API Tensor mean(const Tensor& x, std::initializer_list<int> axes, bool keep = false, Here here = {});
LUMIGRAD_API Tensor mean(const Tensor& x, Here here = {});

/// The textbook version of reduce: terms added one by one in double.
template <class Term>
double reduce_reference(std::size_t n, const Term& term) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += term(i);
  return sum;
}

}  // namespace lumigrad
