// SPDX-License-Identifier: Apache-2.0
// The pixel family on a device: what pixel_call.h does, through the module's table.
#pragma once
#include <lumigrad/engine/families/pixel_call.h>

namespace lumigrad {

/// Brings the tensors of a call together. Where one is on a device, parameters, bare numbers and single elements of the
/// CPU follow there (recorded). Single numbers that want no gradient stay: their value is handed to the kernel.
/// Anything else on two devices raises DeviceError naming `name`.
void meet_on_device(const char* name, TensorList& inputs, TensorList& params, Here here);

Tensor device_pixel_forward(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params);
void device_pixel_adjoint(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params,
                          const Tensor& w, std::span<const bool> wants, std::span<Tensor> gradients);
void device_pixel_second(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params,
                         const Tensor& w, std::span<const Tensor> u, std::span<Tensor> gradients);
/// `scale` times the sums of the results, [M] or with `each_image` [images, M]: they stay on the device.
Tensor device_pixel_sums(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const Tensor> params,
                         bool each_image, double scale);

}  // namespace lumigrad
