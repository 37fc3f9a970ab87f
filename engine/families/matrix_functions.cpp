// SPDX-License-Identifier: Apache-2.0
// Functions of matrices that decompositions give: determinants, least squares, inverses, exponentials.
#include <lumigrad/engine/arrangement.h>
#include <lumigrad/engine/families/decompositions.h>
#include <lumigrad/engine/families/matrices.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/families/scan.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/small_matrices.h>

namespace lumigrad {
namespace {

using I = std::int64_t;

// The determinant and its sign and logarithm, outside the graph.
struct Determinants {
  Tensor value, sign, log_size;
};
Determinants determinants(const Tensor& a) {
  const Shape batch = batch_of(a);
  const I n = a.size(-1);
  Determinants y;
  for (Tensor* part : {&y.value, &y.sign, &y.log_size}) *part = Tensor::empty(batch, a.dtype(), a.device());
  const Tensor from = dense(a);
  if (a.device() != Device())
    decompose_there("det", device::MatrixMethod::determinant, a, {}, {&y.value, &y.sign, &y.log_size}, n);
  else
    decompose(a, cube(n), n * n, [&](auto t, I i, auto* room) {
      using T = decltype(t);
      determinant(elements<T>(from) + i * n * n, n, new_elements<T>(y.value) + i, new_elements<T>(y.sign) + i,
                  new_elements<T>(y.log_size) + i, room);
    });
  return y;
}

// The determinants of what is left of A without a row and a column, with their signs: the slopes of det A. They are
// polynomials, so a singular A has them too. Of A = U S V', with p the sign of det U det V,
//     C = p U diag(product of s_k, k not i) V',      dC = p U E V' with W = U' dA V,
//     E_ii = sum over j of D_ij W_jj,  E_ij = -D_ij W_ji,  D_ij = product of s_k, k neither i nor j; D_ii = 0.
// The second line is its own adjoint, turned: D is symmetric.
struct CofactorNode final : Node {
  using Node::Node;
  Saved kept[1];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override;
};

Tensor unit_matrix(const Tensor& like, I n) { return Tensor::eye(n, like.dtype(), like.device()); }

// s as many times as there are rows (and rows of rows), with a 1 in the place of each: what is left is multiplied.
Tensor without_each(const Tensor& s, int times) {
  const I n = s.size(-1);
  const Tensor eye = unit_matrix(s, n), one = Tensor::ones({}, s.dtype(), s.device());
  Tensor rest = unsqueeze(s, -2);
  if (times == 2) rest = unsqueeze(where(eye, one, rest), -2);
  return prod(where(eye, one, rest), -1);
}

Tensor cofactors(const Tensor& a, Here here) {
  Tensor y;
  {
    NoGrad off;
    const SVD parts = svd(a.detach());
    const Tensor sign = mul(determinants(parts.u).sign, determinants(parts.vh).sign);
    y = matmul(mul(parts.u, per_column(mul(without_each(parts.s, 1), per_row(sign, here)), here)), parts.vh);
  }
  if (auto node = record<CofactorNode>("det", here, {&a})) {
    node->kept[0] = node->save_input(0, a);
    node->attach(y);
  }
  return y;
}

void CofactorNode::adjoint(std::span<const Tensor> w, std::span<Tensor> g) {
  require<GraphError>(!recording(),
                      "det: third derivatives of a singular matrix are not defined; differentiate at "
                      "most twice");
  const SVD parts = svd(kept[0].get(*this));
  const Tensor sign = mul(determinants(parts.u).sign, determinants(parts.vh).sign);
  const Tensor inner = matmul(matmul(turned(parts.u, here()), w[0]), turned(parts.vh, here()));
  const Tensor eye = unit_matrix(inner, inner.size(-1)), zero = Tensor::zeros({}, inner.dtype(), inner.device());
  const Tensor rest = where(eye, zero, without_each(parts.s, 2));
  const Tensor diagonal = sum(mul(eye, inner), {-1});
  const Tensor moved = where(eye, matmul(rest, per_row(diagonal, here())), neg(mul(rest, turned(inner, here()))));
  g[0] = matmul(mul(parts.u, per_row(per_row(sign, here()), here())), matmul(moved, parts.vh));
}

// 1 for matrices whose inverse is all rounding, or none: [.., 1, 1].
Tensor singular(const Tensor& a, const Tensor& inverse) {
  if (a.numel() == 0) return Tensor::zeros({0}, DType::f64);
  NoGrad off;
  Tensor mask = Tensor::empty(batch_of(a), DType::f64);
  const std::vector<double> size = amax(abs(a.detach()), {-2, -1}).values();
  const std::vector<double> back = amax(abs(inverse.detach()), {-2, -1}).values();
  const double most = 0.1 / (rounding_of(a.dtype()) * static_cast<double>(a.size(-1)));
  for (std::size_t i = 0; i < size.size(); ++i) mask.mutable_data<double>()[i] = size[i] * back[i] < most ? 0 : 1;
  return unsqueeze(unsqueeze(mask, -1), -1).to(a.device());
}

struct DetNode final : Node {  // d det A = det A tr(A^-1 dA)
  using Node::Node;
  Saved kept[2];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const auto each = [&](const Tensor& x) { return per_row(per_row(x, here()), here()); };
    const Tensor a = kept[0].get(*this), det = kept[1].get(*this);
    const Tensor back = inverse(a, here()), mask = singular(a, back);
    if (mask.numel() == 0 || max(mask).item() == 0) {
      g[0] = mul(each(mul(w[0], det, here())), turned(back, here()), here());
      return;
    }
    // Each matrix goes one way, and the unit matrix the other in its place: there nothing is divided by 0.
    const Tensor eye = unit_matrix(a, a.size(-1));
    const Tensor regular = where(mask, eye, a, here()), rest = where(mask, a, eye, here());
    const Tensor slopes = mul(each(det), turned(inverse(regular, here()), here()), here());
    g[0] = mul(each(w[0]), where(mask, cofactors(rest, here()), slopes, here()), here());
  }
};

struct LogDetNode final : Node {  // d log |det A| = tr(A^-1 dA)
  using Node::Node;
  Saved kept[1];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    g[0] = mul(per_row(per_row(w[0], here()), here()), turned(inverse(kept[0].get(*this), here()), here()), here());
  }
};

// dP = -P dA P + P P' dA' (I - A P) + (I - P A) dA' P' P
struct PinvNode final : Node {
  using Node::Node;
  Saved kept[2];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor a = kept[0].get(*this), p = kept[1].get(*this), pt = turned(p, here()), wt = turned(w[0], here());
    const auto product = [&](const Tensor& x, const Tensor& y) { return matmul(x, y, here()); };
    Tensor result = neg(product(product(pt, w[0]), pt), here());
    const Tensor left = product(wt, product(p, pt)), right = product(product(pt, p), wt);
    result = add(result, sub(left, product(a, product(p, left)), here()), here());
    g[0] = add(result, sub(right, product(product(right, p), a), here()), here());
  }
};

// gA is the corner of e^[[A', W], [0, A']]. W is brought to size 1 first: the result is linear in it.
struct MatrixExpNode final : Node {
  using Node::Node;
  Saved kept[1];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const Tensor at = turned(kept[0].get(*this), here());
    const I n = at.size(-1);
    if (w[0].numel() == 0) {
      g[0] = w[0];
      return;
    }
    Tensor size;
    {
      NoGrad off;
      size = amax(abs(w[0].detach()), {-2, -1}, true);
      size = where(size, size, 1);
    }
    const Tensor top = concat({at, div(w[0], size, here())}, -1, here());
    const Tensor low = concat({Tensor::zeros(at.shape(), at.dtype(), at.device()), at}, -1, here());
    const Tensor whole = matrix_exp(concat({top, low}, -2, here()), here());
    g[0] = mul(slice(slice(whole, -2, 0, n, 1, here()), -1, n, 2 * n, 1, here()), size, here());
  }
};

// a b - c d of entries of [.., 2, 2]; a . (b x c) of the rows of [.., 3, 3].
Tensor polynomial(const Tensor& a, Here here) {
  const auto row = [&](I i) { return select(a, -2, i, here); };
  if (a.size(-1) == 1) return select(row(0), -1, 0, here);
  if (a.size(-1) == 2) {
    const auto entry = [&](I i, I j) { return select(row(i), -1, j, here); };
    return sub(mul(entry(0, 0), entry(1, 1), here), mul(entry(0, 1), entry(1, 0), here), here);
  }
  const auto moved = [&](const Tensor& v, I by) { return roll(v, by, -1, here); };
  const Tensor b = row(1), c = row(2);
  const Tensor normal = sub(mul(moved(b, -1), moved(c, -2), here), mul(moved(b, -2), moved(c, -1), here), here);
  return sum(mul(row(0), normal, here), {-1}, false, here);
}

}  // namespace

Tensor det(const Tensor& a, Here here) {
  require_square("det", a);
  if (a.size(-1) >= 1 && a.size(-1) <= 3) return polynomial(a, here);
  Tensor y = determinants(a).value;
  if (auto node = record<DetNode>("det", here, {&a})) {
    node->kept[0] = node->save_input(0, a);
    node->kept[1] = node->save_output(0, y);
    node->attach(y);
  }
  return y;
}

SignLogDet slogdet(const Tensor& a, Here here) {
  require_square("slogdet", a);
  Determinants y = determinants(a);
  if (auto node = record<LogDetNode>("slogdet", here, {&a})) {
    node->kept[0] = node->save_input(0, a);
    node->attach(y.log_size);
  }
  return {y.sign, y.log_size};
}

Tensor lstsq(const Tensor& a, const Tensor& b, Here here) {
  require_matrices("lstsq", a);
  require_matrices("lstsq", b);
  require_one_dtype("lstsq", a, b);
  require<ShapeError>(a.size(-2) == b.size(-2), "lstsq: expected [.., m, n] and [.., m, r], got ", a.shape(), " and ",
                      b.shape());
  if (a.size(-2) >= a.size(-1)) {  // R X = Q' B
    const QR parts = qr(a, here);
    return solve_triangular(parts.r, matmul(turned(parts.q, here), b, here), true, here);
  }
  const QR parts = qr(turned(a, here), here);  // X = Q R^-T B
  return matmul(parts.q, solve_triangular(turned(parts.r, here), b, false, here), here);
}

Tensor pinv(const Tensor& a, double rtol, Here here) {
  require_matrices("pinv", a);
  Tensor p;
  {
    NoGrad off;
    const SVD parts = svd(a.detach());
    const double roundings =
        rtol < 0 ? static_cast<double>(std::max(a.size(-1), a.size(-2))) : rtol / rounding_of(a.dtype());
    const Tensor inverse = guarded_reciprocal(parts.s, largest_of(parts.s), roundings, here);
    p = matmul(mul(turned(parts.vh, here), per_column(inverse, here)), turned(parts.u, here));
  }
  if (auto node = record<PinvNode>("pinv", here, {&a})) {
    node->kept[0] = node->save_input(0, a);
    node->kept[1] = node->save_output(0, p);
    node->attach(p);
  }
  return p;
}

Tensor matrix_exp(const Tensor& a, Here here) {
  require_square("matrix_exp", a);
  const I n = a.size(-1);
  Tensor y = Tensor::empty(a.shape(), a.dtype(), a.device());
  const Tensor from = dense(a);
  if (a.device() != Device())
    decompose_there("matrix_exp", device::MatrixMethod::exponential, a, {}, {&y}, n);
  else
    decompose(a, 20 * cube(n), 2 * n * n, [&](auto t, I i, auto* room) {
      using T = decltype(t);
      matrix_exp(elements<T>(from) + i * n * n, new_elements<T>(y) + i * n * n, n, room);
    });
  if (auto node = record<MatrixExpNode>("matrix_exp", here, {&a})) {
    node->kept[0] = node->save_input(0, a);
    node->attach(y);
  }
  return y;
}

}  // namespace lumigrad
