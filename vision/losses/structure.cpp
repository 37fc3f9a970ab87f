// SPDX-License-Identifier: Apache-2.0
// Losses of how pixels relate to their neighbours, made of operators: derivatives follow from theirs.
#include <lumigrad/engine/families/resample.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/losses/similarity.h>

#include <algorithm>

namespace lumigrad::losses {
namespace {

void require_pair(const char* name, const Tensor& a, const Tensor& b, int rank, std::int64_t side) {
  require<ShapeError>(a.rank() >= rank && a.shape() == b.shape() && a.dtype() == b.dtype(), name,
                      ": expected images of one shape [.., ", rank == 3 ? "C, " : "", "H, W] and dtype, got ",
                      a.shape(), " of ", a.dtype(), " and ", b.shape(), " of ", b.dtype());
  require<DTypeError>(a.dtype() == DType::f32 || a.dtype() == DType::f64, name, ": expected f32 or f64, got ",
                      a.dtype());
  require<ShapeError>(std::min(a.size(a.rank() - 2), a.size(a.rank() - 1)) >= side, name, ": expected at least ", side,
                      " pixels a side, got shape ", a.shape());
}

void require_window(const char* name, int window, int least) {
  require<NumericError>(window >= least && window % 2 == 1, name, ": expected an odd window of at least ", least,
                        ", got ", window);
}

/// Means over windows of this side, cut at the ends.
std::shared_ptr<const Band> means(std::int64_t extent, int window) {
  auto band = std::make_shared<Band>(extent);
  for (std::int64_t i = 0; i < extent; ++i) {
    band->start_row();
    const std::int64_t first = std::max<std::int64_t>(0, i - window / 2), last = std::min(extent - 1, i + window / 2);
    for (std::int64_t k = first; k <= last; ++k) band->add(k, 1.0 / static_cast<double>(last - first + 1));
  }
  return band;
}

Tensor plane_means(const Tensor& x, Here here) { return mean(x, {x.rank() - 2, x.rank() - 1}, false, here); }

}  // namespace

Tensor lncc_loss(const Tensor& a, const Tensor& b, const Lncc& o, Here here) {
  const char* name = "losses.lncc_loss";
  require_pair(name, a, b, 2, 1);
  require_window(name, o.window, 3);
  const int y = a.rank() - 2, x = a.rank() - 1;
  const auto rows = means(a.size(y), o.window), columns = means(a.size(x), o.window);
  const auto local = [&](const Tensor& t) { return resample(resample(t, x, columns, here), y, rows, here); };
  // Deviations from the local mean come first: products of raw levels would cancel in f32. What is left of the mean
  // within a window is taken off as well.
  const Tensor u = sub(a, local(a), here), v = sub(b, local(b), here);
  const Tensor mu = local(u), mv = local(v);
  const Tensor uu = sub(local(square(u, here)), square(mu, here), here),
               vv = sub(local(square(v, here)), square(mv, here), here),
               uv = sub(local(mul(u, v, here)), mul(mu, mv, here), here);
  const Tensor zero = Tensor::zeros({}, a.dtype(), a.device());
  const Tensor spread =
      mul(add(maximum(uu, zero, here), o.floor, here), add(maximum(vv, zero, here), o.floor, here), here);
  return reduced(name, sub(1.0, plane_means(mul(uv, rsqrt(spread, here), here), here), here), o.reduction, here);
}

Tensor gradient_correlation_loss(const Tensor& a, const Tensor& b, Reduction reduction, Here here) {
  const char* name = "losses.gradient_correlation_loss";
  require_pair(name, a, b, 3, 3);
  const auto steps = [&](const Tensor& t, int axis) {
    const std::int64_t n = t.size(axis);
    return sub(slice(t, axis, 2, n, 1, here), slice(t, axis, 0, n - 2, 1, here), here);
  };
  const int y = a.rank() - 2, x = a.rank() - 1;
  const Tensor along = ncc(steps(a, x), steps(b, x), here), down = ncc(steps(a, y), steps(b, y), here);
  return reduced(name, sub(1.0, mul(0.5, add(along, down, here), here), here), reduction, here);
}

Tensor census_loss(const Tensor& a, const Tensor& b, const Census& o, Here here) {
  const char* name = "losses.census_loss";
  require_window(name, o.window, 3);
  require_pair(name, a, b, 2, o.window);
  for (const double soft : o.soft.values()) require<NumericError>(soft > 0, name, ": expected soft > 0, got ", soft);
  const int y = a.rank() - 2, x = a.rank() - 1, reach = o.window / 2;
  const auto part = [&](const Tensor& t, int dy, int dx) {
    const Tensor rows = slice(t, y, reach + dy, t.size(y) - reach + dy, 1, here);
    return slice(rows, x, reach + dx, t.size(x) - reach + dx, 1, here);
  };
  const Tensor centre_a = part(a, 0, 0), centre_b = part(b, 0, 0), soft = square(o.soft, here);
  const auto compared = [&](const Tensor& neighbour, const Tensor& centre) {
    const Tensor d = sub(neighbour, centre, here);
    return mul(d, rsqrt(add(soft, square(d, here), here), here), here);
  };
  Tensor total;
  for (int dy = -reach; dy <= reach; ++dy)
    for (int dx = -reach; dx <= reach; ++dx) {
      if (dy == 0 && dx == 0) continue;
      const Tensor t =
          square(sub(compared(part(a, dy, dx), centre_a), compared(part(b, dy, dx), centre_b), here), here);
      const Tensor term = plane_means(div(t, add(0.1, t, here), here), here);
      total = total.defined() ? add(total, term, here) : term;
    }
  return reduced(name, mul(1.0 / (o.window * o.window - 1), total, here), o.reduction, here);
}

}  // namespace lumigrad::losses
