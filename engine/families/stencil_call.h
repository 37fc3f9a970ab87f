// SPDX-License-Identifier: Apache-2.0
// One stencil outside the graph: from tensors to kernels and back. stencil.cpp puts it on the tape. `name` is that of
// the operator, for what a device may say.
#pragma once
#include <lumigrad/engine/families/stencil.h>

namespace lumigrad {

/// What F(x, w, y) is summed over; the part that is missing is the result.
enum class StencilPart { image, weight, result };

/// The stencil of dense tensors of one dtype; `bias` may be undefined.
Tensor stencil_forward(const char* name, const Stencil& stencil, const Tensor& x, const Tensor& w, const Tensor& bias);
/// The transposed stencil.
Tensor stencil_spread(const char* name, const Stencil& stencil, const Tensor& w, const Tensor& y, const Tensor& bias);
/// The adjoint to the weights.
Tensor stencil_weights(const char* name, const Stencil& stencil, const Tensor& x, const Tensor& y);

/// The windows as a matrix [images, in taps, places], and their sum back into an image. `out` and `groups` are not
/// read.
Tensor stencil_windows(const char* name, const Stencil& stencil, const Tensor& x);
Tensor stencil_overlay(const char* name, const Stencil& stencil, const Tensor& columns);

/// The same where the tensors are on a device (stencil_device.cpp).
Tensor device_stencil_forward(const char* name, const Stencil& stencil, const Tensor& x, const Tensor& w,
                              const Tensor& bias);
Tensor device_stencil_spread(const char* name, const Stencil& stencil, const Tensor& w, const Tensor& y,
                             const Tensor& bias);
Tensor device_stencil_weights(const char* name, const Stencil& stencil, const Tensor& x, const Tensor& y);
Tensor device_stencil_windows(const char* name, const Stencil& stencil, const Tensor& x);
Tensor device_stencil_overlay(const char* name, const Stencil& stencil, const Tensor& columns);

}  // namespace lumigrad
