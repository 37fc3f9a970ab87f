// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/arrangement.h>
#include <lumigrad/engine/families/decompositions.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/requirements.h>
#include <lumigrad/engine/vectors.h>
#include <cmath>

namespace lumigrad {

Tensor vector_norm(const Tensor& x, double p, std::span<const int> axes, bool keep, Here here) {
  require_real("vector_norm", x);
  require<NumericError>(!std::isnan(p), "vector_norm: expected an exponent, got ", p);
  const auto total = [&](const Tensor& terms) { return sum(terms, axes, keep, here); };
  if (p == 2) return sqrt(total(square(x, here)), here);
  const Tensor sizes = abs(x, here);
  if (p == 1) return total(sizes);
  if (std::isinf(p)) return p > 0 ? amax(sizes, axes, keep, here) : amin(sizes, axes, keep, here);
  if (p == 0) return total(sign(sizes, here));
  // Zeros stay away from powers whose slope is infinite there.
  const auto power = [&](const Tensor& v, double exponent) {
    return where(v.detach(), pow(where(v.detach(), v, 1, here), exponent, here), 0, here);
  };
  if (p > 0) return power(total(power(sizes, p)), 1 / p);
  return pow(total(pow(sizes, p, here)), 1 / p, here);
}

Tensor vector_norm(const Tensor& x, double p, Here here) {
  return vector_norm(reshape(x, {-1}, here), p, {0}, false, here);
}
Tensor vector_norm(const Tensor& x, double p, std::initializer_list<int> axes, bool keep, Here here) {
  return vector_norm(x, p, std::span<const int>(axes.begin(), axes.size()), keep, here);
}

Tensor matrix_norm(const Tensor& a, MatrixNorm norm, bool keep, Here here) {
  require_real("matrix_norm", a);
  require<ShapeError>(a.rank() >= 2, "matrix_norm: expected matrices [.., m, n], got shape ", a.shape());
  if (norm == MatrixNorm::frobenius) return vector_norm(a, 2, {-2, -1}, keep, here);
  Tensor y;
  switch (norm) {
    case MatrixNorm::largest_column:
      y = amax(sum(abs(a, here), {-2}, false, here), {-1}, false, here);
      break;
    case MatrixNorm::smallest_column:
      y = amin(sum(abs(a, here), {-2}, false, here), {-1}, false, here);
      break;
    case MatrixNorm::largest_row:
      y = amax(sum(abs(a, here), {-1}, false, here), {-1}, false, here);
      break;
    case MatrixNorm::smallest_row:
      y = amin(sum(abs(a, here), {-1}, false, here), {-1}, false, here);
      break;
    case MatrixNorm::nuclear:
      y = sum(svdvals(a, here), {-1}, false, here);
      break;
    default:  // singular values are in descending order
      const Tensor s = svdvals(a, here);
      require<ShapeError>(s.size(-1) > 0, "matrix_norm: expected a singular value, got shape ", a.shape());
      y = select(s, -1, norm == MatrixNorm::spectral ? 0 : -1, here);
  }
  return keep ? unsqueeze(unsqueeze(y, -1, here), -1, here) : y;
}

Tensor cross(const Tensor& a, const Tensor& b, int axis, Here here) {
  const Shape shape = broadcast("cross", a.shape(), b.shape());
  const int along = checked_axis("cross", axis, shape.rank()) - shape.rank();
  require<ShapeError>(along >= -a.rank() && along >= -b.rank() && a.size(along) == 3 && b.size(along) == 3,
                      "cross: expected three numbers along axis ", axis, ", got shapes ", a.shape(), " and ",
                      b.shape());
  // entry i: a[i+1] b[i+2] - a[i+2] b[i+1]
  const auto ahead = [&](const Tensor& v, std::int64_t by) { return roll(v, -by, along, here); };
  return sub(mul(ahead(a, 1), ahead(b, 2), here), mul(ahead(a, 2), ahead(b, 1), here), here);
}

Tensor cdist(const Tensor& a, const Tensor& b, double p, Here here) {
  require_real("cdist", a);
  require_real("cdist", b);
  require<ShapeError>(a.rank() >= 2 && b.rank() >= 2 && a.size(-1) == b.size(-1),
                      "cdist: expected [.., m, d] and [.., n, d], got ", a.shape(), " and ", b.shape());
  require<NumericError>(p >= 0, "cdist: expected an exponent p >= 0, got ", p);
  return vector_norm(sub(unsqueeze(a, -2, here), unsqueeze(b, -3, here), here), p, {-1}, false, here);
}

}  // namespace lumigrad
