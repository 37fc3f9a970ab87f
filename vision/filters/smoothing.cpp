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

// The i-th channel of images, as images of one.
Tensor channel(const Tensor& x, std::int64_t i, Here here) { return slice(x, 1, i, i + 1, 1, here); }

struct Line {
  std::vector<Tensor> slope;  // one a channel of the guidance, [N, C, h, w], as is the offset
  Tensor offset;
};

// The guidance g of K channels: slope = (cov(g, g) + eps I)^-1 cov(g, p), a system a pixel. It is symmetric and
// positive definite, so elimination needs no exchange of rows: whole planes stand for its numbers.
template <class Mean>
Line fit(const Tensor& g, const Tensor& p, const Tensor& eps, const Mean& mean, Here here) {
  const auto count = static_cast<std::size_t>(g.size(1));
  const Tensor mean_g = mean(g), mean_p = mean(p);
  std::vector<Tensor> guide(count), level(count), right(count);
  std::vector<std::vector<Tensor>> left(count, std::vector<Tensor>(count)), factor = left;
  const auto covariance = [&](std::size_t i, const Tensor& x, const Tensor& mean_x) {
    return sub(mean(mul(guide[i], x, here)), mul(level[i], mean_x, here), here);
  };
  for (std::size_t i = 0; i < count; ++i) {
    guide[i] = channel(g, static_cast<std::int64_t>(i), here);
    level[i] = channel(mean_g, static_cast<std::int64_t>(i), here);
    for (std::size_t j = 0; j <= i; ++j) left[i][j] = covariance(i, guide[j], level[j]);
    left[i][i] = add(left[i][i], eps, here);
    right[i] = covariance(i, p, mean_p);
  }
  for (std::size_t j = 0; j < count; ++j)
    for (std::size_t i = j + 1; i < count; ++i) {
      factor[i][j] = div(left[i][j], left[j][j], here);
      for (std::size_t m = j + 1; m <= i; ++m) left[i][m] = sub(left[i][m], mul(factor[i][j], left[m][j], here), here);
      right[i] = sub(right[i], mul(factor[i][j], right[j], here), here);
    }
  Line line{std::vector<Tensor>(count), mean_p};
  for (std::size_t i = count; i-- > 0;) {
    line.slope[i] = div(right[i], left[i][i], here);
    for (std::size_t m = i + 1; m < count; ++m)
      line.slope[i] = sub(line.slope[i], mul(factor[m][i], line.slope[m], here), here);
    line.offset = sub(line.offset, mul(line.slope[i], level[i], here), here);
  }
  return line;
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
  const Line line = fit(g, p, eps, mean, here);
  const auto whole = [&](const Tensor& x) {
    return step > 1 ? thickened(mean(x), step, {image.size(2), image.size(3)}, here) : mean(x);
  };
  Tensor result = whole(line.offset);
  for (std::size_t i = 0; i < line.slope.size(); ++i)
    result = add(result, mul(whole(line.slope[i]), channel(guidance, static_cast<std::int64_t>(i), here), here), here);
  return result;
}

}  // namespace lumigrad::filters
