// SPDX-License-Identifier: Apache-2.0
// The sample family where maps keep rows and columns apart: resizing, small fixed filters, pyramids.
//
// When the position of output (x, y) is (p(x), q(y)), the warp splits into one pass along each axis, and a pass is a
// product with a matrix that has a few entries near its diagonal, a *band*:
//
//     y[.., i, ..] = sum over k of band[i, k] x[.., k, ..]
//
// Everything that is linear along an axis is a band: interpolation, averages over areas, blurs with their borders.
// Bands can be multiplied before any pixel is touched (a blur followed by a reduction is one band), and the adjoint of
// a band is the transposed band, so the family is closed under derivatives of every order at no cost of thought.
#pragma once
#include <lumigrad/engine/tensor.h>
#include <memory>
#include <vector>

namespace lumigrad {

/// A sparse matrix along an axis, row by row. Rows add their entries in the order given.
class LUMIGRAD_API Band {
 public:
  /// A matrix of `columns` columns and no rows yet.
  explicit Band(std::int64_t columns);
  std::int64_t rows() const;
  std::int64_t columns() const { return columns_; }

  /// Starts the next row; entries are then added to it. Entries of one column are merged, zeros left out.
  void start_row();
  void add(std::int64_t column, double weight);

  Band transposed() const;
  /// This matrix times another: first `right`, then this.
  Band after(const Band& right) const;
  static Band identity(std::int64_t extent);

  /// Entries of row i are begin()[i] ... begin()[i + 1] - 1.
  const std::vector<std::int64_t>& begin() const { return begin_; }
  const std::vector<std::int32_t>& source() const { return source_; }
  const std::vector<double>& weight() const { return weight_; }

 private:
  std::int64_t columns_;
  std::vector<std::int64_t> begin_;
  std::vector<std::int32_t> source_;
  std::vector<double> weight_;
};

/// x (f32 or f64, any rank) with `axis` multiplied by the band, whose columns must be its extent. To every order
/// differentiable in x.
LUMIGRAD_API Tensor resample(const Tensor& x, int axis, std::shared_ptr<const Band> band, Here here = {});

/// x with its last two axes multiplied by a band each, in one pass over memory (on a device where the bands are
/// narrow).
LUMIGRAD_API Tensor resample_planes(const Tensor& x, std::shared_ptr<const Band> rows,
                                    std::shared_ptr<const Band> columns, Here here = {});

/// The textbook version along a line: documentation and test oracle.
template <class V>
std::vector<V> resample_reference(const std::vector<V>& x, const Band& band) {
  std::vector<V> y(static_cast<std::size_t>(band.rows()), V(0));
  for (std::size_t i = 0; i < y.size(); ++i)
    for (auto k = static_cast<std::size_t>(band.begin()[i]); k < static_cast<std::size_t>(band.begin()[i + 1]); ++k)
      y[i] += band.weight()[k] * x[static_cast<std::size_t>(band.source()[k])];
  return y;
}

}  // namespace lumigrad
