// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/cpu/dense_least_squares.h>
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

namespace lumigrad {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

Eigen::Index index(std::size_t n) { return static_cast<Eigen::Index>(n); }
Eigen::Map<const Vector> vector(std::span<const double> v) { return {v.data(), index(v.size())}; }
Eigen::Map<const Matrix> matrix(const LinearizedResiduals& at) {
  return {at.matrix.data(), index(at.size()), index(at.size())};
}

}  // namespace

LinearizedResiduals linearize(std::span<const double> jacobian, std::span<const double> residuals) {
  const std::size_t m = residuals.size(), n = m ? jacobian.size() / m : 0;
  LinearizedResiduals at;
  at.matrix.resize(n * n);
  at.gradient.resize(n);
  const Eigen::Map<const Matrix> j(jacobian.data(), index(m), index(n));
  const auto r = vector(residuals);
  Eigen::Map<Matrix>(at.matrix.data(), index(n), index(n)).noalias() = j.transpose() * j;
  Eigen::Map<Vector>(at.gradient.data(), index(n)).noalias() = j.transpose() * r;
  at.square = r.squaredNorm();
  return at;
}

double largest_cosine(const LinearizedResiduals& at) {
  double most = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    const double scale = std::sqrt(at.matrix[i * at.size() + i] * at.square);
    if (scale > 0) most = std::max(most, std::abs(at.gradient[i]) / scale);
  }
  return most;
}

std::vector<double> damped_step(const LinearizedResiduals& at, double damping) {
  const auto a = matrix(at);
  Vector d = a.diagonal();
  const double mean = d.size() ? d.mean() : 0;
  // Solved in units in which the diagonal is 1, so that parameters of different size meet on equal terms.
  Vector unit(d.size());
  for (Eigen::Index i = 0; i < d.size(); ++i) unit[i] = 1 / std::sqrt(d[i] > 0 ? d[i] : mean > 0 ? mean : 1);
  Matrix scaled = unit.asDiagonal() * a * unit.asDiagonal();
  scaled.diagonal().array() += damping;
  const Eigen::LLT<Matrix> factors(scaled);
  if (factors.info() != Eigen::Success) return {};
  // A pivot this small is what rounding leaves of zero.
  const double floor = static_cast<double>(d.size()) * std::numeric_limits<double>::epsilon();
  const Matrix lower = factors.matrixL();
  for (Eigen::Index i = 0; i < d.size(); ++i)
    if (lower(i, i) * lower(i, i) <= floor) return {};
  const Vector step = unit.asDiagonal() * factors.solve(-(unit.asDiagonal() * vector(at.gradient)));
  return {step.data(), step.data() + step.size()};
}

double promised_decrease(const LinearizedResiduals& at, std::span<const double> d) {
  const auto step = vector(d);
  return -step.dot(vector(at.gradient)) - 0.5 * step.dot(matrix(at) * step);
}

}  // namespace lumigrad
