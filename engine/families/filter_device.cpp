// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/filter_device.h>

#include <lumigrad/engine/device/module.h>

namespace lumigrad {

using device::array_of;

void filter_on_device(const char* name, FilterPart made, const FilterPlan& plan, const Tensor& first,
                      const Tensor& second, const Tensor& row, const Tensor& y) {
  const Device device = first.device();
  const device::FilterTable& table = device::table(device).filter;
  const bool image = made == FilterPart::image, kernel = made == FilterPart::kernel;
  const device::FilterCall call{plan, array_of(image ? y : first),
                                array_of(image    ? first
                                         : kernel ? second
                                                  : y),
                                array_of(kernel ? y : second), array_of(row)};
  const auto run = kernel          ? table.kernel_sums
                   : row.defined() ? (image ? table.spread_separable : table.apply_separable)
                                   : (image ? table.spread : table.apply);
  device::check(name, device, run(device::place_of(device), &call));
}

void select_on_device(const char* name, const FilterPlan& plan, const WindowSelection& s, const Tensor& image,
                      const Tensor& result) {
  const Device device = image.device();
  const device::SelectCall call{plan,
                                s.selects,
                                s.outside,
                                array_of(image),
                                array_of(result),
                                array_of(s.mask),
                                array_of(s.heights),
                                array_of(s.pixel),
                                array_of(s.tap)};
  device::check(name, device, device::table(device).filter.select(device::place_of(device), &call));
}

Tensor collect_pixels_on_device(const char* name, const FilterPlan& plan, const Tensor& w, const Tensor& pixel) {
  const Device device = w.device();
  const Tensor dense = w.detach().contiguous(),
               image = Tensor::empty({plan.planes, plan.image_numel()}, w.dtype(), device);
  if (image.numel() == 0) return image;
  const device::CollectCall call{plan, array_of(dense), array_of(pixel), array_of(image)};
  device::check(name, device, device::table(device).filter.collect_pixels(device::place_of(device), &call));
  return image;
}

Tensor collect_taps_on_device(const char* name, const FilterPlan& plan, const Tensor& w, const Tensor& tap) {
  const Device device = w.device();
  const Tensor dense = w.detach().contiguous(), sums = Tensor::empty({1, plan.taps()}, w.dtype(), device);
  const device::CollectCall call{plan, array_of(dense), array_of(tap), array_of(sums)};
  device::check(name, device, device::table(device).filter.collect_taps(device::place_of(device), &call));
  return sums;
}

ThinEdges edges_on_device(const char* name, const Tensor& magnitude, const Tensor& x, const Tensor& y, double low,
                          double high, bool follow) {
  const Device device = magnitude.device();
  const Shape& shape = magnitude.shape();
  const ThinEdges made{Tensor::empty(shape, magnitude.dtype(), device),
                       Tensor::empty(shape, magnitude.dtype(), device)};
  if (magnitude.numel() == 0) return made;
  const Tensor m = magnitude.detach().contiguous(), gx = x.detach().contiguous(), gy = y.detach().contiguous();
  const device::EdgeCall call{shape.numel() / (shape[-2] * shape[-1]),
                              shape[-2],
                              shape[-1],
                              array_of(m),
                              array_of(gx),
                              array_of(gy),
                              array_of(made.kept),
                              array_of(made.edges),
                              low,
                              high,
                              follow};
  device::check(name, device, device::table(device).filter.edges(device::place_of(device), &call));
  return made;
}

}  // namespace lumigrad
