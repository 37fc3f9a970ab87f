// SPDX-License-Identifier: Apache-2.0
// The stencil family where a window selects instead of adding up: morphology and medians.
//
//     window_max     y[i] = max over places t of the window of  x[i + t - a] + h[t]
//     window_min     y[i] = min over places t of the window of  x[i + t - a] - h[t]
//     window_median  y[i] = the value of rank (n - 1) / 2 among the n places of the window
//
// Which place was selected is piecewise constant in x and h. So the gradient goes, whole, to the pixel (and to the
// height) that was selected, the first in row-major order where several are equal: the adjoint collects what windows
// picked (families/filter_picks.h), and its adjoint takes it from there again. Derivatives of every order follow; those
// beyond the first are zero but for what the cotangent carries on.
#pragma once
#include <lumigrad/engine/families/border.h>
#include <lumigrad/engine/tensor.h>
#include <vector>

namespace lumigrad {

struct WindowOptions {
  std::int64_t rows = 3, columns = 3;       ///< extents of the window
  std::int64_t anchor_y = 1, anchor_x = 1;  ///< the place of the window that lies on the pixel
  Border border = Border::reflection;
  double outside = 0;  ///< with Border::zeros: the value there; infinite of the right sign: never selected
};

/// The greatest of x + heights over a window. x [.., H, W], f32 or f64. `mask` [rows, columns] says which places belong
/// to the window (not zero; left out: all), `heights` [rows, columns] what is added (left out: nothing), of x's dtype.
/// A window that sees nothing gives -infinity. Gradients flow to x and heights. A NaN beside numbers is passed over.
LUMIGRAD_API Tensor window_max(const Tensor& x, const WindowOptions& options, const Tensor& mask = {},
                               const Tensor& heights = {}, Here here = {});
/// The least of x - heights; +infinity where the window sees nothing.
LUMIGRAD_API Tensor window_min(const Tensor& x, const WindowOptions& options, const Tensor& mask = {},
                               const Tensor& heights = {}, Here here = {});
/// The lower median. Where the window sees a NaN the result is some number of it or NaN. A median of zero has the sign
/// of some zero of the window: of which one may change when gradients are asked for.
LUMIGRAD_API Tensor window_median(const Tensor& x, const WindowOptions& options, Here here = {});

/// The textbook version of one plane: documentation and test oracle. select(y, x, places) chooses among the values of
/// the places around a pixel, in row-major order; read(y, x) is the image, or what its border puts there.
template <class V, class Read, class Select>
std::vector<V> window_reference(std::int64_t height, std::int64_t width, const WindowOptions& options, Read read,
                                Select select) {
  std::vector<V> result, places;
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      places.clear();
      for (std::int64_t r = 0; r < options.rows; ++r)
        for (std::int64_t j = 0; j < options.columns; ++j)
          places.push_back(read(y + r - options.anchor_y, x + j - options.anchor_x));
      result.push_back(select(places));
    }
  return result;
}

}  // namespace lumigrad
