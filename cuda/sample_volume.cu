// SPDX-License-Identifier: Apache-2.0
// Warps of volumes, on the device.
#include <lumigrad/cuda/sample_calls.h>
#include <lumigrad/cuda/sample_splat.cuh>

namespace lumigrad::cuda {

Status forward_volume(Place place, const device::WarpCall& call) {
  return call.out.dtype == DType::f64 ? forward_of<double, 3>(place, call) : forward_of<float, 3>(place, call);
}
Status splat_volume(Place place, const device::WarpCall& call) {
  return call.out.dtype == DType::f64 ? splat_of<double, 3>(place, call) : splat_of<float, 3>(place, call);
}
Status map_adjoint_volume(Place place, const device::WarpCall& call) {
  return call.out.dtype == DType::f64 ? map_adjoint_of<double, 3>(place, call) : map_adjoint_of<float, 3>(place, call);
}

}  // namespace lumigrad::cuda
