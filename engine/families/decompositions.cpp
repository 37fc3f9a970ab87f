// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/arrangement.h>
#include <lumigrad/engine/families/decompositions.h>
#include <lumigrad/engine/families/matrices.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/small_matrices.h>

namespace lumigrad {

Tensor guarded_reciprocal(const Tensor& d, const Tensor& largest, double roundings, Here here) {
  Tensor counts;
  {
    NoGrad off;
    const double least = roundings * rounding_of(d.dtype());
    counts = sign(relu(sub(abs(d.detach()), mul(largest.detach(), least))));
  }
  return where(counts, reciprocal(where(counts, d, 1, here), here), 0, here);
}

Tensor largest_of(const Tensor& v) {
  NoGrad off;
  return v.size(-1) == 0 ? Tensor::zeros(v.shape().with(v.rank() - 1, 1), v.dtype(), v.device())
                         : amax(abs(v.detach()), {-1}, true);
}

namespace {

using I = std::int64_t;

Tensor diagonal(const Tensor& v, Here here) {
  return mul(Tensor::eye(v.size(-1), v.dtype(), v.device()), per_row(v, here), here);
}
Tensor symmetric(const Tensor& a, Here here) { return mul(add(a, turned(a, here), here), 0.5, here); }

// Values that are closer than this, in roundings of the largest, are taken for equal.
constexpr double same = 16;

// X A^-1 for a triangular A.
Tensor divided(const Tensor& x, const Tensor& a, bool upper, Here here) {
  return turned(solve_triangular(turned(a, here), turned(x, here), !upper, here), here);
}

struct CholeskyNode final : Node {  // gA = L^-T Phi(L' W) L^-1, symmetric
  using Node::Node;
  Saved kept[1];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor l = kept[0].get(*this), lt = turned(l, here()), m = matmul(lt, tril(w[0], 0, here()), here());
    const Tensor phi = mul(add(tril(m, 0, here()), tril(m, -1, here()), here()), 0.5, here());
    g[0] = symmetric(divided(solve_triangular(lt, phi, true, here()), l, false, here()), here());
  }
};

struct TriangularNode final : Node {  // gB = A^-T W, gA = -(gB X') within the triangle
  using Node::Node;
  Saved kept[2];
  bool upper = false;
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor gb = solve_triangular(turned(kept[0].get(*this), here()), w[0], !upper, here());
    if (wants(1)) g[1] = gb;
    if (!wants(0)) return;
    const Tensor ga = neg(matmul(gb, turned(kept[1].get(*this), here()), here()), here());
    g[0] = upper ? triu(ga, 0, here()) : tril(ga, 0, here());
  }
};

struct QrNode final : Node {  // M = R gR' - gQ' Q,  gA = (gQ + Q (tril M + tril(M, -1)')) R^-T
  using Node::Node;
  Saved kept[2];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor q = kept[0].get(*this), r = kept[1].get(*this);
    const Tensor gq = w[0].defined() ? w[0] : Tensor::zeros(q.shape(), q.dtype(), q.device());
    Tensor m = neg(matmul(turned(gq, here()), q, here()), here());
    if (w[1].defined()) m = add(m, matmul(r, turned(w[1], here()), here()), here());
    const Tensor both = add(tril(m, 0, here()), turned(tril(m, -1, here()), here()), here());
    g[0] = divided(add(gq, matmul(q, both, here()), here()), turned(r, here()), false, here());
  }
};

struct EighNode final : Node {  // gA = V (diag(gl) + F o (V' gV)) V', F_ij = 1 / (l_j - l_i)
  using Node::Node;
  Saved kept[2];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor l = kept[0].get(*this), v = kept[1].get(*this), vt = turned(v, here());
    Tensor inner;
    if (w[1].defined()) {
      const Tensor gaps = sub(per_column(l, here()), per_row(l, here()), here());
      inner =
          mul(guarded_reciprocal(gaps, per_row(largest_of(l), here()), same, here()), matmul(vt, w[1], here()), here());
    }
    if (w[0].defined()) {
      const Tensor direct = diagonal(w[0], here());
      inner = inner.defined() ? add(inner, direct, here()) : direct;
    }
    g[0] = symmetric(matmul(matmul(v, inner, here()), vt, here()), here());
  }
};

// With K = U' gU - gU' U, M = V' gV - gV' V and F_ij = 1 / (s_j^2 - s_i^2):
//   gA = U ((F o K) S + S (F o M) + diag(gs)) V' + (I - U U') gU S^-1 V' + U S^-1 gV' (I - V V')
struct SvdNode final : Node {
  using Node::Node;
  Saved kept[3];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor u = kept[0].get(*this), s = kept[1].get(*this), vh = kept[2].get(*this);
    const Tensor largest = largest_of(s), ut = turned(u, here()), v = turned(vh, here());
    Tensor inner, result;
    const auto join = [&](Tensor& to, const Tensor& part) { to = to.defined() ? add(to, part, here()) : part; };
    Tensor speeds, inverse;
    if (w[0].defined() || w[2].defined()) {
      const Tensor gaps = sub(per_column(s, here()), per_row(s, here()), here());
      const Tensor sums = add(per_column(s, here()), per_row(s, here()), here());
      const Tensor most = per_row(largest, here());
      speeds = mul(guarded_reciprocal(gaps, most, same, here()), guarded_reciprocal(sums, most, same, here()), here());
      inverse = guarded_reciprocal(s, largest, same, here());
    }
    const auto skew = [&](const Tensor& x) { return sub(x, turned(x, here()), here()); };
    if (w[0].defined()) {
      const Tensor along = matmul(ut, w[0], here());
      join(inner, mul(mul(speeds, skew(along), here()), per_column(s, here()), here()));
      if (u.size(-2) > u.size(-1)) {
        const Tensor outside = sub(w[0], matmul(u, along, here()), here());
        join(result, matmul(mul(outside, per_column(inverse, here()), here()), vh, here()));
      }
    }
    if (w[2].defined()) {
      const Tensor along = matmul(w[2], v, here());  // gV' V
      join(inner, mul(per_row(s, here()), mul(speeds, neg(skew(along), here()), here()), here()));
      if (vh.size(-1) > vh.size(-2)) {
        const Tensor outside = sub(w[2], matmul(along, vh, here()), here());
        join(result, matmul(u, mul(per_row(inverse, here()), outside, here()), here()));
      }
    }
    if (w[1].defined()) join(inner, diagonal(w[1], here()));
    join(result, matmul(matmul(u, inner, here()), vh, here()));
    g[0] = result;
  }
};

}  // namespace

Tensor cholesky(const Tensor& a, Here here) {
  require_square("cholesky", a);
  const I n = a.size(-1);
  Tensor l = Tensor::empty(a.shape(), a.dtype(), a.device());
  const Tensor from = dense(a);
  if (a.device() != Device())
    decompose_there("cholesky", device::MatrixMethod::cholesky, a, {}, {&l}, n);
  else
    decompose(a, cube(n), 0, [&](auto t, I i, auto*) {
      using T = decltype(t);
      cholesky(elements<T>(from) + i * n * n, new_elements<T>(l) + i * n * n, n);
    });
  if (auto node = record<CholeskyNode>("cholesky", here, {&a})) {
    node->kept[0] = node->save_output(0, l);
    node->attach(l);
  }
  return l;
}

Tensor solve_triangular(const Tensor& a, const Tensor& b, bool upper, Here here) {
  require_square("solve_triangular", a);
  require_matrices("solve_triangular", b);
  if (a.is_weak() && !b.is_weak()) return solve_triangular(a.to(b.dtype(), here).to(b.device(), here), b, upper, here);
  if (b.is_weak() && !a.is_weak()) return solve_triangular(a, b.to(a.dtype(), here).to(a.device(), here), upper, here);
  require_one_dtype("solve_triangular", a, b);
  const I n = a.size(-1), m = b.size(-1);
  require<ShapeError>(b.size(-2) == n, "solve_triangular: expected [.., n, n] and [.., n, m], got ", a.shape(), " and ",
                      b.shape());
  const Shape batch = broadcast("solve_triangular", batch_of(a), batch_of(b));
  if (!(batch == batch_of(a))) return solve_triangular(expand(a, matrix_shape(batch, n, n), here), b, upper, here);
  if (!(batch == batch_of(b))) return solve_triangular(a, expand(b, matrix_shape(batch, n, m), here), upper, here);
  require_one_device("solve_triangular", a, b);
  Tensor x = Tensor::empty(b.shape(), b.dtype(), b.device());
  const Tensor left = dense(a), right = dense(b);
  if (a.device() != Device())
    decompose_there("solve_triangular", upper ? device::MatrixMethod::upper_solve : device::MatrixMethod::lower_solve,
                    a, b, {&x}, m);
  else
    decompose(a, static_cast<double>(n * n * m + n), 0, [&](auto t, I i, auto*) {
      using T = decltype(t);
      solve_triangular(elements<T>(left) + i * n * n, elements<T>(right) + i * n * m, new_elements<T>(x) + i * n * m, n,
                       m, upper);
    });
  if (auto node = record<TriangularNode>("solve_triangular", here, {&a, &b})) {
    node->kept[0] = node->save_input(0, a);
    node->kept[1] = node->save_output(0, x);
    node->upper = upper;
    node->attach(x);
  }
  return x;
}

Tensor cholesky_solve(const Tensor& b, const Tensor& l, Here here) {
  require_square("cholesky_solve", l);
  require_matrices("cholesky_solve", b);
  return solve_triangular(turned(l, here), solve_triangular(l, b, false, here), true, here);
}

QR qr(const Tensor& a, Here here) {
  require_matrices("qr", a);
  const I m = a.size(-2), n = a.size(-1);
  if (m < n) {  // of the first m columns; the others follow
    const QR first = qr(slice(a, -1, 0, m, 1, here), here);
    const Tensor rest = matmul(turned(first.q, here), slice(a, -1, m, n, 1, here), here);
    return {first.q, concat({first.r, rest}, -1, here)};
  }
  QR y = {Tensor::empty(a.shape(), a.dtype(), a.device()),
          Tensor::empty(matrix_shape(batch_of(a), n, n), a.dtype(), a.device())};
  const Tensor from = dense(a);
  if (a.device() != Device())
    decompose_there("qr", device::MatrixMethod::qr, a, {}, {&y.q, &y.r}, m);
  else
    decompose(a, 4 * static_cast<double>(m * n * n), n * (m + 1), [&](auto t, I i, auto* room) {
      using T = decltype(t);
      qr(elements<T>(from) + i * m * n, new_elements<T>(y.q) + i * m * n, new_elements<T>(y.r) + i * n * n, m, n, room);
    });
  if (auto node = record<QrNode>("qr", here, {&a})) {
    node->kept[0] = node->save_output(0, y.q);
    node->kept[1] = node->save_output(1, y.r);
    node->attach(y.q);
    node->attach(y.r);
  }
  return y;
}

SVD svd(const Tensor& a, Here here) {
  require_matrices("svd", a);
  const I m = a.size(-2), n = a.size(-1), k = std::min(m, n);
  const Shape batch = batch_of(a);
  SVD y = {Tensor::empty(matrix_shape(batch, m, k), a.dtype(), a.device()),
           Tensor::empty(batch.inserted(batch.rank(), k), a.dtype(), a.device()),
           Tensor::empty(matrix_shape(batch, k, n), a.dtype(), a.device())};
  const Tensor from = dense(a);
  if (a.device() != Device())
    decompose_there("svd", device::MatrixMethod::svd, a, {}, {&y.u, &y.s, &y.vh}, m);
  else
    decompose(a, 40 * static_cast<double>(k * k * (m + n)), k * (m + n + 1), [&](auto t, I i, auto* room) {
      using T = decltype(t);
      svd(elements<T>(from) + i * m * n, new_elements<T>(y.u) + i * m * k, new_elements<T>(y.s) + i * k,
          new_elements<T>(y.vh) + i * k * n, m, n, room);
    });
  if (auto node = record<SvdNode>("svd", here, {&a})) {
    node->kept[0] = node->save_output(0, y.u);
    node->kept[1] = node->save_output(1, y.s);
    node->kept[2] = node->save_output(2, y.vh);
    for (Tensor* part : {&y.u, &y.s, &y.vh}) node->attach(*part);
  }
  return y;
}

Tensor svdvals(const Tensor& a, Here here) {
  require_matrices("svdvals", a);
  return svd(a, here).s;
}

EigenPairs eigh(const Tensor& a, Here here) {
  require_square("eigh", a);
  const I n = a.size(-1);
  EigenPairs y = {Tensor::empty(a.shape().without(-1), a.dtype(), a.device()),
                  Tensor::empty(a.shape(), a.dtype(), a.device())};
  const Tensor from = dense(a);
  if (a.device() != Device())
    decompose_there("eigh", device::MatrixMethod::eigh, a, {}, {&y.values, &y.vectors}, n);
  else
    decompose(a, 40 * cube(n), n * n, [&](auto t, I i, auto* room) {
      using T = decltype(t);
      eigh(elements<T>(from) + i * n * n, new_elements<T>(y.values) + i * n, new_elements<T>(y.vectors) + i * n * n, n,
           room);
    });
  if (auto node = record<EighNode>("eigh", here, {&a})) {
    node->kept[0] = node->save_output(0, y.values);
    node->kept[1] = node->save_output(1, y.vectors);
    node->attach(y.values);
    node->attach(y.vectors);
  }
  return y;
}

}  // namespace lumigrad
