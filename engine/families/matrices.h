// SPDX-License-Identifier: Apache-2.0
// Batches of matrices [.., m, n] as operators of the contract family see them.
#pragma once
#include <lumigrad/engine/device/contract.h>
#include <lumigrad/engine/families/lines.h>
#include <lumigrad/engine/requirements.h>
#include <lumigrad/engine/views.h>
#include <limits>
#include <vector>

namespace lumigrad {

inline void require_matrices(const char* name, const Tensor& a) {
  require<DTypeError>(is_differentiable(a.dtype()), name, ": expected f32 or f64, got ", a.dtype());
  require<ShapeError>(a.rank() >= 2, name, ": expected matrices [.., m, n], got shape ", a.shape());
}
inline void require_square(const char* name, const Tensor& a) {
  require_matrices(name, a);
  require<ShapeError>(a.size(-1) == a.size(-2), name, ": expected square matrices, got shape ", a.shape());
}
inline void require_one_dtype(const char* name, const Tensor& a, const Tensor& b) {
  require<DTypeError>(a.dtype() == b.dtype(), name, ": expected tensors of one dtype, got ", a.dtype(), " and ",
                      b.dtype());
}
inline void require_one_device(const char* name, const Tensor& a, const Tensor& b) {
  require<DeviceError>(a.device() == b.device(), name, ": expected tensors on one device, got ", a.device(), " and ",
                       b.device(), "; move one with to()");
}

inline Shape batch_of(const Tensor& a) {
  return Shape(a.shape().extents().first(static_cast<std::size_t>(a.rank() - 2)));
}
inline Shape matrix_shape(const Shape& batch, std::int64_t m, std::int64_t n) {
  return batch.inserted(batch.rank(), m).inserted(batch.rank() + 1, n);
}

/// Runs f(T{}, i, room) for every matrix of a batch; `work` is multiply-adds a matrix, and `room` holds `scratch`
/// numbers and serves a whole job.
template <class F>
void decompose(const Tensor& a, double work, std::int64_t scratch, const F& f) {
  const std::int64_t count = batch_of(a).numel();
  const auto group = static_cast<std::int64_t>(std::max(1.0, 2e4 / std::max(work, 1.0)));
  by_differentiable_dtype(a.dtype(), [&](auto t) {
    using T = decltype(t);
    parallel_for((count + group - 1) / group,
                 [&](std::int64_t job) {
                   std::vector<T> room(static_cast<std::size_t>(scratch));
                   for (std::int64_t i = job * group; i < std::min(count, (job + 1) * group); ++i)
                     f(T{}, i, room.data());
                 },
                 1e-3 * work * static_cast<double>(group));
  });
}
/// The same on the device of `a`: y = a b (matrices repeated to fill `batch`), and a method for every matrix (m: rows
/// of a, or columns of b where there is one).
void multiply_there(const Tensor& a, const Tensor& b, const Tensor& y, const Shape& batch);
void decompose_there(const char* name, device::MatrixMethod method, const Tensor& a, const Tensor& b,
                     std::initializer_list<const Tensor*> results, std::int64_t m);
inline double cube(std::int64_t n) { return static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n); }
inline Tensor dense(const Tensor& a) { return a.detach().contiguous(); }

/// A transposed; v as a factor of each row, and of each column, of a matrix.
inline Tensor turned(const Tensor& a, Here here) { return transpose(a, -1, -2, here); }
inline Tensor per_row(const Tensor& v, Here here) { return unsqueeze(v, -1, here); }
inline Tensor per_column(const Tensor& v, Here here) { return unsqueeze(v, -2, here); }

/// The distance from 1 to the next number.
inline double rounding_of(DType dtype) {
  return dtype == DType::f32 ? double{std::numeric_limits<float>::epsilon()} : std::numeric_limits<double>::epsilon();
}
/// 1 / d where |d| is more than so many roundings of `largest`, else 0.
Tensor guarded_reciprocal(const Tensor& d, const Tensor& largest, double roundings, Here here);
/// The largest of |v| along the last axis, which stays with extent 1. Outside the graph.
Tensor largest_of(const Tensor& v);

}  // namespace lumigrad
