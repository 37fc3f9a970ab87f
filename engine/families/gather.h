// SPDX-License-Identifier: Apache-2.0
// The gather family: which element goes where is itself data.
//
// Along one axis an index tensor says where each result comes from, or where each element goes:
//
//     gather    y[.., j, ..] = x[.., index[.., j, ..], ..]              every result reads one element
//     scatter   y[.., k, ..] = sum of x[.., j, ..] over index[.., j, ..] = k        every element is written once
//
// As matrices both hold a single one per result (per element), and one is the transpose of the other: scatter moves
// each number back along the arrow that gather took. So the adjoint of gather is scatter and the adjoint of scatter is
// gather, with the same index: gather <-> scatter. The family is closed, and derivatives of any order need nothing
// else.
//
// What *selects* (sort, median, the largest of a row: ranks.h) is an index computed from the values, then a gather with
// it: the index is piecewise constant, so the gradient goes to the element that was selected. What *accumulates* along
// an axis (cumsum, cumprod: scan.h) is its own small closed family.
//
// Rules. Indices are i64 or i32 (a list of bare whole numbers is taken too). Negative ones count from the end, as in
// select(). One outside [-extent, extent) raises ShapeError that names the operator, the index and the extent. Scatter
// adds in the order of the elements, f32 in a double that is rounded once; each line along the axis belongs to one
// thread: the same bits at any thread count.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// y[.., j, ..] = x[.., index[.., j, ..], ..] along `axis`: the shape of `index`, whose extents along the other axes
/// are at most those of x. Any dtype of x.
LUMIGRAD_API Tensor gather(const Tensor& x, int axis, const Tensor& index, Here here = {});
/// x, with source[.., j, ..] added at [.., index[.., j, ..], ..] along `axis`. `source` covers `index` (only the
/// elements below the extents of the index take part), x covers it along the other axes. Gradients to x and source.
LUMIGRAD_API Tensor scatter_add(const Tensor& x, int axis, const Tensor& index, const Tensor& source, Here here = {});
/// The entries index[0], index[1], ... of an axis: the shape of x with the extent of the vector `index` there.
LUMIGRAD_API Tensor index_select(const Tensor& x, int axis, const Tensor& index, Here here = {});
/// x, with entry j of `source` along `axis` added to entry index[j]. `source` has the shape of x but for that axis.
LUMIGRAD_API Tensor index_add(const Tensor& x, int axis, const Tensor& index, const Tensor& source, Here here = {});
/// gather with x and `index` of one rank, whose extents along the other axes broadcast.
LUMIGRAD_API Tensor take_along_dim(const Tensor& x, const Tensor& index, int axis, Here here = {});
/// The same from all elements in row-major order: a vector of index.numel().
LUMIGRAD_API Tensor take_along_dim(const Tensor& x, const Tensor& index, Here here = {});
/// How many elements of each line along the last axis fall into each of `bins` equal parts of [low, high]: i64, the
/// last extent of x replaced by `bins`. A part takes its lower edge, the last one `high` too; what is outside (or NaN)
/// is not counted. Counts have no gradient. reshape(x, {-1}) before counts a whole tensor.
LUMIGRAD_API Tensor histogram(const Tensor& x, std::int64_t bins, double low, double high, Here here = {});

/// The textbook version: x is [outer, extent, inner], index and y are [outer, count, inner]; no index is negative.
template <class T>
void gather_reference(const T* x, const std::int64_t* index, T* y, std::int64_t outer, std::int64_t extent,
                      std::int64_t count, std::int64_t inner) {
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t j = 0; j < count; ++j)
      for (std::int64_t i = 0; i < inner; ++i) {
        const std::int64_t at = (o * count + j) * inner + i;
        y[at] = x[(o * extent + index[at]) * inner + i];
      }
}
/// Its transpose: y is [outer, extent, inner] and zero before.
template <class T>
void scatter_reference(const T* x, const std::int64_t* index, T* y, std::int64_t outer, std::int64_t extent,
                       std::int64_t count, std::int64_t inner) {
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t j = 0; j < count; ++j)
      for (std::int64_t i = 0; i < inner; ++i) {
        const std::int64_t at = (o * count + j) * inner + i;
        y[(o * extent + index[at]) * inner + i] += x[at];
      }
}

}  // namespace lumigrad
