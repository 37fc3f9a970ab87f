// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/filters/filters.h>

#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/filter_rank.h>
#include <lumigrad/engine/families/interpolation.h>
#include <lumigrad/engine/families/resample.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/filters/kernel_pairs.h>

namespace lumigrad::filters {
Tensor prepared(const char* name, const Tensor& kernel, DType dtype, int axes, bool normalized, bool convolve,
                Here here) {
  require<DTypeError>(is_differentiable(kernel.dtype()), name, ": expected a kernel of f32 or f64, got ",
                      kernel.dtype());
  require<ShapeError>(kernel.rank() >= axes && kernel.numel() > 0, name, ": expected a kernel of ", axes,
                      " axes, or one an image, got shape ", kernel.shape());
  Tensor k = kernel.to(dtype, here);
  if (normalized) k = normalize_kernel(k, axes, here);
  if (!convolve) return k;
  std::vector<int> order;
  for (int i = 1; i <= axes; ++i) order.push_back(-i);
  return flip(k, order, here);
}

void require_filterable(const char* name, const Tensor& x, int axes) {
  require<ShapeError>(x.rank() > axes, name, ": expected ",
                      axes == 2 ? "images [.., C, H, W]" : "volumes [.., C, D, H, W]", ", got shape ", x.shape());
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected f32 or f64, got ", x.dtype());
}

Tensor beside(const char* name, const Tensor& x, const Tensor& image, Here here) {
  const bool small = x.is_weak() || x.numel() == 1;
  require<DeviceError>(x.device() == image.device() || (small && x.device() == Device()), name,
                       ": expected tensors on one device, got ", image.device(), " and ", x.device());
  return x.to(image.dtype(), here);
}

Tensor surrounded(Tensor image, Size window, Border border, Here here) {
  for (const int axis : {-2, -1}) {
    const std::int64_t taps = axis == -2 ? window.height : window.width, extent = image.size(axis);
    Band band(extent);
    for (std::int64_t i = 0; i < extent + taps - 1; ++i) {
      band.start_row();
      const std::int64_t from = index_at_border(i - (taps - 1) / 2, extent, border);
      if (from >= 0) band.add(from, 1);
    }
    image = resample(image, axis, std::make_shared<const Band>(std::move(band)), here);
  }
  return image;
}

Tensor filter2d(const Tensor& image, const Tensor& kernel, const Filter2d& options, Here here) {
  require_filterable("filters.filter2d", image);
  const Tensor k = prepared("filters.filter2d", kernel, image.dtype(), 2, options.normalized, options.convolve, here);
  return filter(image, k, 2, {options.border, options.valid}, here);
}

Tensor filter2d_separable(const Tensor& image, const Tensor& row, const Tensor& column,
                          const SeparableFilter2d& options, Here here) {
  const char* name = "filters.filter2d_separable";
  require_filterable(name, image);
  return filter_separable(image, prepared(name, column, image.dtype(), 1, options.normalized, false, here),
                          prepared(name, row, image.dtype(), 1, options.normalized, false, here),
                          {options.border, options.valid}, here);
}

Tensor filter3d(const Tensor& volume, const Tensor& kernel, const Filter3d& options, Here here) {
  require_filterable("filters.filter3d", volume, 3);
  const Tensor k = prepared("filters.filter3d", kernel, volume.dtype(), 3, options.normalized, options.convolve, here);
  return filter(volume, k, 3, {options.border}, here);
}

namespace {

Tensor blurred(const char* name, const Tensor& image, const GaussianBlur& options, Here here) {
  require_filterable(name, image);
  const GaussianPair pair = gaussian_pair(name, options.kernel, beside(name, options.sigma, image, here), here);
  return filter_separable(image, pair.column.to(image.device(), here), pair.row.to(image.device(), here),
                          {options.border}, here);
}

}  // namespace

Tensor gaussian_blur2d(const Tensor& image, const GaussianBlur& options, Here here) {
  return blurred("filters.gaussian_blur2d", image, options, here);
}

Tensor box_blur(const Tensor& image, const BoxBlur& options, Here here) {
  require_filterable("filters.box_blur", image);
  const Tensor column = get_box_kernel1d(options.kernel.height, image.dtype()).to(image.device());
  const bool square = options.kernel.height == options.kernel.width;
  const Tensor row = square ? column : get_box_kernel1d(options.kernel.width, image.dtype()).to(image.device());
  return filter_separable(image, column, row, {options.border}, here);
}

Tensor median_blur(const Tensor& image, const MedianBlur& options, Here here) {
  require_filterable("filters.median_blur", image);
  const Size size = options.kernel;
  require<ShapeError>(size.height >= 1 && size.width >= 1, "filters.median_blur: expected a window of at least one ",
                      "place, got ", size.height, " x ", size.width);
  return window_median(image,
                       {.rows = size.height,
                        .columns = size.width,
                        .anchor_y = (size.height - 1) / 2,
                        .anchor_x = (size.width - 1) / 2,
                        .border = options.border},
                       here);
}

Tensor in_range(const Tensor& image, const Tensor& lower, const Tensor& upper, bool mask, Here here) {
  const char* name = "filters.in_range";
  require_filterable(name, image);
  const auto bound = [&](const Tensor& x) {
    require<ShapeError>(x.rank() <= 1 || x.rank() == image.rank(), name,
                        ": expected bounds of one number, one a channel, or [N, C, 1, 1], got shape ", x.shape());
    const Tensor own = device::on_device(name, x, image.device(), here).detach().to(image.dtype());
    return x.rank() == 1 ? reshape(own, {x.numel(), 1, 1}) : own;
  };
  Tensor inside;
  {
    const NoGrad fixed;
    const Tensor x = image.detach();
    // 1 where no channel is below its lower or above its upper bound.
    const Tensor below = clamp(sign(sub(bound(lower), x)), 0, 1), above = clamp(sign(sub(x, bound(upper))), 0, 1);
    require<ShapeError>(below.shape() == image.shape() && above.shape() == image.shape(), name,
                        ": expected bounds that go with the image ", image.shape(), ", got ", lower.shape(), " and ",
                        upper.shape());
    inside = sub(1.0, clamp(sum(add(below, above), {-3}, true), 0, 1));
  }
  return mask ? inside : mul(image, inside, here);
}

Tensor unsharp_mask(const Tensor& image, const GaussianBlur& options, Here here) {
  return lerp(blurred("filters.unsharp_mask", image, options, here), image, 2, here);
}

}  // namespace lumigrad::filters
