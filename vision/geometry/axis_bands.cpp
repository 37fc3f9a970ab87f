// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/geometry/axis_bands.h>

#include <lumigrad/engine/families/interpolation.h>

#include <algorithm>
#include <cmath>

namespace lumigrad::geometry {
namespace {

template <class W, std::size_t... K>
std::vector<double> weights_of(double t, double a, std::index_sequence<K...>) {
  const auto w = forward<W>(&t, &a);
  return {w[int(K)]...};
}

// Hat function and Keys' cubic over their whole support, for weights made wider.
double hat(double u) { return std::max(0.0, 1 - std::abs(u)); }
double keys(double u, double a) {
  u = std::abs(u);
  if (u < 1) return ((a + 2) * u - (a + 3)) * u * u + 1;
  return u < 2 ? ((a * u - 5 * a) * u + 8 * a) * u - 4 * a : 0;
}

// The interpolation's weights stretched to the scale of the result: support of 1 (hat) or 2 (Keys) new pixels.
void add_stretched(Band& band, std::int64_t from, double center, double scale, bool cubic) {
  const double wide = std::max(scale, 1.0), support = (cubic ? 2 : 1) * wide;
  const std::int64_t first = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
  const std::int64_t last = std::min(static_cast<std::int64_t>(center + support + 0.5), from);
  std::vector<double> weight;
  double total = 0;
  for (std::int64_t k = first; k < last; ++k) {
    const double u = (static_cast<double>(k) - center + 0.5) / wide;
    weight.push_back(cubic ? keys(u, -0.5) : hat(u));
    total += weight.back();
  }
  for (std::int64_t k = first; k < last; ++k) band.add(k, weight[static_cast<std::size_t>(k - first)] / total);
}

}  // namespace

Band interpolation_band(std::int64_t from, std::int64_t to, double scale, const ResizeOptions& options) {
  Band band(from);
  const auto last = static_cast<double>(from - 1);
  if (options.align_corners) scale = to > 1 ? last / static_cast<double>(to - 1) : 0;
  for (std::int64_t i = 0; i < to; ++i) {
    band.start_row();
    const auto at = static_cast<double>(i);
    if (options.mode == Resampling::area) {
      const std::int64_t first = i * from / to, end = ((i + 1) * from + to - 1) / to;
      for (std::int64_t k = first; k < end; ++k) band.add(k, 1 / static_cast<double>(end - first));
      continue;
    }
    if (options.mode == Resampling::floor) {
      band.add(std::min(static_cast<std::int64_t>(at * scale), from - 1), 1);
      continue;
    }
    if (options.antialias == Antialias::support && options.mode != Resampling::nearest) {
      add_stretched(band, from, scale * (at + 0.5), scale, options.mode == Resampling::bicubic);
      continue;
    }
    const double x = options.align_corners ? at * scale : (at + 0.5) * scale - 0.5;
    std::int64_t first = static_cast<std::int64_t>(std::floor(x));
    std::vector<double> w{1};
    if (options.mode == Resampling::nearest) first = static_cast<std::int64_t>(std::floor(x + 0.5));
    if (options.mode == Resampling::bilinear)
      w = weights_of<LinearWeights>(x - std::floor(x), 0, std::make_index_sequence<2>());
    if (options.mode == Resampling::bicubic) {
      w = weights_of<CubicWeights>(x - std::floor(x), options.cubic, std::make_index_sequence<4>());
      --first;
    }
    for (std::size_t k = 0; k < w.size(); ++k)
      band.add(index_at_border(first + static_cast<std::int64_t>(k), from, Border::border), w[k]);
  }
  return band;
}

Band filter_band(std::int64_t extent, const std::vector<double>& kernel, Border border) {
  Band band(extent);
  const auto half = static_cast<std::int64_t>(kernel.size() / 2);
  for (std::int64_t i = 0; i < extent; ++i) {
    band.start_row();
    for (std::size_t k = 0; k < kernel.size(); ++k) {
      const std::int64_t from = index_at_border(i + static_cast<std::int64_t>(k) - half, extent, border);
      if (from >= 0) band.add(from, kernel[k]);
    }
  }
  return band;
}

std::vector<double> gaussian_kernel(int length, double sigma) {
  std::vector<double> kernel(static_cast<std::size_t>(length));
  double total = 0;
  for (int k = 0; k < length; ++k) {
    const double u = (k - length / 2) / sigma;
    total += kernel[static_cast<std::size_t>(k)] = std::exp(-0.5 * u * u);
  }
  for (double& v : kernel) v /= total;
  return kernel;
}

Band continued_band(std::int64_t extent, std::int64_t to, Border border) {
  Band band(extent);
  for (std::int64_t i = 0; i < to; ++i) {
    band.start_row();
    const std::int64_t from = index_at_border(i, extent, border);
    if (from >= 0) band.add(from, 1);
  }
  return band;
}

}  // namespace lumigrad::geometry
