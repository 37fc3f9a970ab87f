// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/resample.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/color/color.h>
#include <lumigrad/vision/color/formulas.h>
#include <lumigrad/vision/color/steps.h>
#include <lumigrad/vision/photometry.h>

namespace lumigrad::color {
namespace {

template <class F>
Tensor convert(const char* name, F formula, const Tensor& image, Here here) {
  return each_pixel(name, formula, {image}, {}, here);
}

template <class F>
Tensor convert_values(const char* name, F formula, const Tensor& image, Here here) {
  require_image(name, image, 3);
  return each_value(name, formula, {image}, {}, here);
}

Tensor reversed(const char* name, const Tensor& image, Here here) {
  require_image(name, image, 3);
  constexpr int channels[] = {-3};
  return flip(image, channels, here);
}

void require_float(const char* name, const Tensor& image) {
  require<DTypeError>(is_differentiable(image.dtype()), name, ": expected f32 or f64, got ", image.dtype());
}

Tensor third(const Tensor& three, std::int64_t i, Here here) { return slice(three, 0, i, i + 1, 1, here); }

}  // namespace

Tensor rgb_to_grayscale(const Tensor& image, Here here) { return fuse(image, {steps::rgb_to_grayscale()}, here); }

Tensor rgb_to_grayscale(const Tensor& image, const Tensor& weights, Here here) {
  if (!weights.defined()) return rgb_to_grayscale(image, here);
  require<ShapeError>(weights.numel() == 3, "color.rgb_to_grayscale: expected three weights, got shape ",
                      weights.shape());
  const Tensor w = reshape(weights, {3}, here);
  return each_pixel("color.rgb_to_grayscale", WeightedGrayscale{}, {image},
                    {third(w, 0, here), third(w, 1, here), third(w, 2, here)}, here);
}

Tensor bgr_to_grayscale(const Tensor& image, Here here) {
  return convert("color.bgr_to_grayscale", Grayscale{}, reversed("color.bgr_to_grayscale", image, here), here);
}

Tensor rgb_to_y(const Tensor& image, Here here) { return convert("color.rgb_to_y", Grayscale{}, image, here); }

Tensor grayscale_to_rgb(const Tensor& image, Here here) {
  require_image("color.grayscale_to_rgb", image, 1);
  return expand(image, image.shape().with(image.rank() - 3, 3), here);
}

Tensor rgb_to_bgr(const Tensor& image, Here here) { return reversed("color.rgb_to_bgr", image, here); }
Tensor bgr_to_rgb(const Tensor& image, Here here) { return reversed("color.bgr_to_rgb", image, here); }

namespace {

Tensor with_alpha(const char* name, const Tensor& image, const Tensor& alpha, Here here) {
  require_image(name, image, 3);
  if (alpha.rank() >= 3) return each_pixel(name, AppendAlphaPlane{}, {image, alpha}, {}, here);
  return each_pixel(name, AppendAlpha{}, {image}, {alpha}, here);
}

Tensor in_front(const char* name, const Tensor& image, const Tensor& background, Here here) {
  require_image(name, image, 4);
  if (!background.defined()) return each_pixel(name, OverColor{}, {image}, {1.0, 1.0, 1.0}, here);
  if (background.numel() != 3) return each_pixel(name, OverImage{}, {image, background}, {}, here);
  const Tensor b = reshape(background, {3}, here);
  return each_pixel(name, OverColor{}, {image}, {third(b, 0, here), third(b, 1, here), third(b, 2, here)}, here);
}

}  // namespace

Tensor rgb_to_rgba(const Tensor& image, const Tensor& alpha, Here here) {
  return with_alpha("color.rgb_to_rgba", image, alpha, here);
}

Tensor bgr_to_rgba(const Tensor& image, const Tensor& alpha, Here here) {
  return with_alpha("color.bgr_to_rgba", reversed("color.bgr_to_rgba", image, here), alpha, here);
}

Tensor rgba_to_rgb(const Tensor& image, const Tensor& background, Here here) {
  return in_front("color.rgba_to_rgb", image, background, here);
}

Tensor rgba_to_bgr(const Tensor& image, const Tensor& background, Here here) {
  return reversed("color.rgba_to_bgr", in_front("color.rgba_to_bgr", image, background, here), here);
}

Tensor rgb_to_hsv(const Tensor& image, const Tensor& eps, Here here) {
  return fuse(image, {steps::rgb_to_hsv(eps)}, here);
}

Tensor hsv_to_rgb(const Tensor& image, Here here) { return fuse(image, {steps::hsv_to_rgb()}, here); }

Tensor rgb_to_hls(const Tensor& image, const Tensor& eps, Here here) {
  return fuse(image, {steps::rgb_to_hls(eps)}, here);
}

Tensor hls_to_rgb(const Tensor& image, Here here) { return fuse(image, {steps::hls_to_rgb()}, here); }

Tensor rgb_to_linear_rgb(const Tensor& image, Here here) {
  return convert_values("color.rgb_to_linear_rgb", ToLinear{}, image, here);
}

Tensor linear_rgb_to_rgb(const Tensor& image, Here here) {
  return convert_values("color.linear_rgb_to_rgb", FromLinear{}, image, here);
}

Tensor rgb_to_xyz(const Tensor& image, Here here) { return fuse(image, {steps::rgb_to_xyz()}, here); }
Tensor xyz_to_rgb(const Tensor& image, Here here) { return fuse(image, {steps::xyz_to_rgb()}, here); }
Tensor rgb_to_lab(const Tensor& image, Here here) { return fuse(image, {steps::rgb_to_lab()}, here); }

Tensor lab_to_rgb(const Tensor& image, Clipping options, Here here) {
  return fuse(image, {steps::lab_to_rgb(options.clip)}, here);
}

Tensor rgb_to_luv(const Tensor& image, const Tensor& eps, Here here) {
  return fuse(image, {steps::rgb_to_luv(eps)}, here);
}

Tensor luv_to_rgb(const Tensor& image, const Tensor& eps, Here here) {
  return fuse(image, {steps::luv_to_rgb(eps)}, here);
}

Tensor rgb_to_ycbcr(const Tensor& image, Here here) { return fuse(image, {steps::rgb_to_ycbcr()}, here); }

Tensor ycbcr_to_rgb(const Tensor& image, Here here) { return fuse(image, {steps::ycbcr_to_rgb()}, here); }

Tensor rgb_to_yuv(const Tensor& image, Here here) { return fuse(image, {steps::rgb_to_yuv()}, here); }
Tensor yuv_to_rgb(const Tensor& image, Here here) { return fuse(image, {steps::yuv_to_rgb()}, here); }

namespace {

void require_even(const char* name, const Tensor& image) {
  require<ShapeError>(image.size(-2) % 2 == 0 && image.size(-1) % 2 == 0, name,
                      ": expected an even height and width, got shape ", image.shape());
}

// Means of pairs of elements along an axis.
Tensor halved(const Tensor& x, int axis, Here here) {
  const std::int64_t extent = x.size(axis);
  auto pairs = std::make_shared<Band>(extent);
  for (std::int64_t i = 0; i < extent; i += 2) {
    pairs->start_row();
    pairs->add(i, 0.5);
    pairs->add(i + 1, 0.5);
  }
  return resample(x, x.rank() + axis, std::move(pairs), here);
}

// Every element along an axis twice in a row.
Tensor doubled(const Tensor& x, int axis, Here here) {
  const int at = x.rank() + axis;
  const std::int64_t extent = 2 * x.size(at);
  if (!is_differentiable(x.dtype())) {
    const Tensor pairs = unsqueeze(x, at + 1, here);
    return reshape(expand(pairs, pairs.shape().with(at + 1, 2), here), x.shape().with(at, extent), here);
  }
  auto twice = std::make_shared<Band>(x.size(at));
  for (std::int64_t i = 0; i < extent; ++i) {
    twice->start_row();
    twice->add(i / 2, 1);
  }
  return resample(x, at, std::move(twice), here);
}

// Chroma must have exactly `times` fewer rows and half the columns.
Tensor joined(const char* name, const Tensor& y, Tensor uv, int times, Here here) {
  require_image(name, y, 1);
  require_image(name, uv, 2);
  require_even(name, y);
  require<ShapeError>(y.size(-2) == times * uv.size(-2) && y.size(-1) == 2 * uv.size(-1), name,
                      ": expected chroma of a lower resolution, got luma ", y.shape(), " and chroma ", uv.shape());
  uv = doubled(uv, -1, here);
  if (times == 2) uv = doubled(uv, -2, here);
  return each_pixel(name, YuvToRgb{}, {y, uv}, {}, here);
}

}  // namespace

Yuv rgb_to_yuv420(const Tensor& image, Here here) {
  const char* name = "color.rgb_to_yuv420";
  require_image(name, image, 3);
  require_even(name, image);
  return {convert(name, Grayscale{}, image, here),
          halved(halved(convert(name, RgbToUv{}, image, here), -2, here), -1, here)};
}

Yuv rgb_to_yuv422(const Tensor& image, Here here) {
  const char* name = "color.rgb_to_yuv422";
  require_image(name, image, 3);
  require_even(name, image);
  return {convert(name, Grayscale{}, image, here), halved(convert(name, RgbToUv{}, image, here), -1, here)};
}

Tensor yuv420_to_rgb(const Tensor& y, const Tensor& uv, Here here) {
  return joined("color.yuv420_to_rgb", y, uv, 2, here);
}

Tensor yuv422_to_rgb(const Tensor& y, const Tensor& uv, Here here) {
  return joined("color.yuv422_to_rgb", y, uv, 1, here);
}

Tensor sepia(const Tensor& image, Here here) { return fuse(image, {steps::sepia()}, here); }

Tensor rgb_to_rgb255(const Tensor& image, Here here) {
  require_float("color.rgb_to_rgb255", image);
  return convert_values("color.rgb_to_rgb255", ToRgb255{}, image, here);
}

Tensor rgb255_to_rgb(const Tensor& image, Here here) {
  require_float("color.rgb255_to_rgb", image);
  return convert_values("color.rgb255_to_rgb", FromRgb255{}, image, here);
}

Tensor normals_to_rgb255(const Tensor& image, Here here) {
  require_float("color.normals_to_rgb255", image);
  return convert_values("color.normals_to_rgb255", NormalsToRgb255{}, image, here);
}

Tensor rgb255_to_normals(const Tensor& image, Here here) {
  require_float("color.rgb255_to_normals", image);
  return convert("color.rgb255_to_normals", Rgb255ToNormals{}, image, here);
}

}  // namespace lumigrad::color
