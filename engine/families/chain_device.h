// SPDX-License-Identifier: Apache-2.0
// Chains on a device: one kernel that walks the numbers of formulas.
#pragma once
#include <lumigrad/engine/families/chain_call.h>

namespace lumigrad {

/// True when one kernel takes the whole chain: f32, at most four channels, and formulas of color and enhance. Others (a
/// program's own formulas among them) run one after the other on a device.
bool device_takes(const Chain& chain, DType dtype);
Tensor device_chain_forward(const Chain& chain);
/// See chain_adjoint.
void device_chain_adjoint(const Chain& chain, const Tensor& w, std::span<const bool> wants,
                          std::span<Tensor> gradients);

}  // namespace lumigrad
