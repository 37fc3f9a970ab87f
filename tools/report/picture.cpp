// SPDX-License-Identifier: Apache-2.0
#include "picture.h"

#include <lumigrad/engine/views.h>
#include <lumigrad/vision/image_io/pixels.h>

#include <algorithm>
#include <cmath>

namespace lumigrad::report {
namespace {

/// Planes of an image as dense floats.
struct Planes {
  explicit Planes(const Tensor& image)
      : held(to_float(image).contiguous()), count(held.size(0)), area(held.size(1) * held.size(2)) {}
  const float* operator[](std::int64_t channel) const {
    return held.data<float>() + std::min(channel, count - 1) * area;
  }

  Tensor held;
  std::int64_t count, area;
};

/// A pixel counts as inside where nothing of the border was mixed into it.
constexpr float whole = 0.99f;

constexpr float finite(float v) { return v == v ? v : 0.0f; }

Tensor like(const Tensor& image, std::int64_t channels) {
  return Tensor::empty({channels, image.size(1), image.size(2)});
}

/// A picture from a function of (pixel index, channel).
template <class Colour>
Tensor painted(const Tensor& like_this, Colour colour) {
  Tensor picture = like(like_this, 3);
  const std::int64_t area = picture.size(1) * picture.size(2);
  float* to = picture.mutable_data<float>();
  for (std::int64_t c = 0; c < 3; ++c)
    for (std::int64_t i = 0; i < area; ++i) to[c * area + i] = colour(i, c);
  return picture;
}

}  // namespace

Tensor grey(const Tensor& image) {
  const Planes planes(image);
  Tensor result = like(image, 1);
  float* to = result.mutable_data<float>();
  for (std::int64_t i = 0; i < planes.area; ++i)
    to[i] =
        finite(planes.count < 3 ? planes[0][i] : 0.299f * planes[0][i] + 0.587f * planes[1][i] + 0.114f * planes[2][i]);
  return result;
}

Tensor colours(const Tensor& image) {
  const Planes planes(image);
  return painted(image, [&](std::int64_t i, std::int64_t c) { return finite(planes[planes.count < 3 ? 0 : c][i]); });
}

Tensor block_means(const Tensor& image, std::int64_t block) {
  const std::int64_t channels = image.size(0), height = image.size(1), width = image.size(2);
  const std::int64_t rows = (height + block - 1) / block, columns = (width + block - 1) / block;
  Tensor result = Tensor::empty({channels, rows, columns});
  float* to = result.mutable_data<float>();
  for (std::int64_t y = 0; y < rows; ++y) {
    const std::int64_t bottom = std::min(height, (y + 1) * block), here = bottom - y * block;
    const Planes planes(slice(image, 1, y * block, bottom));
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t x = 0; x < columns; ++x) {
        const std::int64_t right = std::min(width, (x + 1) * block);
        double sum = 0;
        for (std::int64_t v = 0; v < here; ++v)
          for (std::int64_t u = x * block; u < right; ++u) sum += static_cast<double>(planes[c][v * width + u]);
        to[(c * rows + y) * columns + x] = static_cast<float>(sum / static_cast<double>(here * (right - x * block)));
      }
  }
  return result;
}

Tensor shrunk(const Tensor& image, std::int64_t longest) {
  const std::int64_t block = (std::max(image.size(1), image.size(2)) + longest - 1) / longest;
  return block <= 1 ? image : block_means(image, block);
}

Tensor red_cyan(const Tensor& a, const Tensor& b, const Tensor& inside) {
  const Planes first(a), second(b), where(inside);
  return painted(a, [&](std::int64_t i, std::int64_t c) {
    if (where[0][i] < whole) return 0.4f * first[0][i];
    return c == 0 ? first[0][i] : second[0][i];
  });
}

Tensor checkerboard(const Tensor& a, const Tensor& b, const Tensor& inside, int across) {
  const Planes first(a), second(b), where(inside);
  const std::int64_t width = a.size(2), side = std::max<std::int64_t>(1, std::max(a.size(1), width) / across);
  return painted(a, [&](std::int64_t i, std::int64_t c) {
    const bool from_b = ((i / width / side) + (i % width / side)) % 2 == 1 && where[0][i] >= whole;
    return from_b ? second[c][i] : first[c][i];
  });
}

Tensor signed_difference(const Tensor& a, const Tensor& b, const Tensor& inside, double scale) {
  const Planes first(a), second(b), where(inside);
  const auto unit = static_cast<float>(1 / scale);
  constexpr float red[] = {0.75f, 0.15f, 0.13f}, blue[] = {0.11f, 0.32f, 0.72f};
  return painted(a, [&](std::int64_t i, std::int64_t c) {
    if (where[0][i] < whole) return 0.62f;
    const float t = std::clamp((first[0][i] - second[0][i]) * unit, -1.0f, 1.0f);
    return 1 + std::fabs(t) * ((t > 0 ? red[c] : blue[c]) - 1);
  });
}

double rms_difference(const Tensor& a, const Tensor& b, const Tensor& inside) {
  const Planes first(a), second(b), where(inside);
  double sum = 0, count = 0;
  for (std::int64_t i = 0; i < first.area; ++i) {
    if (where[0][i] < whole) continue;
    const double d = static_cast<double>(first[0][i]) - static_cast<double>(second[0][i]);
    sum += d * d;
    ++count;
  }
  return count > 0 ? std::sqrt(sum / count) : 0.0;
}

}  // namespace lumigrad::report
