// SPDX-License-Identifier: Apache-2.0
// Where pixel centres lie in [-1, 1], axis by axis, as matrices in double: matrices stay in double up to the kernels,
// which need them so. Images and volumes are the same here.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad::geometry {

/// Scale and offset along one axis.
struct Line {
  double scale = 1, offset = 0;
};

/// Lines along x, y (and z) as one homogeneous matrix, [1, 3, 3] or [1, 4, 4], on the device of what it is for.
inline Tensor diagonal(std::initializer_list<Line> lines, const Tensor& like) {
  const auto n = static_cast<std::int64_t>(lines.size()) + 1;
  std::vector<double> entries(static_cast<std::size_t>(n * n), 0.0);
  std::size_t row = 0;
  for (const Line& line : lines) {
    entries[row * static_cast<std::size_t>(n) + row] = line.scale;
    entries[++row * static_cast<std::size_t>(n) - 1] = line.offset;
  }
  entries.back() = 1;
  return Tensor::from(entries, {1, n, n}).to(like.device());
}

/// What numbers of the program made, a matrix or an option, follows the image to its device.
inline Tensor following(const Tensor& matrix, const Tensor& image, Here here) {
  return matrix.device() == Device() ? matrix.to(image.device(), here) : matrix;
}

/// Parity. Pixel x becomes 2 x / (n - 1) - 1 (outermost centres to +-1) and is read back as if +-1 were the outermost
/// edges: x n / (n - 1) - 1/2; and the other way round.
inline Line centres_to_edges(std::int64_t n) {
  return n > 1 ? Line{static_cast<double>(n) / static_cast<double>(n - 1), -0.5} : Line{};
}
inline Line edges_to_centres(std::int64_t n) {
  const double scale = static_cast<double>(n - 1) / static_cast<double>(n);
  return n > 1 ? Line{scale, 0.5 * scale} : Line{};
}
/// From [-1, 1] to pixels. Centres: (g + 1) (n - 1) / 2; edges: ((g + 1) n - 1) / 2.
inline Line to_pixels(std::int64_t n, bool align_corners) {
  const double half = static_cast<double>(align_corners ? n - 1 : n) / 2;
  return {half, align_corners ? half : half - 0.5};
}
/// From pixels to [-1, 1]; an axis of one pixel goes to 0.
inline Line from_pixels(std::int64_t n, bool align_corners) {
  if (align_corners && n <= 1) return {0, 0};
  if (align_corners) return {2 / static_cast<double>(n - 1), -1};
  return {2 / static_cast<double>(n), 1 / static_cast<double>(n) - 1};
}

}  // namespace lumigrad::geometry
