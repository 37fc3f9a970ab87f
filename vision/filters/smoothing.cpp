// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/filters/smoothing.h>

#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/bilateral.h>
#include <lumigrad/engine/families/resample.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/filters/filters.h>
#include <lumigrad/vision/filters/kernel_pairs.h>
#include <algorithm>
#include <cmath>

namespace lumigrad::filters {
namespace {

void require_image4(const char* name, const Tensor& x) {
  require<ShapeError>(x.rank() == 4, name, ": expected images [N, C, H, W], got shape ", x.shape());
  require_filterable(name, x);
}

// A number, or one an image, as [N or 1, 1, 1, 1].
Tensor of_image(const char* name, const char* what, const Tensor& x, const Tensor& image, Here here) {
  require<ShapeError>(x.numel() == 1 || (x.rank() == 1 && x.numel() == image.size(0)), name, ": expected ", what,
                      " of one number, or one an image, got shape ", x.shape(), " for images ", image.shape());
  return reshape(device::on_device(name, x.to(image.dtype(), here), image.device(), here), {x.numel(), 1, 1, 1}, here);
}

Tensor blurred(const char* name, const Tensor& image, const Tensor& guidance, const BilateralBlur& o, Here here) {
  require_image4(name, image);
  require_image4(name, guidance);
  require<ShapeError>(guidance.size(0) == image.size(0) && guidance.size(2) == image.size(2) &&
                          guidance.size(3) == image.size(3) && guidance.dtype() == image.dtype(),
                      name, ": expected a guidance of the image's extents and dtype, got ", guidance.shape(), " for ",
                      image.shape());
  for (const double s : o.sigma_color.detach().values())
    require<NumericError>(s > 0, name, ": expected sigma_color > 0, got ", s);
  const Tensor sharpness = div(-0.5, square(of_image(name, "sigma_color", o.sigma_color, image, here), here), here);
  GaussianPair space = gaussian_pair(name, o.kernel, beside(name, o.sigma_space, image, here), here);
  space = {space.column.to(image.device(), here), space.row.to(image.device(), here)};
  require<ShapeError>(space.column.size(0) == 1 || space.column.size(0) == image.size(0), name,
                      ": expected one sigma_space, or one an image, got shape ", o.sigma_space.shape());
  const Tensor wide = surrounded(image, o.kernel, o.border, here);
  const bool own = guidance.handle() == image.handle();
  const Tensor wide_guidance = own ? Tensor() : surrounded(guidance, o.kernel, o.border, here);
  const BilateralOptions how = {o.kernel.height, o.kernel.width, o.distance == ColorDistance::l1};
  return bilateral(name, wide, wide_guidance, sharpness, space.column, space.row, how, here);
}

// Every step-th pixel, as many as there are whole steps.
Tensor thinned(Tensor image, std::int64_t step, Here here) {
  for (const int axis : {-2, -1}) image = slice(image, axis, 0, image.size(axis) / step * step, step, here);
  return image;
}

// Interpolated from every step-th pixel to (h, w), covered extents onto each other.
Tensor thickened(Tensor image, std::int64_t step, Size to, Here here) {
  for (const int axis : {-2, -1}) {
    const std::int64_t from = image.size(axis), rows = axis == -2 ? to.height : to.width;
    Band band(from);
    for (std::int64_t i = 0; i < rows; ++i) {
      band.start_row();
      const double x = std::max((static_cast<double>(i) + 0.5) / static_cast<double>(step) - 0.5, 0.0);
      const auto left = std::min(static_cast<std::int64_t>(x), from - 1);
      const double t = x - static_cast<double>(left);
      band.add(left, 1 - t);
      band.add(std::min(left + 1, from - 1), t);
    }
    image = resample(image, axis, std::make_shared<const Band>(std::move(band)), here);
  }
  return image;
}

struct Line {
  Tensor slope, offset;  // [N, K C, h, w] (channel of the guidance first) and [N, C, h, w]
};

// The guidance of one channel: slope = cov(g, p) / (var(g) + eps).
template <class Mean>
Line fit_one(const Tensor& g, const Tensor& p, const Tensor& eps, const Mean& mean, Here here) {
  const Tensor mean_g = mean(g), mean_p = mean(p);
  const Tensor variance = sub(mean(square(g, here)), square(mean_g, here), here);
  const Tensor covariance = sub(mean(mul(g, p, here)), mul(mean_g, mean_p, here), here);
  const Tensor slope = div(covariance, add(variance, eps, here), here);
  return {slope, sub(mean_p, mul(slope, mean_g, here), here)};
}

// The guidance of K channels: slope = (cov(g, g) + eps I)^-1 cov(g, p), a system a pixel.
template <class Mean>
Line fit_several(const Tensor& g, const Tensor& p, const Tensor& eps, const Mean& mean, Here here) {
  const std::int64_t n = g.size(0), k = g.size(1), c = p.size(1), h = g.size(2), w = g.size(3);
  const auto products = [&](const Tensor& a, const Tensor& b) {  // [N, A, B, h, w]
    return mul(unsqueeze(a, 2, here), unsqueeze(b, 1, here), here);
  };
  const auto means_of = [&](const Tensor& x) {
    return reshape(mean(reshape(x, {n, x.size(1) * x.size(2), h, w}, here)), x.shape(), here);
  };
  const Tensor mean_g = mean(g), mean_p = mean(p);
  const auto covariance = [&](const Tensor& x, const Tensor& mean_x) {
    const Tensor all = sub(means_of(products(g, x)), products(mean_g, mean_x), here);
    return permute(all, {0, 3, 4, 1, 2}, here);  // [N, h, w, K, X]
  };
  const Tensor ridge =
      mul(reshape(Tensor::eye(k, g.dtype(), g.device()), {1, 1, 1, k, k}), unsqueeze(eps, 4, here), here);
  const Tensor a = solve(add(covariance(g, mean_g), ridge, here), covariance(p, mean_p), here);  // [N, h, w, K, C]
  const Tensor slope = reshape(permute(a, {0, 3, 4, 1, 2}, here).contiguous(here), {n, k * c, h, w}, here);
  const Tensor explained =
      sum(mul(reshape(slope, {n, k, c, h, w}, here), unsqueeze(mean_g, 2, here), here), {1}, false, here);
  return {slope, sub(mean_p, explained, here)};
}

}  // namespace

Tensor bilateral_blur(const Tensor& image, const BilateralBlur& options, Here here) {
  return blurred("filters.bilateral_blur", image, image, options, here);
}

Tensor joint_bilateral_blur(const Tensor& image, const Tensor& guidance, const BilateralBlur& options, Here here) {
  return blurred("filters.joint_bilateral_blur", image, guidance, options, here);
}

Tensor guided_blur(const Tensor& guidance, const Tensor& image, const GuidedBlur& options, Here here) {
  const char* name = "filters.guided_blur";
  require_image4(name, guidance);
  require_image4(name, image);
  require<ShapeError>(guidance.size(0) == image.size(0) && guidance.size(2) == image.size(2) &&
                          guidance.size(3) == image.size(3) && guidance.dtype() == image.dtype(),
                      name, ": expected a guidance of the image's extents and dtype, got ", guidance.shape(), " for ",
                      image.shape());
  const std::int64_t step = options.subsample;
  require<ShapeError>(step >= 1 && (step == 1 || std::min(image.size(2), image.size(3)) >= step), name,
                      ": expected subsample between 1 and the image's extents, got ", step);
  const Tensor eps = of_image(name, "eps", options.eps, image, here);
  Size window = options.kernel;
  if (step > 1) window = {(window.height - 1) / step + 1, (window.width - 1) / step + 1};
  const auto mean = [&](const Tensor& x) { return box_blur(x, {window, options.border}, here); };
  const Tensor g = step > 1 ? thinned(guidance, step, here) : guidance;
  const Tensor p = step > 1 ? thinned(image, step, here) : image;
  const bool one = g.size(1) == 1;
  const Line line = one ? fit_one(g, p, eps, mean, here) : fit_several(g, p, eps, mean, here);
  Tensor slope = mean(line.slope), offset = mean(line.offset);
  if (step > 1) {
    const Size whole{image.size(2), image.size(3)};
    slope = thickened(slope, step, whole, here);
    offset = thickened(offset, step, whole, here);
  }
  if (one) return add(mul(slope, guidance, here), offset, here);
  const Tensor by_channel =
      reshape(slope, {image.size(0), guidance.size(1), image.size(1), image.size(2), image.size(3)}, here);
  return add(sum(mul(by_channel, unsqueeze(guidance, 2, here), here), {1}, false, here), offset, here);
}

}  // namespace lumigrad::filters
