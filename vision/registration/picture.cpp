// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/picture.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/vision/geometry/resize.h>

#include <cmath>

namespace lumigrad::registration {

Picture picture_of(const Tensor& image, const Tensor& mask, const char* what) {
  require<ShapeError>(image.defined() && (image.rank() == 2 || image.rank() == 3), "register_by: expected ", what,
                      " [H, W] or [C, H, W], got ", image.defined() ? to_string(image.shape()) : "undefined");
  const DType dtype = image.dtype();
  require<DTypeError>(dtype == DType::u8 || dtype == DType::u16 || dtype == DType::f32 || dtype == DType::f64,
                      "register_by: expected ", what, " as u8, u16, f32 or f64, got ", dtype);
  const NoGrad plain;
  const std::int64_t c = image.rank() == 3 ? image.size(0) : 1, h = image.size(image.rank() - 2),
                     w = image.size(image.rank() - 1);
  require<ShapeError>(c > 0 && h > 0 && w > 0, "register_by: expected ", what, " with pixels, got ", image.shape());
  const float unit = dtype == DType::u8 ? 1 / 255.0f : dtype == DType::u16 ? 1 / 65535.0f : 1.0f;
  Picture p{Tensor::empty({1, c, h, w}), Tensor::ones({1, 1, h, w})};
  float *to = p.values.mutable_data<float>(), *counts = p.counts.mutable_data<float>();
  const Tensor dense = image.detach().to(DType::f32).contiguous();
  const float* from = dense.data<float>();
  for (std::int64_t k = 0; k < c; ++k)
    for (std::int64_t i = 0; i < h * w; ++i) {
      const float v = from[k * h * w + i] * unit;
      to[k * h * w + i] = v;
      if (!std::isfinite(v)) counts[i] = 0;
    }
  if (mask.defined()) {
    require<ShapeError>(mask.shape() == Shape({h, w}), "register_by: expected a mask of ", what, " ", Shape{h, w},
                        ", got ", mask.shape());
    const std::vector<double> used = mask.values();
    for (std::int64_t i = 0; i < h * w; ++i)
      if (const double v = used[static_cast<std::size_t>(i)]; v == 0 || std::isnan(v)) counts[i] = 0;
  }
  for (std::int64_t k = 0; k < c; ++k)
    for (std::int64_t i = 0; i < h * w; ++i)
      if (counts[i] == 0) to[k * h * w + i] = 0;
  return p;
}

Picture grey_picture_of(const Tensor& image, const Tensor& mask, const char* what) {
  const Picture p = picture_of(image, mask, what);
  if (p.values.size(1) != 3) return {slice(p.values, 1, 0, 1), p.counts};
  const NoGrad plain;
  const auto channel = [&](std::int64_t k) { return slice(p.values, 1, k, k + 1); };
  return {channel(0) * 0.299 + channel(1) * 0.587 + channel(2) * 0.114, p.counts};
}

Picture halved(const Picture& p) {
  const NoGrad plain;
  const Tensor counts = floor(geometry::pyrdown(p.counts) + 1e-4);
  return {geometry::pyrdown(p.values) * counts, counts};
}

}  // namespace lumigrad::registration
