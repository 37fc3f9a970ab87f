// SPDX-License-Identifier: Apache-2.0
// What filters compute, off the tape: which pixel meets which weight, and the loops over planes and rows.
#pragma once
#include <lumigrad/engine/families/border.h>
#include <cstdint>

namespace lumigrad {

/// One axis of a correlation: result i reads places i - front ... i - front + taps - 1 of the image's axis.
struct FilterAxis {
  std::int64_t image = 1, result = 1, taps = 1, front = 0;
};
/// Windows about every pixel; valid: those alone that lie inside the image.
inline FilterAxis filter_axis(std::int64_t image, std::int64_t taps, bool valid) {
  return {image, valid ? image - taps + 1 : image, taps, valid ? 0 : (taps - 1) / 2};
}

/// A correlation of planes (or volumes, depth first) lying one after another. Weights are dense, one kernel for every
/// `planes_a_kernel` planes.
struct FilterPlan {
  std::int64_t planes = 0, planes_a_kernel = 1;
  FilterAxis axis[3];  ///< depth, rows, columns
  Border border = Border::zeros;

  std::int64_t image_numel() const { return axis[0].image * axis[1].image * axis[2].image; }
  std::int64_t result_numel() const { return axis[0].result * axis[1].result * axis[2].result; }
  std::int64_t taps() const { return axis[0].taps * axis[1].taps * axis[2].taps; }
  std::int64_t kernels() const { return planes_a_kernel == 0 ? 0 : planes / planes_a_kernel; }
};

/// The correlation y of images x.
template <class T>
void filter_apply(const FilterPlan& plan, const T* x, const T* kernel, T* y);
/// The same with the kernel column[r] row[j], one per kernel each, in one pass over planes. Depth must be trivial.
template <class T>
void filter_apply_separable(const FilterPlan& plan, const T* x, const T* column, const T* row, T* y);
/// The transposed of both: cotangents g of results go back to the pixels they were made of; what a border rule had read
/// beyond the image is added where it had been read.
template <class T>
void filter_spread(const FilterPlan& plan, const T* g, const T* kernel, T* image);
template <class T>
void filter_spread_separable(const FilterPlan& plan, const T* g, const T* column, const T* row, T* image);
/// The gradient of <g, y> with respect to the weights.
template <class T>
void filter_kernel_sums(const FilterPlan& plan, const T* x, const T* g, T* kernel);

}  // namespace lumigrad
