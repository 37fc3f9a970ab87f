// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/thumbnail.h>
#include <algorithm>
#include <cmath>

namespace lumigrad {
namespace {

constexpr std::int64_t longest = 48, least_picture = 4;

/// The means of square blocks, channels innermost.
template <class T>
std::vector<double> block_means(const Tensor& tensor, const Thumbnail& to) {
  const int rank = tensor.rank();
  const std::int64_t height = tensor.size(rank - 2), width = tensor.size(rank - 1);
  const Strides& strides = tensor.strides();
  const auto last = static_cast<std::size_t>(rank - 1);
  const std::int64_t down = strides[last - 1], right = strides[last], plane = rank > 2 ? strides[last - 2] : 0;
  const T* from = tensor.data<T>();
  std::vector<double> means;
  for (std::int64_t y = 0; y < to.height; ++y)
    for (std::int64_t x = 0; x < to.width; ++x)
      for (std::int64_t c = 0; c < to.channels; ++c) {
        const std::int64_t bottom = std::min(height, (y + 1) * to.block), end = std::min(width, (x + 1) * to.block);
        double sum = 0;
        for (std::int64_t v = y * to.block; v < bottom; ++v)
          for (std::int64_t u = x * to.block; u < end; ++u)
            sum += static_cast<double>(from[c * plane + v * down + u * right]);
        means.push_back(sum / static_cast<double>((bottom - y * to.block) * (end - x * to.block)));
      }
  return means;
}

void paint(Thumbnail& to, const std::vector<double>& means, Scale scale) {
  double least = INFINITY, most = -INFINITY;
  for (const double v : means)
    if (std::isfinite(v)) least = std::min(least, v), most = std::max(most, v);
  if (scale == Scale::gradients) {
    const double reach = std::max({0.0, -least, most});
    to.high = reach > 0 && std::isfinite(reach) ? reach : 1;
    to.low = -to.high;
  } else if (least < 0 || most > 1) {
    to.low = least;
    to.high = most > least ? most : least + 1;
  }
  for (const double v : means) {
    to.finite = to.finite && std::isfinite(v);
    const double part = std::isfinite(v) ? (v - to.low) / (to.high - to.low) : 0;
    to.pixels.push_back(static_cast<std::uint8_t>(std::lround(255 * std::clamp(part, 0.0, 1.0))));
  }
}

}  // namespace

Thumbnail thumbnail(const Tensor& tensor, Scale scale) {
  NoGrad off;
  Thumbnail to;
  const int rank = tensor.rank();
  if (tensor.numel() > 0 && rank >= 2 && tensor.size(rank - 1) >= least_picture &&
      tensor.size(rank - 2) >= least_picture) {
    to.block = (std::max(tensor.size(rank - 1), tensor.size(rank - 2)) + longest - 1) / longest;
    to.height = (tensor.size(rank - 2) + to.block - 1) / to.block;
    to.width = (tensor.size(rank - 1) + to.block - 1) / to.block;
    to.channels = rank > 2 && tensor.size(rank - 3) == 3 ? 3 : 1;
    paint(to, tensor.dtype() == DType::f64 ? block_means<double>(tensor, to) : block_means<float>(tensor, to), scale);
    return to;
  }
  const std::vector<double> all = tensor.values();
  const auto count = static_cast<std::int64_t>(all.size());
  to.block = std::max<std::int64_t>(1, (count + longest - 1) / longest);
  for (std::int64_t i = 0; i < count; i += to.block) {
    const std::int64_t end = std::min(count, i + to.block);
    double sum = 0;
    for (std::int64_t k = i; k < end; ++k) sum += all[static_cast<std::size_t>(k)];
    to.numbers.push_back(sum / static_cast<double>(end - i));
    to.finite = to.finite && std::isfinite(to.numbers.back());
  }
  return to;
}

}  // namespace lumigrad
