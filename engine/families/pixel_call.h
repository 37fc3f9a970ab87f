// SPDX-License-Identifier: Apache-2.0
// One call of a compiled formula: understood (Plan), then run forward, back, or back of back over lanes. No tape here;
// pixel.cpp and reduce.cpp put these on it.
#pragma once
#include <lumigrad/engine/families/lanes.h>
#include <lumigrad/engine/inline_vector.h>

namespace lumigrad {

using TensorList = InlineVector<Tensor, 4>;

/// A call, understood: the domain, and whether parameters vary from image to image (domain.images > 1).
struct PixelPlan {
  const char* name;
  const PixelKernels* kernels;
  Lanes lanes;
  DType dtype;  // of the arithmetic
  Domain domain;
  Shape result;  // of the operator
  Device device = {};
};

/// Checks shapes and dtypes; errors name `name`.
PixelPlan plan_pixel(const char* name, const PixelKernels& kernels, Lanes lanes, std::span<const Tensor> inputs,
                     std::span<const Tensor> params);
/// The dtype a call computes in: that of its strong inputs.
DType pixel_dtype(const char* name, Lanes lanes, std::span<const Tensor> inputs);

/// Most calls on a tape of scalars and small vectors: elementwise, no parameters, one result, every tensor dense, of
/// one shape and dtype, and no longer than a chunk. They need no plan: the kernel takes the pointers as they are.
bool is_small(const PixelKernels& kernels, Lanes lanes, std::span<const Tensor> inputs, std::span<const Tensor> params);
Tensor small_forward(const PixelKernels& kernels, std::span<const Tensor> inputs);
void small_adjoint(const PixelKernels& kernels, std::span<const Tensor> inputs, const Tensor& w,
                   std::span<const bool> wants, std::span<Tensor> gradients);

/// a + b, written where a stands if nobody else holds it and the sum is not recorded.
Tensor add_onto(Tensor a, const Tensor& b);

/// y = f(x, p)
Tensor pixel_forward(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params);
/// Segment sums of the results: [segments][outputs]. Segments are the images of the domain.
std::vector<double> pixel_sums(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params);
/// Gradients of <y, w> for the inputs (in the shape of the domain) and parameters that are wanted.
void pixel_adjoint(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params,
                   const Tensor& w, std::span<const bool> wants, std::span<Tensor> gradients);
/// The adjoint of pixel_adjoint: u are cotangents of its gradients (undefined: zero); results for inputs, parameters
/// and, last, w.
void pixel_second(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params,
                  const Tensor& w, std::span<const Tensor> u, std::span<Tensor> gradients);

/// pixel_adjoint on the tape: recorded when the sweep is, summed to the shapes of the inputs. `wants(i)` of inputs then
/// parameters.
void pixel_gradients(const char* name, const PixelKernels& kernels, Lanes lanes, std::span<const Tensor> inputs,
                     std::span<const Tensor> params, const Tensor& w, std::span<const bool> wants,
                     std::span<Tensor> gradients, Here here);

}  // namespace lumigrad
