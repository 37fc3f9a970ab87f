// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/dense_matrices.h>
#include <lumigrad/engine/cpu/product_kernels.h>
#include <lumigrad/engine/families/contract.h>
#include <lumigrad/engine/families/matrices.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/small_matrices.h>

namespace lumigrad {
namespace {

struct MatmulNode final : Node {
  using Node::Node;
  Saved kept[2];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor left = kept[0].get(*this), right = kept[1].get(*this);
    if (wants(0)) g[0] = sum_to(matmul(w[0], transpose(right, -1, -2, here()), here()), left.shape(), here());
    if (wants(1)) g[1] = sum_to(matmul(transpose(left, -1, -2, here()), w[0], here()), right.shape(), here());
  }
};

struct InverseNode final : Node {
  using Node::Node;
  Saved kept[1];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor yt = transpose(kept[0].get(*this), -1, -2, here());
    g[0] = neg(matmul(matmul(yt, w[0], here()), yt, here()), here());
  }
};

// A X = B: with gB = A^-T W, gA = -gB X'.
struct SolveNode final : Node {
  using Node::Node;
  Saved kept[2];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor a = kept[0].get(*this), x = kept[1].get(*this);
    const Tensor gb = solve(transpose(a, -1, -2, here()), w[0], here());
    if (wants(0)) g[0] = neg(matmul(gb, transpose(x, -1, -2, here()), here()), here());
    if (wants(1)) g[1] = gb;
  }
};

// Matrices up to this size are eliminated on the spot; Eigen works in blocks, and allocates.
bool small(std::int64_t n) { return n <= 16; }

// Where the matrices of x, repeated to fill `batch`, begin.
template <class T>
class Matrices {
 public:
  Matrices(const Tensor& x, const Shape& batch)
      : all_(expand(x.detach(), matrix_shape(batch, x.size(-2), x.size(-1)))), batch_(batch) {}
  MatrixView<T> operator[](std::int64_t i) const {
    const Strides& strides = all_.strides();
    T* at = new_elements<T>(all_);
    for (int axis = batch_.rank() - 1; axis >= 0; --axis) {
      at += i % batch_[axis] * strides[static_cast<std::size_t>(axis)];
      i /= batch_[axis];
    }
    const auto last = static_cast<std::size_t>(batch_.rank());
    return {at, strides[last], strides[last + 1]};
  }

 private:
  Tensor all_;
  Shape batch_;
};

// y = a b for every matrix of the batch. A job is a group of small products, or some rows of a large one; elements do
// not depend on the rows beside them (product_kernels.h).
template <class T>
void multiply(const Tensor& a, const Tensor& b, const Tensor& y, const Shape& batch) {
  const std::int64_t m = y.size(-2), k = a.size(-1), n = y.size(-1), count = batch.numel();
  if (y.numel() == 0) return;
  const Matrices<T> left(a, batch), right(b, batch), result(y, batch);
  const ProductKernel<T>& kernel = product_kernel<T>();
  constexpr std::int64_t rows_of_job = 240;
  const std::int64_t parts = (m + rows_of_job - 1) / rows_of_job;
  const double work = static_cast<double>(std::min(m, rows_of_job)) * static_cast<double>(k * n + 1);
  const auto group = static_cast<std::int64_t>(std::max(1.0, 2e4 / work));
  parallel_for((count * parts + group - 1) / group,
               [&](std::int64_t job) {
                 const Tensor room = Tensor::empty({product_room<T>(k, n, std::min(m, rows_of_job))}, dtype_of<T>);
                 for (std::int64_t i = job * group; i < std::min(count * parts, (job + 1) * group); ++i) {
                   const std::int64_t first = i % parts * rows_of_job, rows = std::min(m - first, rows_of_job);
                   MatrixView<T> from = left[i / parts], to = result[i / parts];
                   const MatrixView<T> by = right[i / parts];
                   kernel.multiply({from.at + first * from.row, from.row, from.column}, {by.at, by.row, by.column},
                                   {to.at + first * to.row, to.row, to.column}, rows, k, n, new_elements<T>(room));
                 }
               },
               2e-5 * work * static_cast<double>(group));
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, Here here) {
  require_matrices("matmul", a);
  require_matrices("matmul", b);
  if (a.is_weak() && !b.is_weak()) return matmul(a.to(b.dtype(), here).to(b.device(), here), b, here);
  if (b.is_weak() && !a.is_weak()) return matmul(a, b.to(a.dtype(), here).to(a.device(), here), here);
  require_one_dtype("matmul", a, b);
  const std::int64_t m = a.size(-2), k = a.size(-1), n = b.size(-1);
  require<ShapeError>(b.size(-2) == k, "matmul: expected [.., m, k] and [.., k, n], got ", a.shape(), " and ",
                      b.shape());
  const Shape batch = broadcast("matmul", batch_of(a), batch_of(b));
  require_one_device("matmul", a, b);
  Tensor y = Tensor::empty(matrix_shape(batch, m, n), a.dtype(), a.device());
  if (a.device() == Device())
    by_differentiable_dtype(a.dtype(), [&](auto t) { multiply<decltype(t)>(a, b, y, batch); });
  else
    multiply_there(a, b, y, batch);
  if (auto node = record<MatmulNode>("matmul", here, {&a, &b})) {
    node->kept[0] = node->save_input(0, a);
    node->kept[1] = node->save_input(1, b);
    node->attach(y);
  }
  return y;
}

Tensor inverse(const Tensor& a, Here here) {
  require_square("inverse", a);
  const std::int64_t n = a.size(-1);
  Tensor y = Tensor::empty(a.shape(), a.dtype(), a.device());
  const Tensor from = dense(a);
  if (a.device() != Device())
    decompose_there("inverse", device::MatrixMethod::inverse, a, {}, {&y}, n);
  else
    decompose(a, cube(n), small(n) ? n * n : 0, [&](auto t, std::int64_t i, auto* room) {
      using T = decltype(t);
      const T* matrix = elements<T>(from) + i * n * n;
      T* result = new_elements<T>(y) + i * n * n;
      small(n) ? invert_small(matrix, result, n, room) : invert(matrix, result, n);
    });
  if (auto node = record<InverseNode>("inverse", here, {&a})) {
    node->kept[0] = node->save_output(0, y);
    node->attach(y);
  }
  return y;
}

Tensor solve(const Tensor& a, const Tensor& b, Here here) {
  require_matrices("solve", a);
  require_matrices("solve", b);
  if (a.is_weak() && !b.is_weak()) return solve(a.to(b.dtype(), here).to(b.device(), here), b, here);
  if (b.is_weak() && !a.is_weak()) return solve(a, b.to(a.dtype(), here).to(a.device(), here), here);
  const std::int64_t n = a.size(-1), m = b.size(-1);
  require<ShapeError>(a.size(-2) == n && b.size(-2) == n, "solve: expected [.., n, n] and [.., n, m], got ", a.shape(),
                      " and ", b.shape());
  require_one_dtype("solve", a, b);
  const Shape batch = broadcast("solve", batch_of(a), batch_of(b));
  if (!(batch == batch_of(a))) return solve(expand(a, matrix_shape(batch, n, n), here), b, here);
  if (!(batch == batch_of(b))) return solve(a, expand(b, matrix_shape(batch, n, m), here), here);
  require_one_device("solve", a, b);
  Tensor x = Tensor::empty(b.shape(), b.dtype(), b.device());
  const Tensor left = dense(a), right = dense(b);
  if (a.device() != Device())
    decompose_there("solve", device::MatrixMethod::solve, a, b, {&x}, m);
  else
    decompose(a, static_cast<double>(n * n * (n + m)), small(n) ? n * n : 0, [&](auto t, std::int64_t i, auto* room) {
      using T = decltype(t);
      const T *matrix = elements<T>(left) + i * n * n, *side = elements<T>(right) + i * n * m;
      T* result = new_elements<T>(x) + i * n * m;
      small(n) ? solve_small(matrix, side, result, n, m, room) : solve(matrix, side, result, n, m);
    });
  if (auto node = record<SolveNode>("solve", here, {&a, &b})) {
    node->kept[0] = node->save_input(0, a);
    node->kept[1] = node->save_output(0, x);
    node->attach(x);
  }
  return x;
}

}  // namespace lumigrad
