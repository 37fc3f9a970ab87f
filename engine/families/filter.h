// SPDX-License-Identifier: Apache-2.0
// The stencil family as images use it: one small kernel over every channel.
//
// A filter moves a window over the image and adds up what it sees, each place times its weight:
//
//     y[i] = sum over taps t of  k[t] x[i + t - a]              a: the anchor, (extent of k - 1) / 2
//
// The kernel is not turned round: a correlation. It is the same for all channels, and for all images or one an image.
// What the window sees beyond the image comes from a rule for indices (border.h), so that to the arithmetic it is more
// image; or results are made only where the window lies within (`valid`).
//
// Written with a cotangent, <w, y> = sum over i and t of w[i] k[t] x[i + t - a] is a form linear in each of three
// things, and fixing two of them and asking for the gradient in the third gives three operators:
//
//     filter        (x, k) -> y[i] = sum over t of k[t] x[i + t - a]
//     filter_spread (w, k) -> the image: sum over i + t - a = j of k[t] w[i], what lies beyond it folded back
//     filter_sums   (x, w) -> the kernel: sum over i of w[i] x[i + t - a]
//
// The gradients of each are the two others, so the family is closed and derivatives of every order follow.
//
// Where the kernel is a product of a column and a row (a Gaussian, a mean), one pass over the image does both: several
// rows are correlated downwards into lines that stay in the nearest cache, and from there along. The work of an n x n
// kernel is then 2n a pixel, and the image is read and written once. Linear maps of an axis onto one of another extent
// are the business of families/resample.h.
#pragma once
#include <lumigrad/engine/families/border.h>
#include <lumigrad/engine/tensor.h>
#include <vector>

namespace lumigrad {

struct FilterOptions {
  Border border = Border::reflection;
  bool valid = false;  ///< only where the window lies within the image: extents shrink by those of the kernel less 1
};

/// A correlation over the last `axes` (2 or 3) axes of images [.., C, H, W] or volumes [.., C, D, H, W], f32 or f64.
/// kernel: of rank `axes`, or one more for a first axis of 1 or of the number of images (the first axis of x); any
/// extents from 1 on, even ones too. Gradients flow to both, to every order.
LUMIGRAD_API Tensor filter(const Tensor& x, const Tensor& kernel, int axes, const FilterOptions& options = {},
                           Here here = {});
/// The same over the last two axes with the kernel column[r] row[j]; both [taps], [1, taps] or one an image [N, taps].
LUMIGRAD_API Tensor filter_separable(const Tensor& x, const Tensor& column, const Tensor& row,
                                     const FilterOptions& options = {}, Here here = {});

/// The adjoint of filter to the image: `cotangent` is shaped like its result. Gradients flow to both.
LUMIGRAD_API Tensor filter_spread(const Tensor& cotangent, const Tensor& kernel, int axes,
                                  const FilterOptions& options = {}, Here here = {});
/// The adjoint of filter to the kernel, [1, extents..] or, with `of_each`, one an image [N, extents..]. Sums run over
/// rows in lanes of one vector and from there in double; their order depends on the extents alone. Gradients flow to
/// both images.
LUMIGRAD_API Tensor filter_sums(const Tensor& x, const Tensor& cotangent, const Shape& extents, bool of_each = false,
                                const FilterOptions& options = {}, Here here = {});

/// The textbook version of one plane: documentation and test oracle. read(y, x) is the image, or what its border puts
/// there. Result of height x width.
template <class V, class Read>
std::vector<V> filter_reference(std::int64_t height, std::int64_t width, const std::vector<V>& kernel,
                                std::int64_t rows, std::int64_t columns, bool valid, Read read) {
  const std::int64_t up = valid ? 0 : (rows - 1) / 2, left = valid ? 0 : (columns - 1) / 2;
  std::vector<V> result;
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      V sum(0);
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t j = 0; j < columns; ++j)
          sum += kernel[static_cast<std::size_t>(r * columns + j)] * read(y + r - up, x + j - left);
      result.push_back(sum);
    }
  return result;
}

}  // namespace lumigrad
