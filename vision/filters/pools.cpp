// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/filters/pools.h>

#include <lumigrad/engine/families/filter_rank.h>
#include <lumigrad/engine/families/resample.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/filters/kernel_pairs.h>
#include <limits>

namespace lumigrad::filters {
namespace {

Tensor pooled(const char* name, Tensor image, Size size, std::int64_t stride, Here here) {
  require<ShapeError>(stride >= 1, name, ": expected a stride of at least 1, got ", stride);
  for (const int axis : {-2, -1}) {
    const std::int64_t taps = axis == -2 ? size.height : size.width, extent = image.size(axis);
    const std::vector<double> weights = get_pascal_kernel_1d(taps, true, DType::f64).values();
    const std::int64_t around = (taps - 1) / 2, last = extent + 2 * around - taps;
    require<ShapeError>(last >= 0, name, ": expected an image at least as large as the kernel less its margin, got ",
                        image.shape(), " for ", taps, " weights");
    Band band(extent);
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
  return pooled("filters.blur_pool2d", image, options.kernel, options.stride, here);
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
  const Tensor within =
      slice(slice(most, -2, 0, image.size(-2) - window + 1, 1, here), -1, 0, image.size(-1) - window + 1, 1, here);
  return pooled(name, within, options.kernel, options.stride, here);
}

}  // namespace lumigrad::filters
