// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/families/lines.h>
#include <lumigrad/engine/families/rank_key.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/ops.h>
#include <cmath>
#include <numeric>

namespace lumigrad {
namespace {

// A number as an unsigned one of the same order, and where it stands: no two are alike, so any way of sorting is
// stable.
struct Key {
  std::uint64_t value;
  std::int64_t index;
  friend bool operator<(const Key& a, const Key& b) {
    return a.value < b.value || (a.value == b.value && a.index < b.index);
  }
};

// Byte by byte from the lowest; every pass keeps the order of equal bytes, and so of equal keys. `spare` holds as many.
void radix_sort(Key* keys, Key* spare, std::int64_t n, int bytes) {
  std::int64_t counts[8][256] = {};
  for (std::int64_t i = 0; i < n; ++i)
    for (int b = 0; b < bytes; ++b) ++counts[b][keys[i].value >> (8 * b) & 255];
  Key *from = keys, *to = spare;
  for (int b = 0; b < bytes; ++b) {
    if (counts[b][from[0].value >> (8 * b) & 255] == n) continue;
    std::int64_t begin = 0;
    for (std::int64_t& count : counts[b]) begin += std::exchange(count, begin);
    for (std::int64_t i = 0; i < n; ++i) to[counts[b][from[i].value >> (8 * b) & 255]++] = from[i];
    std::swap(from, to);
  }
  if (from != keys) std::copy_n(from, n, keys);
}

// What becomes of a line with a NaN: it is one of the elements, or the answer.
enum class NaN { sorted, spreads };

// Lines of up to this length are sorted on the stack.
constexpr std::int64_t few_keys = 64;

using Ranks = std::span<const std::int64_t>;

template <class T>
void ranked_line(const T* x, std::int64_t step, std::int64_t n, Ranks ranks, bool descending, NaN nan, Key* keys,
                 std::int64_t* to, std::int64_t to_step) {
  std::int64_t missing = -1;
  for (std::int64_t i = n - 1; i >= 0; --i) {
    const std::uint64_t value = key_of(x[i * step]);
    if (std::is_floating_point_v<T> && value == all_bits<T>) missing = i;
    keys[i] = {descending ? ~value & all_bits<T> : value, i};
  }
  if (nan == NaN::spreads && missing >= 0) {
    for (std::size_t k = 0; k < ranks.size(); ++k) to[static_cast<std::int64_t>(k) * to_step] = missing;
    return;
  }
  const std::int64_t last = *std::max_element(ranks.begin(), ranks.end());
  if (last + 1 == n && n > few_keys) {
    radix_sort(keys, keys + n, n, sizeof(T));
  } else {
    if (last + 1 < n || ranks.size() == 1) std::nth_element(keys, keys + last, keys + n);
    if (ranks.size() > 1) std::sort(keys, keys + last + 1);
  }
  for (std::size_t k = 0; k < ranks.size(); ++k) to[static_cast<std::int64_t>(k) * to_step] = keys[ranks[k]].index;
}

// The index along `axis` of the element of each of the ranks: the shape of x with ranks.size() there.
Tensor ranked(const Tensor& given, int axis, Ranks ranks, bool descending, NaN nan = NaN::sorted) {
  const Tensor index =
      Tensor::empty(given.shape().with(axis, static_cast<std::int64_t>(ranks.size())), DType::i64, given.device());
  if (index.numel() == 0) return index;
  Tensor x = given.detach();
  if (!is_differentiable(x.dtype())) x = x.to(is_floating(x.dtype()) ? DType::f32 : DType::i64);
  x = x.contiguous();
  const Lines from(x.shape(), axis), to(index.shape(), axis);
  if (x.device() != Device()) {
    const Device device = x.device();
    const Tensor wanted = Tensor::from(ranks, {static_cast<std::int64_t>(ranks.size())}).to(device);
    const device::RanksCall call{x.dtype(),
                                 from.outer,
                                 from.extent,
                                 from.inner,
                                 descending,
                                 nan == NaN::spreads,
                                 x.device_data(),
                                 to.extent,
                                 reinterpret_cast<const std::int64_t*>(wanted.device_data()),
                                 reinterpret_cast<std::int64_t*>(index.device_data())};
    device::check("sort", device, device::table(device).ranks.ranks(device::place_of(device), &call));
    return index;
  }
  const auto sort_lines = [&](auto t) {
    using T = decltype(t);
    each_block(from, 1, 20.0, [&](const LineBlock& block) {
      Key few[few_keys];
      std::vector<Key> many(static_cast<std::size_t>(from.extent > few_keys ? 2 * from.extent : 0));
      ranked_line(elements<T>(x) + block.outer * from.extent * from.inner + block.first, from.inner, from.extent, ranks,
                  descending, nan, many.empty() ? few : many.data(),
                  new_elements<std::int64_t>(index) + block.outer * to.extent * to.inner + block.first, to.inner);
    });
  };
  if (x.dtype() == DType::i64)
    sort_lines(std::int64_t{});
  else
    by_differentiable_dtype(x.dtype(), sort_lines);
  return index;
}

std::vector<std::int64_t> first(std::int64_t count) {
  std::vector<std::int64_t> ranks(static_cast<std::size_t>(count));
  std::iota(ranks.begin(), ranks.end(), std::int64_t{0});
  return ranks;
}

Selection picked(const Tensor& x, int axis, const Tensor& index, Here here) {
  return {gather_known("gather", x, axis, index, here), index};
}

void check_any(const char* name, const Tensor& x, int axis) {
  require<ShapeError>(x.size(axis) > 0, name, ": expected something to choose from, got shape ", x.shape());
}

// Positions q (n - 1), computed in the dtype of q.
std::vector<double> positions(const Tensor& q, std::int64_t n) {
  std::vector<double> at = q.values();
  for (double& p : at) {
    require<NumericError>(p >= 0 && p <= 1, "quantile: expected q in [0, 1], got ", p);
    p = q.dtype() == DType::f32 ? static_cast<double>(static_cast<float>(p) * static_cast<float>(n - 1))
                                : p * static_cast<double>(n - 1);
  }
  return at;
}

// A vector along `axis` of a tensor of some rank.
Tensor along(const Tensor& x, int axis, int rank, Here here) {
  Shape shape;
  for (int i = 0; i < rank; ++i) shape = shape.inserted(i, i == axis ? x.numel() : 1);
  return reshape(x, shape, here);
}

}  // namespace

Selection sort(const Tensor& x, int axis, bool descending, Here here) {
  axis = checked_axis("sort", axis, x.rank());
  return picked(x, axis, ranked(x, axis, first(x.size(axis)), descending), here);
}

Tensor argsort(const Tensor& x, int axis, bool descending, Here) {
  axis = checked_axis("argsort", axis, x.rank());
  return ranked(x, axis, first(x.size(axis)), descending);
}

Selection topk(const Tensor& x, std::int64_t k, int axis, bool largest_first, Here here) {
  axis = checked_axis("topk", axis, x.rank());
  require<ShapeError>(k >= 0 && k <= x.size(axis), "topk: expected k in [0, ", x.size(axis), "], got ", k);
  return picked(x, axis, ranked(x, axis, first(k), largest_first), here);
}

Selection median(const Tensor& x, int axis, bool keep, Here here) {
  axis = checked_axis("median", axis, x.rank());
  check_any("median", x, axis);
  const std::int64_t middle = (x.size(axis) - 1) / 2;
  Selection result = picked(x, axis, ranked(x, axis, {&middle, 1}, false, NaN::spreads), here);
  if (keep) return result;
  return {squeeze(result.values, axis, here), squeeze(result.indices, axis, here)};
}

Tensor median(const Tensor& x, Here here) { return median(reshape(x, {-1}, here), 0, false, here).values; }

Tensor quantile(const Tensor& x, const Tensor& q, int axis, bool keep, QuantileRule rule, Here here) {
  axis = checked_axis("quantile", axis, x.rank());
  require<DTypeError>(is_differentiable(x.dtype()), "quantile: expected f32 or f64, got ", x.dtype());
  if (q.is_weak() && (q.dtype() != x.dtype() || q.device() != x.device()))
    return quantile(x, q.to(x.dtype(), here).to(x.device(), here), axis, keep, rule, here);
  require<DTypeError>(q.dtype() == x.dtype(), "quantile: expected q of dtype ", x.dtype(), ", got ", q.dtype());
  require<ShapeError>(q.rank() <= 1, "quantile: expected q to be a number or a vector, got shape ", q.shape());
  check_any("quantile", x, axis);
  require<ShapeError>(q.rank() + x.rank() <= max_rank, "quantile: expected at most ", max_rank - 1,
                      " axes to put one in front of, got ", x.shape());
  const std::int64_t n = x.size(axis);
  const std::vector<double> at = positions(q, n);
  std::vector<std::int64_t> ranks;  // the lower ones, then the higher ones
  std::vector<double> floors;
  for (const double p : at) {
    const double low = rule == QuantileRule::higher    ? std::ceil(p)
                       : rule == QuantileRule::nearest ? std::nearbyint(p)
                                                       : std::floor(p);
    floors.push_back(low);
    ranks.push_back(static_cast<std::int64_t>(low));
  }
  const bool between = rule == QuantileRule::linear || rule == QuantileRule::midpoint;
  if (between)
    for (const double p : at) ranks.push_back(static_cast<std::int64_t>(std::ceil(p)));
  const auto count = static_cast<std::int64_t>(at.size());
  Tensor y = gather_known("gather", x, axis, ranked(x, axis, ranks, false, NaN::spreads), here);
  if (between) {
    const Tensor low = slice(y, axis, 0, count, 1, here), high = slice(y, axis, count, 2 * count, 1, here);
    Tensor weight = 0.5;
    if (rule == QuantileRule::linear) {
      const Tensor rest = sub(mul(reshape(q, {-1}, here), static_cast<double>(n - 1), here),
                              Tensor::from(floors, {count}).to(x.dtype()).to(x.device()), here);
      weight = along(rest, axis, x.rank(), here);
    }
    y = lerp(low, high, weight, here);
  }
  if (q.rank() == 0) return keep ? y : squeeze(y, axis, here);
  y = transpose(unsqueeze(y, 0, here), 0, axis + 1, here);
  return keep ? y : squeeze(y, axis + 1, here);
}

Tensor quantile(const Tensor& x, const Tensor& q, QuantileRule rule, Here here) {
  return quantile(reshape(x, {-1}, here), q, 0, false, rule, here);
}

}  // namespace lumigrad
