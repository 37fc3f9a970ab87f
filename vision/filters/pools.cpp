// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/filters/pools.h>

#include <lumigrad/engine/families/filter_rank.h>
#include <lumigrad/engine/families/resample.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/filters/kernel_pairs.h>
#include <cmath>
#include <limits>

namespace lumigrad::filters {
namespace {

// Of each axis the last `beyond` places are no part of the image.
Tensor pooled(const char* name, Tensor image, Size size, std::int64_t stride, std::int64_t beyond, Here here) {
  require<ShapeError>(stride >= 1, name, ": expected a stride of at least 1, got ", stride);
  for (const int axis : {-2, -1}) {
    const std::int64_t taps = axis == -2 ? size.height : size.width, extent = image.size(axis) - beyond;
    const std::vector<double> weights = get_pascal_kernel_1d(taps, true, DType::f64).values();
    const std::int64_t around = (taps - 1) / 2, last = extent + 2 * around - taps;
    require<ShapeError>(last >= 0, name, ": expected an image at least as large as the kernel less its margin, got ",
                        image.shape(), " for ", taps, " weights");
    Band band(extent + beyond);
    for (std::int64_t i = 0; i <= last; i += stride) {
      band.start_row();
      for (std::int64_t t = 0; t < taps; ++t) {
        const std::int64_t from = i + t - around;
        if (from >= 0 && from < extent) band.add(from, weights[static_cast<std::size_t>(t)]);
      }
    }
    image = resample(image, axis, std::make_shared<const Band>(std::move(band)), here);
  }
  return image;
}

}  // namespace

Tensor blur_pool2d(const Tensor& image, const BlurPool& options, Here here) {
  require_filterable("filters.blur_pool2d", image);
  return pooled("filters.blur_pool2d", image, options.kernel, options.stride, 0, here);
}

Tensor max_blur_pool2d(const Tensor& image, const MaxBlurPool& options, Here here) {
  const char* name = "filters.max_blur_pool2d";
  require_filterable(name, image);
  const std::int64_t window = options.window;
  require<ShapeError>(window >= 1 && window <= image.size(-2) && window <= image.size(-1), name,
                      ": expected an image at least as large as the window ", window, ", got shape ", image.shape());
  const Tensor most = window_max(image,
                                 {.rows = window,
                                  .columns = window,
                                  .anchor_y = 0,
                                  .anchor_x = 0,
                                  .border = Border::zeros,
                                  .outside = -std::numeric_limits<double>::infinity()},
                                 {}, {}, here);
  return pooled(name, most, options.kernel, options.stride, window - 1, here);
}

Tensor edge_aware_blur_pool2d(const Tensor& image, const EdgeAwareBlurPool& o, Here here) {
  const char* name = "filters.edge_aware_blur_pool2d";
  require_filterable(name, image);
  require<ShapeError>(image.size(-2) >= 3 && image.size(-1) >= 3, name, ": expected at least 3 pixels a side, got ",
                      image.shape());
  require<NumericError>(o.threshold > 0, name, ": expected a threshold > 0, got ", o.threshold);
  require<ShapeError>(o.dilation >= 1 && o.dilation % 2 == 1, name, ": expected an odd dilation, got ", o.dilation);
  require<ShapeError>(o.kernel.height % 2 == 1 && o.kernel.width % 2 == 1, name, ": expected an odd kernel, got ",
                      o.kernel.height, " x ", o.kernel.width);
  constexpr std::int64_t around = 2;
  const auto inner = [&](const Tensor& x, int axis) { return slice(x, axis, around, x.size(axis) - around, 1, here); };
  const Tensor wide = surrounded(image, {2 * around + 1, 2 * around + 1}, Border::reflection, here);
  const Tensor blurred = inner(inner(pooled(name, wide, o.kernel, 1, 0, here), -2), -1);
  Tensor edges;
  {
    const NoGrad fixed;
    const Tensor light = log(add(wide.detach(), o.epsilon));
    for (const int axis : {-1, -2}) {
      const std::int64_t n = light.size(axis);
      const Tensor step =
          mean(sub(slice(light, axis, 2 * around, n), slice(light, axis, 0, n - 2 * around)), {-3}, true);
      const Tensor marked = clamp(sign(sub(abs(step), std::log(o.threshold))), 0, 1);
      const Tensor found = inner(marked, axis == -1 ? -2 : -1);
      edges = edges.defined() ? maximum(edges, found) : found;
    }
    const std::int64_t reach = o.dilation / 2;
    edges = window_max(edges, {.rows = o.dilation,
                               .columns = o.dilation,
                               .anchor_y = reach,
                               .anchor_x = reach,
                               .border = Border::zeros,
                               .outside = -std::numeric_limits<double>::infinity()});
  }
  return add(mul(edges, image, here), mul(sub(1.0, edges), blurred, here), here);
}

}  // namespace lumigrad::filters
