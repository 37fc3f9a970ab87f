// SPDX-License-Identifier: Apache-2.0
// Warps of images, on the device.
#include <lumigrad/cuda/sample_calls.h>
#include <lumigrad/cuda/tables.h>
#include <lumigrad/cuda/sample_splat.cuh>

namespace lumigrad::cuda {
namespace {

template <Status (*Images)(Place, const device::WarpCall&), Status (*Volumes)(Place, const device::WarpCall&)>
Status by_axes(Place place, const device::WarpCall* call) {
  return call->axes == 2 ? Images(place, *call) : Volumes(place, *call);
}

Status forward_image(Place place, const device::WarpCall& call) {
  return call.out.dtype == DType::f64 ? forward_of<double, 2>(place, call) : forward_of<float, 2>(place, call);
}
Status splat_image(Place place, const device::WarpCall& call) {
  return call.out.dtype == DType::f64 ? splat_of<double, 2>(place, call) : splat_of<float, 2>(place, call);
}
Status map_adjoint_image(Place place, const device::WarpCall& call) {
  return call.out.dtype == DType::f64 ? map_adjoint_of<double, 2>(place, call) : map_adjoint_of<float, 2>(place, call);
}

}  // namespace

const device::SampleTable sample_table = {by_axes<forward_image, forward_volume>, by_axes<splat_image, splat_volume>,
                                          by_axes<map_adjoint_image, map_adjoint_volume>};

}  // namespace lumigrad::cuda
