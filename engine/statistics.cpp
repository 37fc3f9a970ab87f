// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/function.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/requirements.h>
#include <lumigrad/engine/statistics.h>
#include <lumigrad/engine/vectors.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace lumigrad {
namespace {

using Axes = std::vector<int>;
using Inputs = std::vector<Tensor>;

// The axes that are meant, each once, in [0, rank).
Axes checked_axes(const char* name, const Tensor& x, std::span<const int> axes) {
  require_real(name, x);
  Axes all;
  for (const int axis : axes) {
    all.push_back(checked_axis(name, axis, x.rank()));
    require<ShapeError>(std::count(all.begin(), all.end(), all.back()) == 1, name,
                        ": expected every axis at most once, got axis ", axis, " twice");
  }
  return all;
}

std::int64_t extent_of(const Tensor& x, const Axes& axes) {
  std::int64_t n = 1;
  for (const int axis : axes) n *= x.size(axis);
  return n;
}

Tensor without(Tensor x, const Axes& axes, Here here) {
  std::vector<std::int64_t> extents;
  for (int i = 0; i < x.rank(); ++i)
    if (std::count(axes.begin(), axes.end(), i) == 0) extents.push_back(x.size(i));
  return reshape(x, std::span<const std::int64_t>(extents), here);
}

// The largest element along some axes, which stay with extent 1: one half is held against the other until one is left.
// Outside the graph, and ten times as fast as amax, which finds out where it stands.
Tensor largest(const Tensor& x, const Axes& axes) {
  Tensor m = x.detach();
  for (const int axis : axes)
    while (m.size(axis) > 1) {
      const std::int64_t n = m.size(axis), half = (n + 1) / 2;  // an odd one stands in both halves
      m = maximum(slice(m, axis, 0, half), slice(m, axis, n - half, n));
    }
  return m;
}

// The largest finite number.
double bound(const Tensor& x) {
  return x.dtype() == DType::f32 ? double{std::numeric_limits<float>::max()} : std::numeric_limits<double>::max();
}

// A finite number near the largest element: x - level does not overflow, and is not infinity minus infinity.
Tensor level(const Tensor& x, const Axes& axes) {
  if (extent_of(x, axes) == 0) {
    Shape kept = x.shape();
    for (const int axis : axes) kept = kept.with(axis, 1);
    return Tensor::zeros(kept, x.dtype(), x.device());
  }
  return clamp(largest(x, axes), -bound(x), bound(x));
}

}  // namespace

Tensor logsumexp(const Tensor& x, std::span<const int> over, bool keep, Here here) {
  const Axes axes = checked_axes("logsumexp", x, over);
  const Function function{
      .name = "logsumexp",
      .forward =
          [axes](const Inputs& in) {
            const Tensor m = level(in[0], axes);
            return add(log(sum(exp(sub(in[0], m)), std::span<const int>(axes), true)), m);
          },
      // Minus infinity, a sum of nothing, is held above the elements of that sum: they have slope 0, not inf - inf.
      .adjoint =
          [here](const Inputs& in, const Tensor& y, const Tensor& w) {
            const Tensor above = maximum(y, -bound(y), here);
            return Inputs{mul(w, exp(sub(in[0], above, here), here), here)};
          }};
  const Tensor y = function({x}, here);
  return keep ? y : without(y, axes, here);
}
Tensor logsumexp(const Tensor& x, std::initializer_list<int> axes, bool keep, Here here) {
  return logsumexp(x, std::span<const int>(axes.begin(), axes.size()), keep, here);
}

Tensor softmax(const Tensor& x, int axis, Here here) {
  const Axes axes = checked_axes("softmax", x, std::array{axis});
  const Function function{.name = "softmax",
                          .forward =
                              [axes](const Inputs& in) {
                                const Tensor e = exp(sub(in[0], level(in[0], axes)));
                                return div(e, sum(e, std::span<const int>(axes), true));
                              },
                          .adjoint =
                              [axes, here](const Inputs&, const Tensor& y, const Tensor& w) {
                                const Tensor mean = sum(mul(w, y, here), std::span<const int>(axes), true, here);
                                return Inputs{mul(y, sub(w, mean, here), here)};
                              }};
  return function({x}, here);
}

Tensor softmin(const Tensor& x, int axis, Here here) {
  require_real("softmin", x);
  return softmax(neg(x, here), axis, here);
}

Tensor log_softmax(const Tensor& x, int axis, Here here) {
  const Axes axes = checked_axes("log_softmax", x, std::array{axis});
  const Function function{.name = "log_softmax",
                          .forward =
                              [axes](const Inputs& in) {
                                const Tensor d = sub(in[0], level(in[0], axes));
                                return sub(d, log(sum(exp(d), std::span<const int>(axes), true)));
                              },
                          .adjoint =
                              [axes, here](const Inputs&, const Tensor& y, const Tensor& w) {
                                const Tensor total = sum(w, std::span<const int>(axes), true, here);
                                return Inputs{sub(w, mul(exp(y, here), total, here), here)};
                              }};
  return function({x}, here);
}

namespace {

Tensor squared_deviation(const char* name, const Tensor& x, std::span<const int> over, bool keep, double correction,
                         Here here) {
  const Axes axes = checked_axes(name, x, over);
  const auto freedom = static_cast<double>(extent_of(x, axes)) - correction;
  require<ShapeError>(freedom > 0, name, ": expected more than ", correction, " elements, got ", extent_of(x, axes),
                      " in shape ", x.shape());
  const Function function{.name = name,
                          .forward =
                              [axes, freedom](const Inputs& in) {
                                const auto over = std::span<const int>(axes);
                                return mul(sum(square(sub(in[0], mean(in[0], over, true))), over, true), 1 / freedom);
                              },
                          .adjoint =
                              [axes, freedom, here](const Inputs& in, const Tensor&, const Tensor& w) {
                                const Tensor d = sub(in[0], mean(in[0], std::span<const int>(axes), true, here), here);
                                return Inputs{mul(d, mul(w, 2 / freedom, here), here)};
                              }};
  const Tensor y = function({x}, here);
  return keep ? y : without(y, axes, here);
}

}  // namespace

Tensor variance(const Tensor& x, std::span<const int> axes, bool keep, double correction, Here here) {
  return squared_deviation("variance", x, axes, keep, correction, here);
}
Tensor variance(const Tensor& x, std::initializer_list<int> axes, bool keep, double correction, Here here) {
  return variance(x, std::span<const int>(axes.begin(), axes.size()), keep, correction, here);
}

Tensor standard_deviation(const Tensor& x, std::span<const int> axes, bool keep, double correction, Here here) {
  return sqrt(squared_deviation("standard_deviation", x, axes, keep, correction, here), here);
}
Tensor standard_deviation(const Tensor& x, std::initializer_list<int> axes, bool keep, double correction, Here here) {
  return standard_deviation(x, std::span<const int>(axes.begin(), axes.size()), keep, correction, here);
}

namespace {

// max(length, eps) along an axis, which stays with extent 1.
Tensor length(const Tensor& x, double p, int axis, double eps, Here here) {
  return maximum(vector_norm(x, p, {axis}, true, here), eps, here);
}

}  // namespace

Tensor normalize(const Tensor& x, double p, int axis, double eps, Here here) {
  require_real("normalize", x);
  require<NumericError>(p > 0, "normalize: expected p > 0, got ", p);
  return div(x, length(x, p, checked_axis("normalize", axis, x.rank()), eps, here), here);
}

Tensor cosine_similarity(const Tensor& a, const Tensor& b, int axis, double eps, Here here) {
  const char* name = "cosine_similarity";
  require_real(name, a);
  require<DTypeError>(a.dtype() == b.dtype(), name, ": expected one dtype, got ", a.dtype(), " and ", b.dtype());
  const Shape shape = broadcast(name, a.shape(), b.shape());
  const int along = checked_axis(name, axis, shape.rank());
  const auto direction = [&](const Tensor& x) {
    const Tensor whole = expand(x, shape, here);
    return div(whole, length(whole, 2, along, eps, here), here);
  };
  return sum(mul(direction(a), direction(b), here), {along}, false, here);
}

}  // namespace lumigrad
