// SPDX-License-Identifier: Apache-2.0
// A joint histogram J with soft bins, and entropies of it.
//
//   J[i, j] = sum over pixels of k(i - u) k(j - v)        u, v: the grey levels of both images in bins
//   P = J / sum J,   I = sum P log(P / (Px Py))
//
// The adjoint needs no more than D = dI/dJ, a table as large as the histogram: with it a pixel's slopes are sums over
// the few bins it reaches,
//   dI/du = -sum over i, j of D[i, j] k'(i - u) k(j - v),
// so that nothing of the size of pixels times bins is ever stored.
#include <lumigrad/engine/function.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/losses/similarity.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lumigrad::losses {
namespace {

constexpr double least_share = std::numeric_limits<double>::epsilon();  // of an empty bin
constexpr std::int64_t chunk = 1 << 16;                                 // pixels that share a histogram
constexpr int most_reach = 64;                                          // bins

struct WindowValue {
  double value, slope;
};

WindowValue window_at(Parzen kind, double x) {
  const double a = std::fabs(x), sign = x > 0 ? 1 : x < 0 ? -1 : 0;
  switch (kind) {
    case Parzen::bspline:
      if (a >= 2) return {0, 0};
      if (a >= 1) return {(2 - a) * (2 - a) * (2 - a) / 6, -sign * 0.5 * (2 - a) * (2 - a)};
      return {2.0 / 3 + a * a * (0.5 * a - 1), sign * a * (1.5 * a - 2)};
    case Parzen::xu:
      if (a > 1) return {0, 0};
      if (a < 0.5) return {1 - a * (0.1 + 1.8 * a), -sign * (0.1 + 3.6 * a)};
      return {1.9 + a * (1.8 * a - 3.7), sign * (3.6 * a - 3.7)};
    case Parzen::truncated_gaussian: {
      if (a > 1) return {0, 0};
      const double v = std::exp(-0.5 * x * x) * 0.3989422804014327;
      return {v, -x * v};
    }
    case Parzen::rectangular:
      break;
  }
  return {a <= 1 ? 1.0 : 0.0, 0};
}

/// The bins that a level reaches and what it puts there.
struct Reach {
  int first = 0, count = 0;
  double value[2 * most_reach + 2], slope[2 * most_reach + 2];  // slope: with respect to the level

  void look(const MutualInformation& o, double level) {
    const double half = o.radius * (o.window == Parzen::bspline ? 2 : 1);
    first = std::max(0, static_cast<int>(std::ceil(level - half)));
    const int last = std::min(o.bins - 1, static_cast<int>(std::floor(level + half)));
    count = std::max(0, last - first + 1);
    const double gauss = o.window == Parzen::truncated_gaussian ? 1 / o.radius : 1;
    for (int k = 0; k < count; ++k) {
      const WindowValue w = window_at(o.window, (first + k - level) / o.radius);
      value[k] = gauss * w.value, slope[k] = -gauss * w.slope / o.radius;
    }
  }
};

/// How grey levels of one plane become bins: u = (x - low) / span bins, in this order, so that the highest level is
/// `bins` exactly: it lies at the very edge of the window of bin bins - radius, and rounding must not decide about it.
struct Levels {
  double low = 0, span = 0;                ///< 0: a plane of one level says nothing; all of it stands in bin 0
  std::int64_t lowest = -1, highest = -1;  ///< the pixels that set the range; -1: it is given
  int bins = 1;

  template <class T>
  double at(T x) const {
    return span > 0 ? (static_cast<double>(x) - low) / span * bins : 0;
  }
  double slope() const { return span > 0 ? bins / span : 0; }
};

template <class T>
Levels levels_of(const T* x, const std::uint8_t* counts, std::int64_t n, int bins, const std::array<double, 2>& range) {
  Levels l{.bins = bins};
  double low = range[0], high = range[1];
  if (low == 0 && high == 0) {
    for (std::int64_t i = 0; i < n; ++i) {
      if (counts && !counts[i]) continue;
      if (l.lowest < 0 || x[i] < x[l.lowest]) l.lowest = i;
      if (l.highest < 0 || x[i] > x[l.highest]) l.highest = i;
    }
    if (l.lowest >= 0) low = static_cast<double>(x[l.lowest]), high = static_cast<double>(x[l.highest]);
  }
  l.low = low;
  l.span = high - low > static_cast<double>(std::numeric_limits<T>::epsilon()) ? high - low : 0;
  return l;
}

/// One plane of both images.
template <class T>
struct Pair {
  const T *a, *b;
  const std::uint8_t* counts;  ///< null: all
  std::int64_t pixels;
  Levels of_a, of_b;
};

template <class T>
std::vector<double> joint_histogram(const Pair<T>& p, const MutualInformation& o) {
  const std::size_t size = static_cast<std::size_t>(o.bins) * static_cast<std::size_t>(o.bins);
  const std::int64_t chunks = std::max<std::int64_t>(1, (p.pixels + chunk - 1) / chunk);
  std::vector<double> sums(static_cast<std::size_t>(chunks) * size, 0.0);
  parallel_for(
      chunks,
      [&](std::int64_t c) {
        double* own = &sums[static_cast<std::size_t>(c) * size];
        Reach u, v;
        for (std::int64_t i = c * chunk; i < std::min(p.pixels, (c + 1) * chunk); ++i) {
          if (p.counts && !p.counts[i]) continue;
          u.look(o, p.of_a.at(p.a[i]));
          v.look(o, p.of_b.at(p.b[i]));
          for (int r = 0; r < u.count; ++r) {
            double* row = own + static_cast<std::size_t>(u.first + r) * static_cast<std::size_t>(o.bins) + v.first;
            for (int k = 0; k < v.count; ++k) row[k] += u.value[r] * v.value[k];
          }
        }
      },
      2000);
  for (std::size_t c = 1; c < static_cast<std::size_t>(chunks); ++c)
    for (std::size_t i = 0; i < size; ++i) sums[i] += sums[c * size + i];
  sums.resize(size);
  return sums;
}

/// The loss of a histogram, and its slopes with respect to the histogram where `slopes` is not null.
double loss_of(const std::vector<double>& joint, int bins, bool normalized, std::vector<double>* slopes) {
  const auto n = static_cast<std::size_t>(bins);
  std::vector<double> p(joint.size()), rows(n, 0.0), columns(n, 0.0);
  double total = 0;
  for (std::size_t i = 0; i < p.size(); ++i) total += p[i] = std::max(joint[i], least_share);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      double& v = p[i * n + j];
      v /= total;
      rows[i] += v, columns[j] += v;
    }
  double of_rows = 0, of_columns = 0, of_both = 0;
  for (double v : rows) of_rows -= v * std::log(v);
  for (double v : columns) of_columns -= v * std::log(v);
  for (double v : p) of_both -= v * std::log(v);
  if (slopes) {
    slopes->resize(joint.size());
    double mean = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        const double single = -(std::log(rows[i]) + std::log(columns[j]) + 2), both = -(std::log(p[i * n + j]) + 1);
        double& slope = (*slopes)[i * n + j];
        slope = normalized ? -(single * of_both - (of_rows + of_columns) * both) / (of_both * of_both) : both - single;
        mean += slope * p[i * n + j];
      }
    for (std::size_t i = 0; i < p.size(); ++i)
      (*slopes)[i] = joint[i] >= least_share ? ((*slopes)[i] - mean) / total : 0;
  }
  return normalized ? -(of_rows + of_columns) / of_both : of_both - of_rows - of_columns;
}

/// Writes w dLoss/da and w dLoss/db.
template <class T>
void spread_slopes(const Pair<T>& p, const MutualInformation& o, const std::vector<double>& slopes, double w, T* ga,
                   T* gb) {
  const std::int64_t chunks = std::max<std::int64_t>(1, (p.pixels + chunk - 1) / chunk);
  struct Ends {
    double low_a = 0, high_a = 0, low_b = 0, high_b = 0;
  };
  std::vector<Ends> ends(static_cast<std::size_t>(chunks));
  parallel_for(
      chunks,
      [&](std::int64_t c) {
        Reach u, v;
        Ends& end = ends[static_cast<std::size_t>(c)];
        for (std::int64_t i = c * chunk; i < std::min(p.pixels, (c + 1) * chunk); ++i) {
          ga[i] = gb[i] = 0;
          if (p.counts && !p.counts[i]) continue;
          const double at_a = p.of_a.at(p.a[i]), at_b = p.of_b.at(p.b[i]);
          u.look(o, at_a);
          v.look(o, at_b);
          double du = 0, dv = 0;
          for (int r = 0; r < u.count; ++r) {
            const double* row =
                &slopes[static_cast<std::size_t>(u.first + r) * static_cast<std::size_t>(o.bins)] + v.first;
            double values = 0, turns = 0;
            for (int k = 0; k < v.count; ++k) values += row[k] * v.value[k], turns += row[k] * v.slope[k];
            du += u.slope[r] * values, dv += u.value[r] * turns;
          }
          du *= w * p.of_a.slope(), dv *= w * p.of_b.slope();
          ga[i] = static_cast<T>(du), gb[i] = static_cast<T>(dv);
          // u = (x - low) bins / (high - low) moves with the ends of the range too.
          const double share_a = at_a / o.bins, share_b = at_b / o.bins;
          end.low_a += du * (share_a - 1), end.high_a -= du * share_a;
          end.low_b += dv * (share_b - 1), end.high_b -= dv * share_b;
        }
      },
      3000);
  auto settle = [](const Levels& l, double low, double high, T* g) {
    if (l.lowest < 0) return;
    g[l.lowest] += static_cast<T>(low);
    g[l.highest] += static_cast<T>(high);
  };
  Ends sum;
  for (const Ends& e : ends) sum.low_a += e.low_a, sum.high_a += e.high_a, sum.low_b += e.low_b, sum.high_b += e.high_b;
  settle(p.of_a, sum.low_a, sum.high_a, ga);
  settle(p.of_b, sum.low_b, sum.high_b, gb);
}

struct Planes {
  Tensor a, b, counts;  ///< contiguous
  std::int64_t count, pixels;
};

Planes planes_of(const std::vector<Tensor>& x, const MutualInformation& o) {
  Planes p;
  p.a = x[0].contiguous(), p.b = x[1].contiguous();
  const int rank = p.a.rank();
  p.pixels = p.a.size(rank - 2) * p.a.size(rank - 1);
  p.count = p.pixels > 0 ? p.a.numel() / p.pixels : 0;
  if (o.mask.defined()) {
    const std::vector<double> values = o.mask.values();
    p.counts = Tensor::empty(o.mask.shape(), DType::u8);
    for (std::size_t i = 0; i < values.size(); ++i) p.counts.mutable_data<std::uint8_t>()[i] = values[i] != 0;
  }
  return p;
}

template <class T>
Pair<T> pair_of(const Planes& p, const MutualInformation& o, std::int64_t k) {
  Pair<T> pair;
  pair.pixels = p.pixels;
  pair.a = p.a.data<T>() + k * p.pixels, pair.b = p.b.data<T>() + k * p.pixels;
  const bool shared = p.counts.defined() && p.counts.numel() == p.pixels;
  pair.counts = p.counts.defined() ? p.counts.data<std::uint8_t>() + (shared ? 0 : k * p.pixels) : nullptr;
  pair.of_a = levels_of(pair.a, pair.counts, p.pixels, o.bins, o.range_a);
  pair.of_b = levels_of(pair.b, pair.counts, p.pixels, o.bins, o.range_b);
  return pair;
}

template <class T>
void forward(const Planes& p, const MutualInformation& o, bool normalized, Tensor& out) {
  for (std::int64_t k = 0; k < p.count; ++k)
    out.mutable_data<T>()[k] =
        static_cast<T>(loss_of(joint_histogram(pair_of<T>(p, o, k), o), o.bins, normalized, nullptr));
}

template <class T>
void backward(const Planes& p, const MutualInformation& o, bool normalized, const Tensor& w, Tensor& ga, Tensor& gb) {
  const std::vector<double> weights = w.values();
  std::vector<double> slopes;
  for (std::int64_t k = 0; k < p.count; ++k) {
    const Pair<T> pair = pair_of<T>(p, o, k);
    loss_of(joint_histogram(pair, o), o.bins, normalized, &slopes);
    spread_slopes(pair, o, slopes, weights[static_cast<std::size_t>(k)], ga.mutable_data<T>() + k * p.pixels,
                  gb.mutable_data<T>() + k * p.pixels);
  }
}

Tensor information(const char* name, const Tensor& a, const Tensor& b, const MutualInformation& o, bool normalized,
                   Here here) {
  require<ShapeError>(a.rank() >= 2 && a.shape() == b.shape() && a.dtype() == b.dtype(), name,
                      ": expected images [.., H, W] of one shape and dtype, got ", a.shape(), " of ", a.dtype(),
                      " and ", b.shape(), " of ", b.dtype());
  require<DTypeError>(a.dtype() == DType::f32 || a.dtype() == DType::f64, name, ": expected f32 or f64, got ",
                      a.dtype());
  require<ShapeError>(a.size(a.rank() - 2) * a.size(a.rank() - 1) > 0, name,
                      ": expected images with pixels, got shape ", a.shape());
  require<NumericError>(o.bins >= 2 && o.bins <= 1024, name, ": expected 2 to 1024 bins, got ", o.bins);
  require<NumericError>(o.radius > 0 && o.radius <= most_reach / 2, name, ": expected a radius in (0, ", most_reach / 2,
                        "], got ", o.radius);
  require<DeviceError>(a.device() == b.device(), name, ": expected images on one device, got ", a.device(), " and ",
                       b.device());
  if (o.mask.defined())
    require<ShapeError>(o.mask.shape() == a.shape() || o.mask.shape() == Shape(a.shape().extents().last(2)), name,
                        ": expected a mask of the shape of the images or of a plane, got ", o.mask.shape());
  const Shape leading(a.shape().extents().first(static_cast<std::size_t>(a.rank() - 2)));
  const Function f{.name = name,
                   .forward =
                       [o, normalized, leading](const std::vector<Tensor>& x) {
                         Tensor out = Tensor::empty(leading, x[0].dtype());
                         const Planes p = planes_of(x, o);
                         if (x[0].dtype() == DType::f32)
                           forward<float>(p, o, normalized, out);
                         else
                           forward<double>(p, o, normalized, out);
                         return out;
                       },
                   .adjoint =
                       [o, normalized](const std::vector<Tensor>& x, const Tensor&, const Tensor& w) {
                         Tensor ga = Tensor::empty(x[0].shape(), x[0].dtype()),
                                gb = Tensor::empty(x[0].shape(), x[0].dtype());
                         const Planes p = planes_of(x, o);
                         if (x[0].dtype() == DType::f32)
                           backward<float>(p, o, normalized, w, ga, gb);
                         else
                           backward<double>(p, o, normalized, w, ga, gb);
                         return std::vector<Tensor>{ga, gb};
                       }};
  // Joint histograms are built on the CPU: images of another device come here for it, and their gradients go back.
  if (a.device() == Device()) return f({a, b}, here);
  return f({a.to(Device(), here), b.to(Device(), here)}, here).to(a.device(), here);
}

}  // namespace

Tensor mutual_information_loss(const Tensor& a, const Tensor& b, const MutualInformation& options, Here here) {
  return information("losses.mutual_information_loss", a, b, options, false, here);
}

Tensor normalized_mutual_information_loss(const Tensor& a, const Tensor& b, const MutualInformation& options,
                                          Here here) {
  return information("losses.normalized_mutual_information_loss", a, b, options, true, here);
}

}  // namespace lumigrad::losses
