// SPDX-License-Identifier: Apache-2.0
// The stencil family where the weights depend on what the window sees: means weighed by likeness.
//
//     y[i] = sum over t of w x[i + t - a] / sum over t of w,   w = column[r] row[j] exp(s D),   t = (r, j)
//
// with D the distance of the guide at i + t - a from that at i. Written in operators it is a dozen passes over the
// image for each place of the window (`bilateral_by_operators`): that is what it means, how second derivatives, double
// precision and devices compute it, and what the kernels are held against. They make the weights where they are used,
// and the adjoint makes them again: a pixel sees each neighbour twice, as a place of its own window and as the pixel
// whose window it is a place of, and both have the same likeness. So every pixel collects its own gradient, in one
// order.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

struct BilateralOptions {
  std::int64_t rows = 5, columns = 5;
  bool absolute = false;  ///< D is the square of the sum over channels of |d|, else the sum of d^2
};

/// x [N, C, H + rows - 1, W + columns - 1], with what lies around the image: [N, C, H, W]; a window's pixel lies at
/// ((rows - 1) / 2, (columns - 1) / 2). `guide` [N, K, ..] likewise, undefined: x itself. sharpness s < 0 [N or 1, 1,
/// 1, 1], column [N or 1, rows], row [N or 1, columns], all of x's dtype and device. Gradients flow to all five, to
/// second order. A NaN makes NaN of every mean that sees it, and of the gradients of what those means see; where the
/// extents of the window are even, single precision has them one place further up and to the left.
Tensor bilateral(const char* name, const Tensor& x, const Tensor& guide, const Tensor& sharpness, const Tensor& column,
                 const Tensor& row, const BilateralOptions& options, Here here);

/// The same as its definition says it.
Tensor bilateral_by_operators(const Tensor& x, const Tensor& guide, const Tensor& sharpness, const Tensor& column,
                              const Tensor& row, const BilateralOptions& options, Here here);

}  // namespace lumigrad
