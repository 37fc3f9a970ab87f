// SPDX-License-Identifier: Apache-2.0
// Filters on a device, off the tape. `name` is that of the operator, for what the device may say.
#pragma once
#include <lumigrad/engine/device/filter.h>
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// What a filter makes of the two others.
enum class FilterPart { image, result, kernel };

/// Fills y, the part `made`, from the two others in this order, all dense on one device. With `row` the kernel is a
/// column and a row.
void filter_on_device(const char* name, FilterPart made, const FilterPlan& plan, const Tensor& first,
                      const Tensor& second, const Tensor& row, const Tensor& y);

/// What windows select; tensors that are not defined are not read or written (device::SelectCall).
struct WindowSelection {
  device::Selects selects;
  double outside;
  Tensor mask, heights, pixel, tap;
};
void select_on_device(const char* name, const FilterPlan& plan, const WindowSelection& selection, const Tensor& image,
                      const Tensor& result);
/// Cotangents w collected by what select_on_device wrote to `pixel` [planes, pixels of a plane], or to `tap`.
Tensor collect_pixels_on_device(const char* name, const FilterPlan& plan, const Tensor& w, const Tensor& pixel);
Tensor collect_taps_on_device(const char* name, const FilterPlan& plan, const Tensor& w, const Tensor& tap);

/// Edges one pixel wide from the magnitude of slopes [.., H, W] and the slopes (device::EdgeCall).
struct ThinEdges {
  Tensor kept, edges;
};
ThinEdges edges_on_device(const char* name, const Tensor& magnitude, const Tensor& x, const Tensor& y, double low,
                          double high, bool follow);

}  // namespace lumigrad
