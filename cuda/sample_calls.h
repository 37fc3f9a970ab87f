// SPDX-License-Identifier: Apache-2.0
// The volumes of the sample family, which have a source of their own.
#pragma once
#include <lumigrad/engine/device/sample.h>

namespace lumigrad::cuda {

device::Status forward_volume(device::Place place, const device::WarpCall& call);
device::Status splat_volume(device::Place place, const device::WarpCall& call);
device::Status map_adjoint_volume(device::Place place, const device::WarpCall& call);

}  // namespace lumigrad::cuda
