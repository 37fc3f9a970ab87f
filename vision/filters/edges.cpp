// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/filters/edges.h>

#include <lumigrad/engine/families/filter_device.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/filters/filters.h>
#include <lumigrad/vision/filters/kernel_pairs.h>
#include <cmath>
#include <numbers>

namespace lumigrad::filters {
namespace {

constexpr FilterOptions going_on{Border::border};

Tensor weights_of(const std::vector<double>& line, bool normalized, const Tensor& image) {
  double total = 0;
  for (const double v : line) total += std::abs(v);
  std::vector<double> values = line;
  if (normalized)
    for (double& v : values) v /= total;
  return Tensor::from(values, {static_cast<std::int64_t>(values.size())}).to(image.dtype()).to(image.device());
}

// The derivatives one by one.
std::vector<Tensor> slopes_of(const char* name, const Tensor& image, const SpatialGradient& o, Here here) {
  require_filterable(name, image);
  std::vector<Tensor> slopes;
  for (const Lines& lines : slope_lines(name, o.mode, o.order))
    slopes.push_back(filter_separable(image, weights_of(lines.column, o.normalized, image),
                                      weights_of(lines.row, o.normalized, image), going_on, here));
  return slopes;
}

// sqrt(x^2 + y^2 + epsilon), smooth where epsilon > 0.
Tensor length(const std::vector<Tensor>& slopes, double epsilon, Here here) {
  return hypot(slopes[0], epsilon > 0 ? hypot(slopes[1], std::sqrt(epsilon), here) : slopes[1], here);
}

// The neighbour in one of eight directions, x to the right and y down, each 45 degrees further.
constexpr int step_x[] = {1, 1, 0, -1, -1, -1, 0, 1}, step_y[] = {0, 1, 1, 1, 0, -1, -1, -1};

// 1 where the magnitude of a plane exceeds that of both neighbours along the slope; outside there is none.
template <class T>
void suppress(const T* magnitude, const T* gx, const T* gy, std::int64_t h, std::int64_t w, T* kept) {
  const auto at = [&](std::int64_t y, std::int64_t x) {
    return y < 0 || x < 0 || y >= h || x >= w ? T(0) : magnitude[y * w + x];
  };
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x) {
      const std::int64_t i = y * w + x;
      const double eighths =
          std::nearbyint(std::atan2(static_cast<double>(gy[i]), static_cast<double>(gx[i])) * (4 / std::numbers::pi));
      const int d = std::isnan(eighths) ? 0 : (static_cast<int>(eighths) + 8) % 8;
      kept[i] = magnitude[i] > at(y + step_y[d], x + step_x[d]) && magnitude[i] > at(y - step_y[d], x - step_x[d]);
    }
}

// From every pixel of 1, pixels of 0.5 beside it become 1; those that are left become 0.
template <class T>
void follow(T* edges, std::int64_t h, std::int64_t w) {
  std::vector<std::int64_t> open;
  for (std::int64_t i = 0; i < h * w; ++i)
    if (edges[i] == T(1)) open.push_back(i);
  while (!open.empty()) {
    const std::int64_t i = open.back(), y = i / w, x = i % w;
    open.pop_back();
    for (int d = 0; d < 8; ++d) {
      const std::int64_t ny = y + step_y[d], nx = x + step_x[d];
      if (ny < 0 || nx < 0 || ny >= h || nx >= w || edges[ny * w + nx] != T(0.5)) continue;
      edges[ny * w + nx] = 1;
      open.push_back(ny * w + nx);
    }
  }
  for (std::int64_t i = 0; i < h * w; ++i) edges[i] = edges[i] == T(1);
}

template <class T>
void find_edges(const Tensor& magnitude, const std::vector<Tensor>& slopes, const Canny& o, Tensor& kept,
                Tensor& edges) {
  const std::int64_t h = magnitude.size(-2), w = magnitude.size(-1), plane = h * w;
  const Tensor m = magnitude.detach().contiguous(), gx = slopes[0].detach().contiguous(),
               gy = slopes[1].detach().contiguous();
  T *keep = kept.mutable_data<T>(), *edge = edges.mutable_data<T>();
  for (std::int64_t n = 0; n < m.size(0); ++n) {
    const T* from = m.data<T>() + n * plane;
    suppress(from, gx.data<T>() + n * plane, gy.data<T>() + n * plane, h, w, keep + n * plane);
    T* own = edge + n * plane;
    for (std::int64_t i = 0; i < plane; ++i) {
      const T value = keep[n * plane + i] * from[i];
      own[i] = value > static_cast<T>(o.high) ? T(1) : value > static_cast<T>(o.low) ? T(0.5) : T(0);
    }
    if (o.hysteresis) follow(own, h, w);
  }
}

}  // namespace

Tensor laplacian(const Tensor& image, const Laplacian& options, Here here) {
  require_filterable("filters.laplacian", image);
  Tensor kernel = get_laplacian_kernel2d(options.kernel, image.dtype()).to(image.device());
  if (options.normalized) kernel = normalize_kernel(kernel, 2, here);
  return filter(image, kernel, 2, {options.border}, here);
}

Tensor spatial_gradient(const Tensor& image, const SpatialGradient& options, Here here) {
  return stack(slopes_of("filters.spatial_gradient", image, options, here), image.rank() - 2, here);
}

Tensor spatial_gradient3d(const Tensor& volume, int order, Here here) {
  const char* name = "filters.spatial_gradient3d";
  require_filterable(name, volume, 3);
  std::vector<Tensor> slopes;
  for (const Lines& lines : slope_lines3d(name, order)) {
    Tensor kernel = Tensor::ones({1, 1, 1}, volume.dtype(), volume.device());
    const std::vector<double>* along[] = {&lines.depth, &lines.column, &lines.row};
    for (int axis = 0; axis < 3; ++axis) {
      if (along[axis]->empty()) continue;
      std::int64_t extents[] = {1, 1, 1};
      extents[axis] = 3;
      kernel = mul(kernel, reshape(weights_of(*along[axis], false, volume), std::span<const std::int64_t>(extents)));
    }
    slopes.push_back(filter(volume, kernel, 3, going_on, here));
  }
  return stack(slopes, volume.rank() - 3, here);
}

Tensor sobel(const Tensor& image, const Sobel& options, Here here) {
  const SpatialGradient gradient{.normalized = options.normalized};
  return length(slopes_of("filters.sobel", image, gradient, here), options.epsilon, here);
}

Edges canny(const Tensor& image, const Canny& options, Here here) {
  const char* name = "filters.canny";
  require<ShapeError>(image.rank() == 4 && (image.size(1) == 1 || image.size(1) == 3), name,
                      ": expected images [N, 1, H, W] or [N, 3, H, W], got shape ", image.shape());
  require_filterable(name, image);
  require<NumericError>(options.low > 0 && options.low <= options.high, name, ": expected 0 < low <= high, got ",
                        options.low, " and ", options.high);
  Tensor grey = image;
  if (image.size(1) == 3) {
    const Tensor weights = Tensor::from(std::vector<double>{0.299, 0.587, 0.114}, {3, 1, 1}).to(image.dtype());
    grey = sum(mul(image, weights.to(image.device()), here), {1}, true, here);
  }
  const Tensor blurred = gaussian_blur2d(grey, {.kernel = options.kernel, .sigma = options.sigma}, here);
  const std::vector<Tensor> slopes = slopes_of(name, blurred, {.normalized = false}, here);
  const Tensor magnitude = length(slopes, options.epsilon, here);
  if (image.device() != Device()) {
    const ThinEdges found =
        edges_on_device(name, magnitude, slopes[0], slopes[1], options.low, options.high, options.hysteresis);
    return {mul(magnitude, found.kept, here), found.edges};
  }
  Tensor kept = Tensor::empty(magnitude.shape(), magnitude.dtype());
  Tensor edges = Tensor::empty(magnitude.shape(), magnitude.dtype());
  if (magnitude.dtype() == DType::f32) {
    find_edges<float>(magnitude, slopes, options, kept, edges);
  } else {
    find_edges<double>(magnitude, slopes, options, kept, edges);
  }
  return {mul(magnitude, kept, here), edges};
}

}  // namespace lumigrad::filters
