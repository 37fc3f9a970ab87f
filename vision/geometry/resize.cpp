// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/geometry/resize.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/requirements.h>
#include <lumigrad/vision/geometry/axis_bands.h>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace lumigrad::geometry {
namespace {

void require_image(const char* name, const Tensor& image) {
  require<ShapeError>(image.rank() == 4, name, ": expected an image [N, C, H, W], got ", image.shape());
  require<DTypeError>(is_differentiable(image.dtype()), name, ": expected an image of f32 or f64, got ", image.dtype(),
                      advice(image.dtype()));
}

// All axes from 2 on, the one that shrinks most first: less is left to do.
Tensor apply(Tensor image, std::vector<Band> bands, Here here) {
  const auto shared = [&](std::size_t i) { return std::make_shared<const Band>(std::move(bands[i])); };
  if (bands.size() == 2) return resample_planes(image, shared(0), shared(1), here);
  std::vector<std::size_t> order(bands.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return bands[a].rows() * bands[b].columns() < bands[b].rows() * bands[a].columns();
  });
  for (const std::size_t i : order) image = resample(image, 2 + static_cast<int>(i), shared(i), here);
  return image;
}

// Kornia's blur before a reduction by f: length about 4 sigma, odd, at least 3.
Band blur_before(std::int64_t extent, double f) {
  const double sigma = std::max((f - 1) / 2, 0.001);
  const int length = static_cast<int>(std::max(4 * sigma, 3.0)) | 1;
  return filter_band(extent, gaussian_kernel(length, sigma), Border::reflection);
}

const std::vector<double> binomial = {0.0625, 0.25, 0.375, 0.25, 0.0625};

std::int64_t power_of_two_from(std::int64_t extent) {
  std::int64_t power = 1;
  while (power < extent) power *= 2;
  return power;
}

// Whether both extents can be halved so many times.
bool halves(const Tensor& image, int times) {
  const std::int64_t part = std::int64_t{1} << std::clamp(times, 0, 62);
  return image.size(2) % part == 0 && image.size(3) % part == 0;
}

std::span<const std::int64_t> axes_of(const Shape& image) { return image.extents().last(image.rank() == 5 ? 3 : 2); }

}  // namespace

std::vector<Band> resize_bands(const Shape& image, const ResizeOptions& options) {
  const std::span<const std::int64_t> extents = axes_of(image);
  const bool volume = extents.size() == 3;
  std::vector<std::int64_t> to = {options.size.height, options.size.width};
  std::vector<double> scale = {options.scale_y, options.scale_x};
  if (volume) {
    to.insert(to.begin(), options.depth);
    scale.insert(scale.begin(), options.scale_z);
  }
  std::vector<double> factor;
  for (std::size_t i = 0; i < to.size(); ++i) {
    const std::int64_t from = extents[i];
    require<ShapeError>(from > 0, "resize: expected an image with pixels, got ", image);
    require<NumericError>(scale[i] >= 0 && scale[i] < 1e6, "resize: expected scales in [0, 1e6), got ", scale[i]);
    if (to[i] == 0) to[i] = static_cast<std::int64_t>(static_cast<double>(from) * scale[i]);
    require<ShapeError>(to[i] > 0, "resize: expected a size of at least one pixel a side, got ", to[i]);
    factor.push_back(static_cast<double>(from) / static_cast<double>(to[i]));
  }
  const bool blurs = options.antialias == Antialias::gaussian && *std::max_element(factor.begin(), factor.end()) > 1;
  std::vector<Band> bands;
  for (std::size_t i = 0; i < to.size(); ++i) {
    bands.push_back(interpolation_band(extents[i], to[i], scale[i] > 0 ? 1 / scale[i] : factor[i], options));
    if (blurs) bands.back() = bands.back().after(blur_before(extents[i], factor[i]));
  }
  return bands;
}

Tensor resize(const Tensor& image, const ResizeOptions& options, Here here) {
  if (image.rank() != 5) require_image("resize", image);
  require<DTypeError>(is_differentiable(image.dtype()), "resize: expected an image of f32 or f64, got ", image.dtype(),
                      advice(image.dtype()));
  require<ShapeError>(image.rank() == 5 || options.depth == 0,
                      "resize: expected a volume [N, C, D, H, W] for a depth, got ", image.shape());
  return apply(image, resize_bands(image.shape(), options), here);
}

Tensor resize_side(const Tensor& image, std::int64_t length, Side side, const ResizeOptions& options, Here here) {
  require_image("resize_side", image);
  require<ShapeError>(image.size(2) > 0 && image.size(3) > 0, "resize_side: expected an image with pixels, got ",
                      image.shape());
  const double aspect = static_cast<double>(image.size(3)) / static_cast<double>(image.size(2));
  const bool wide = aspect >= 1;
  const bool fixes_height =
      side == Side::vertical || (side == Side::shorter && wide) || (side == Side::longer && !wide);
  ResizeOptions sized = options;
  const auto given = static_cast<double>(length);
  if (fixes_height) {
    sized.size = {length, static_cast<std::int64_t>(given * aspect)};
  } else {
    sized.size = {static_cast<std::int64_t>(given / aspect), length};
  }
  return resize(image, sized, here);
}

Tensor rescale(const Tensor& image, double factor_y, double factor_x, const ResizeOptions& options, Here here) {
  const bool volume = image.rank() == 5;
  if (!volume) require_image("rescale", image);
  const double factor_z = options.scale_z > 0 ? options.scale_z : 1;
  for (const double factor : {factor_z, factor_y, factor_x})
    require<NumericError>(factor > 0 && factor < 1e6, "rescale: expected factors in (0, 1e6), got ", factor);
  const auto scaled = [&](int axis, double factor) {
    return static_cast<std::int64_t>(static_cast<double>(image.size(axis)) * factor);
  };
  ResizeOptions sized = options;
  sized.scale_z = 0;
  sized.size = {scaled(-2, factor_y), scaled(-1, factor_x)};
  if (volume) sized.depth = scaled(2, factor_z);
  return resize(image, sized, here);
}

Tensor crop_by_indices(const Tensor& image, const Tensor& boxes, const ResizeOptions& options, bool pad, Here here) {
  const char* name = "crop_by_indices";
  require_image(name, image);
  require<ShapeError>(boxes.shape() == Shape{image.size(0), 4, 2}, name, ": expected boxes [", image.size(0),
                      ", 4, 2], got ", boxes.shape());
  const std::vector<double> corner = boxes.detach().values();
  ResizeOptions sized = options;
  std::vector<Tensor> parts;
  for (std::int64_t n = 0; n < image.size(0); ++n) {
    Tensor part = slice(image, 0, n, n + 1, 1, here);
    for (int axis = 0; axis < 2; ++axis) {  // x, then y; corner 2 is opposite to corner 0
      const double first = corner[static_cast<std::size_t>(8 * n + axis)];
      const double last = corner[static_cast<std::size_t>(8 * n + 4 + axis)];
      const auto extent = static_cast<double>(image.size(3 - axis));
      require<ShapeError>(first >= 0 && last >= first && last < extent, name, ": expected a box in the image, got ",
                          first, " to ", last, " of ", extent);
      part = slice(part, 3 - axis, static_cast<std::int64_t>(first), static_cast<std::int64_t>(last) + 1, 1, here);
    }
    const Size size{part.size(2), part.size(3)};
    if (sized.size == Size{}) sized.size = size;
    if (!(size == sized.size) && !pad) part = resize(part, sized, here);
    if (!(size == sized.size) && pad) {
      require<ShapeError>(size.height <= sized.size.height && size.width <= sized.size.width, name,
                          ": expected a box of at most ", sized.size.height, " x ", sized.size.width, " to pad, got ",
                          size.height, " x ", size.width);
      part = embed(embed(part, 2, 0, 1, sized.size.height, here), 3, 0, 1, sized.size.width, here);
    }
    parts.push_back(part);
  }
  require<ShapeError>(!parts.empty(), name, ": expected at least one image, got ", image.shape());
  return concat(parts, 0, here);
}

Tensor resize_to_be_divisible(const Tensor& image, std::int64_t divisor, const ResizeOptions& options, Here here) {
  require_image("resize_to_be_divisible", image);
  require<NumericError>(divisor > 0, "resize_to_be_divisible: expected a divisor of at least 1, got ", divisor);
  const auto closest = [divisor](std::int64_t n) {
    return divisor * static_cast<std::int64_t>(std::nearbyint(static_cast<double>(n) / static_cast<double>(divisor)));
  };
  ResizeOptions sized = options;
  sized.size = {closest(image.size(2)), closest(image.size(3))};
  return resize(image, sized, here);
}

std::vector<Band> pyrdown_bands(const Shape& image, double factor, const PyramidOptions& options) {
  require<NumericError>(factor >= 1, "pyrdown: expected a factor of at least 1, got ", factor);
  ResizeOptions reduced{.align_corners = options.align_corners};
  std::vector<Band> bands;
  for (const std::int64_t from : axes_of(image)) {
    const auto to = static_cast<std::int64_t>(std::floor(static_cast<double>(from) / factor));
    require<ShapeError>(to > 0, "pyrdown: expected an image of at least ", factor, " pixels a side, got ", image);
    bands.push_back(interpolation_band(from, to, static_cast<double>(from) / static_cast<double>(to), reduced)
                        .after(filter_band(from, binomial, options.border)));
  }
  return bands;
}

Tensor pyrdown(const Tensor& image, double factor, const PyramidOptions& options, Here here) {
  require_image("pyrdown", image);
  return apply(image, pyrdown_bands(image.shape(), factor, options), here);
}

std::vector<Band> pyrup_bands(const Shape& image, const PyramidOptions& options) {
  ResizeOptions enlarged{.align_corners = options.align_corners};
  std::vector<Band> bands;
  for (const std::int64_t from : axes_of(image)) {
    require<ShapeError>(from > 0, "pyrup: expected an image with pixels, got ", image);
    bands.push_back(
        filter_band(2 * from, binomial, options.border).after(interpolation_band(from, 2 * from, 0.5, enlarged)));
  }
  return bands;
}

Tensor pyrup(const Tensor& image, const PyramidOptions& options, Here here) {
  require_image("pyrup", image);
  return apply(image, pyrup_bands(image.shape(), options), here);
}

std::vector<Tensor> build_pyramid(const Tensor& image, int levels, const PyramidOptions& options, Here here) {
  require_image("build_pyramid", image);
  require<NumericError>(levels >= 1, "build_pyramid: expected at least 1 level, got ", levels);
  std::vector<Tensor> pyramid{image};
  while (static_cast<int>(pyramid.size()) < levels) pyramid.push_back(pyrdown(pyramid.back(), 2, options, here));
  return pyramid;
}

std::vector<Tensor> build_laplacian_pyramid(const Tensor& image, int levels, const PyramidOptions& options, Here here) {
  require_image("build_laplacian_pyramid", image);
  const std::int64_t height = power_of_two_from(image.size(2)), width = power_of_two_from(image.size(3));
  Tensor whole = image;
  if ((height != image.size(2) && width != image.size(3)) || !halves(image, levels - 1))
    whole = apply(image,
                  {continued_band(image.size(2), height, Border::reflection),
                   continued_band(image.size(3), width, Border::reflection)},
                  here);
  std::vector<Tensor> pyramid = build_pyramid(whole, levels, options, here);
  for (std::size_t i = 0; i + 1 < pyramid.size(); ++i)
    pyramid[i] = sub(pyramid[i], pyrup(pyramid[i + 1], options, here), here);
  return pyramid;
}

}  // namespace lumigrad::geometry
