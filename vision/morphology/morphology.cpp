// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/morphology/morphology.h>

#include <lumigrad/engine/families/filter_rank.h>
#include <lumigrad/engine/ops.h>
#include <array>
#include <cmath>

namespace lumigrad::morphology {
namespace {

Tensor windowed(const char* name, bool dilate, const Tensor& image, const Tensor& kernel, const Morphology& o,
                Here here) {
  require<ShapeError>(image.rank() >= 3, name, ": expected images [.., C, H, W], got shape ", image.shape());
  require<DTypeError>(is_differentiable(image.dtype()), name, ": expected f32 or f64, got ", image.dtype());
  require<ShapeError>(kernel.rank() == 2 && kernel.numel() > 0, name, ": expected a kernel [rows, columns], got shape ",
                      kernel.shape());
  WindowOptions window{.rows = kernel.size(0), .columns = kernel.size(1)};
  window.anchor_y = o.origin_y < 0 ? window.rows / 2 : o.origin_y;
  window.anchor_x = o.origin_x < 0 ? window.columns / 2 : o.origin_x;
  require<ShapeError>(window.anchor_y < window.rows && window.anchor_x < window.columns, name,
                      ": expected an origin in the kernel ", kernel.shape(), ", got (", o.origin_y, ", ", o.origin_x,
                      ")");
  require<NumericError>(o.infinity > 0, name, ": expected an infinity above 0, got ", o.infinity);
  Tensor mask = kernel.detach().to(Device()), heights;  // what the window is, is decided here
  bool any = false;
  for (const double mark : mask.values()) any = any || mark != 0;
  require<ShapeError>(any, name, ": expected a kernel with at least one place, got none");
  if (o.structuring_element.defined()) {
    require<ShapeError>(o.structuring_element.shape() == kernel.shape(), name,
                        ": expected a structuring element of the kernel's shape ", kernel.shape(), ", got ",
                        o.structuring_element.shape());
    heights = o.structuring_element.to(image.dtype(), here);
  }
  if (dilate) {
    constexpr std::array both = {0, 1};
    mask = flip(mask, both);
    if (heights.defined()) heights = flip(heights, both, here);
  }
  if (std::isfinite(o.infinity)) {
    const Tensor within = heights.defined() ? heights : Tensor::zeros(mask.shape(), image.dtype(), image.device());
    heights = where(mask.to(image.device()), within, -o.infinity, here);
    mask = Tensor::ones(mask.shape());
  }
  window.border = o.geodesic ? Border::zeros : o.border;
  window.outside = !o.geodesic ? o.border_value : dilate ? -o.infinity : o.infinity;
  return dilate ? window_max(image, window, mask, heights, here) : window_min(image, window, mask, heights, here);
}

Tensor dilated(const char* name, const Tensor& image, const Tensor& kernel, const Morphology& o, Here here) {
  return windowed(name, true, image, kernel, o, here);
}
Tensor eroded(const char* name, const Tensor& image, const Tensor& kernel, const Morphology& o, Here here) {
  return windowed(name, false, image, kernel, o, here);
}

}  // namespace

Tensor dilation(const Tensor& image, const Tensor& kernel, const Morphology& o, Here here) {
  return dilated("morphology.dilation", image, kernel, o, here);
}
Tensor erosion(const Tensor& image, const Tensor& kernel, const Morphology& o, Here here) {
  return eroded("morphology.erosion", image, kernel, o, here);
}
Tensor opening(const Tensor& image, const Tensor& kernel, const Morphology& o, Here here) {
  const char* name = "morphology.opening";
  return dilated(name, eroded(name, image, kernel, o, here), kernel, o, here);
}
Tensor closing(const Tensor& image, const Tensor& kernel, const Morphology& o, Here here) {
  const char* name = "morphology.closing";
  return eroded(name, dilated(name, image, kernel, o, here), kernel, o, here);
}
Tensor gradient(const Tensor& image, const Tensor& kernel, const Morphology& o, Here here) {
  const char* name = "morphology.gradient";
  return sub(dilated(name, image, kernel, o, here), eroded(name, image, kernel, o, here), here);
}
Tensor top_hat(const Tensor& image, const Tensor& kernel, const Morphology& o, Here here) {
  const char* name = "morphology.top_hat";
  return sub(image, dilated(name, eroded(name, image, kernel, o, here), kernel, o, here), here);
}
Tensor bottom_hat(const Tensor& image, const Tensor& kernel, const Morphology& o, Here here) {
  const char* name = "morphology.bottom_hat";
  return sub(eroded(name, dilated(name, image, kernel, o, here), kernel, o, here), image, here);
}

}  // namespace lumigrad::morphology
